//! Options for compiling manifests: which Gateway to serve, and which addresses to bind.
//!
//! [`Options`] holds what the user wrote. `resolve` checks it against the manifests and reports [`UsageError`]s.

mod access_log;
mod admin;

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::str::FromStr;

pub use self::access_log::{AccessLog, AccessLogError};
pub use self::admin::{AdminAddress, AdminAddressError};

/// Which manifests to serve, and on which addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The only Gateway to serve; `None` serves all of them.
    pub gateway: Option<NamespacedName>,
    /// The address that listeners bind on their own ports, unless a port mapping says otherwise.
    pub listen_address: IpAddr,
    /// Listeners that bind other ports or addresses.
    pub port_mappings: Vec<PortMapping>,
    /// Leave out what has errors, and serve the rest.
    pub keep_going: bool,
    /// The address of Envoy's admin interface, which no endpoint may have.
    pub admin: AdminAddress,
    /// Whether endpoints may have loopback and link-local addresses.
    pub allow_loopback_endpoints: bool,
    /// What serves the Gateways.
    pub target: Target,
}

/// What serves the Gateways.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Target {
    /// One Envoy, with the configuration that `render` writes.
    #[default]
    Envoy,
    /// An implementation of the Gateway API, with an Envoy for each Gateway: their addresses do not conflict, and they can have
    /// addresses and parameters.
    Implementation(Implementation),
}

/// An implementation of the Gateway API that configures Envoy itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Implementation {
    /// Envoy Gateway.
    EnvoyGateway,
    /// Istio.
    Istio,
}

impl Implementation {
    /// Its name in messages.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::EnvoyGateway => "Envoy Gateway",
            Self::Istio => "Istio",
        }
    }

    /// Whether a controller of GatewayClasses can be this implementation: its name can be configured in both, but it is not that of another.
    #[must_use]
    pub fn is_controller(self, name: &str) -> bool {
        match self {
            Self::EnvoyGateway => !name.starts_with("istio.io/"),
            // Istio's other controllers are for Gateways without an Envoy that it deploys.
            Self::Istio if name.starts_with("istio.io/") => name == "istio.io/gateway-controller",
            Self::Istio => !name.starts_with("gateway.envoyproxy.io/"),
        }
    }
}

impl Default for Options {
    fn default() -> Self {
        Self {
            gateway: None,
            listen_address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            port_mappings: Vec::new(),
            keep_going: false,
            admin: AdminAddress::default(),
            allow_loopback_endpoints: false,
            target: Target::default(),
        }
    }
}

/// `NAMESPACE/NAME`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NamespacedName {
    /// The namespace.
    pub namespace: String,
    /// The name.
    pub name: String,
}

/// `LISTENER=BIND`: a listener and the address that it binds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortMapping {
    /// The listener.
    pub listener: ListenerName,
    /// The address that it binds.
    pub bind: Bind,
}

/// `LISTENER`, `GATEWAY/LISTENER` or `NAMESPACE/GATEWAY/LISTENER`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenerName {
    /// The namespace of the Gateway, only together with its name.
    pub namespace: Option<String>,
    /// The name of the Gateway.
    pub gateway: Option<String>,
    /// The name of the listener.
    pub listener: String,
}

/// The address that a listener binds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bind {
    /// A port of [`Options::listen_address`].
    Port(NonZeroU16),
    /// An address of its own.
    Address(SocketAddr),
}

/// Why the value of an option is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// It does not have two parts.
    #[error("expected NAMESPACE/NAME, such as default/eg")]
    NamespacedName,
    /// There is no `=`, one side is empty, or the listener has more than three parts.
    #[error(
        "expected LISTENER=BIND, where LISTENER is the name of a listener, GATEWAY/LISTENER or NAMESPACE/GATEWAY/LISTENER"
    )]
    PortMapping,
    /// It is neither a port nor an address with a port.
    #[error("invalid address {0:?}; expected a port from 1 to 65535, or IP:PORT")]
    Bind(String),
}

/// An option that does not fit the manifests. The exit status is 2.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UsageError {
    /// There is nothing to read.
    #[error("there are no manifests to read")]
    NoSources,
    /// `--gateway` names a Gateway that does not exist.
    #[error("Gateway {wanted} not found; {}", listed("the manifests contain", choices))]
    Gateway {
        /// The name given.
        wanted: NamespacedName,
        /// The Gateways that exist.
        choices: Vec<String>,
    },
    /// `--map-port` names a listener that does not exist.
    #[error("listener {wanted} not found; {}", listed("the manifests contain", choices))]
    UnknownListener {
        /// The name given.
        wanted: ListenerName,
        /// The listeners that exist.
        choices: Vec<String>,
    },
    /// `--map-port` names more than one listener.
    #[error("listener {wanted} is ambiguous; expected one of {}", choices.join(", "))]
    AmbiguousListener {
        /// The name given.
        wanted: ListenerName,
        /// The listeners with that name.
        choices: Vec<String>,
    },
    /// Two `--map-port` options move listeners of the same port to different addresses.
    #[error(
        "{listener} is mapped to both {first} and {second}, but listeners on the same port must share one address"
    )]
    TwoBinds {
        /// The listener of the second mapping.
        listener: String,
        /// The address in the first mapping.
        first: SocketAddr,
        /// The address in the second mapping.
        second: SocketAddr,
    },
    /// `--admin-address` is the address of a listener.
    #[error(
        "the admin interface and the listener {listener} cannot both bind the same address ({admin} and {bind}); move one of them with --admin-address or --map-port"
    )]
    AdminAddress {
        /// The address of the admin interface.
        admin: SocketAddr,
        /// The name of the listener in Envoy: `namespace/gateway/port`.
        listener: String,
        /// The address that it binds.
        bind: SocketAddr,
    },
}

fn listed(intro: &str, choices: &[String]) -> String {
    if choices.is_empty() {
        String::from("the manifests contain none")
    } else {
        format!("{intro} {}", choices.join(", "))
    }
}

impl FromStr for NamespacedName {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(Self { namespace: namespace.to_owned(), name: name.to_owned() })
            }
            _ => Err(OptionError::NamespacedName),
        }
    }
}

impl FromStr for PortMapping {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let (listener, bind) = text.split_once('=').ok_or(OptionError::PortMapping)?;
        Ok(Self { listener: listener.parse()?, bind: bind.parse()? })
    }
}

impl FromStr for ListenerName {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let parts: Vec<&str> = text.split('/').collect();
        if parts.iter().any(|part| part.is_empty()) {
            return Err(OptionError::PortMapping);
        }
        let (namespace, gateway, listener) = match parts[..] {
            [listener] => (None, None, listener),
            [gateway, listener] => (None, Some(gateway), listener),
            [namespace, gateway, listener] => (Some(namespace), Some(gateway), listener),
            _ => return Err(OptionError::PortMapping),
        };
        Ok(Self {
            namespace: namespace.map(str::to_owned),
            gateway: gateway.map(str::to_owned),
            listener: listener.to_owned(),
        })
    }
}

impl FromStr for Bind {
    type Err = OptionError;

    fn from_str(text: &str) -> Result<Self, OptionError> {
        let address =
            || text.parse().ok().filter(|address: &SocketAddr| address.port() != 0).map(Self::Address);
        let port = text.parse().ok().map(Self::Port);
        port.or_else(address).ok_or_else(|| OptionError::Bind(text.to_owned()))
    }
}

impl Bind {
    /// The complete address; a port alone is on `listen_address`.
    #[must_use]
    pub fn address(self, listen_address: IpAddr) -> SocketAddr {
        match self {
            Self::Port(port) => SocketAddr::new(listen_address, port.get()),
            Self::Address(address) => address,
        }
    }
}

impl fmt::Display for NamespacedName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

impl fmt::Display for PortMapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.listener, self.bind)
    }
}

impl fmt::Display for Bind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Port(port) => port.fmt(f),
            Self::Address(address) => address.fmt(f),
        }
    }
}

impl fmt::Display for ListenerName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in [&self.namespace, &self.gateway].into_iter().flatten() {
            write!(f, "{part}/")?;
        }
        f.write_str(&self.listener)
    }
}
