//! The address of Envoy's admin interface: a TCP address or a Unix socket. Requests through Envoy cannot reach a
//! socket.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;

/// The address of Envoy's admin interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// A TCP address.
    Tcp(SocketAddr),
    /// The absolute path of a Unix socket.
    Unix(String),
}

/// Why an address of the admin interface is invalid.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminAddressError {
    /// It is neither `IP:PORT` nor a path.
    #[error("expected IP:PORT, unix:/PATH or /PATH")]
    Form,
    /// The path is too long for a Unix socket.
    #[error("the path of a Unix socket can have at most {PATH_LIMIT} bytes, but this one has {0}")]
    PathTooLong(usize),
}

/// The longest path of a Unix socket in bytes (`sun_path` without the terminating zero, unix(7)).
const PATH_LIMIT: usize = 107;

impl AdminAddress {
    /// Whether other machines may be able to reach it.
    #[must_use]
    pub const fn is_exposed(&self) -> bool {
        match self {
            Self::Tcp(address) => !address.ip().to_canonical().is_loopback(),
            Self::Unix(_) => false,
        }
    }
}

impl Default for AdminAddress {
    fn default() -> Self {
        Self::Tcp(SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 9901))
    }
}

impl From<SocketAddr> for AdminAddress {
    fn from(address: SocketAddr) -> Self {
        Self::Tcp(address)
    }
}

impl FromStr for AdminAddress {
    type Err = AdminAddressError;

    fn from_str(text: &str) -> Result<Self, AdminAddressError> {
        match text.strip_prefix("unix:").unwrap_or(text) {
            path if path.starts_with('/') && path.len() > PATH_LIMIT => {
                Err(AdminAddressError::PathTooLong(path.len()))
            }
            path if path.starts_with('/') && !path.ends_with('/') => Ok(Self::Unix(path.to_owned())),
            _ => text.parse().map(Self::Tcp).map_err(|_| AdminAddressError::Form),
        }
    }
}

impl fmt::Display for AdminAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{path}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_ip_and_port_or_a_path() {
        let tcp = |text: &str| Ok(AdminAddress::Tcp(text.parse().unwrap()));
        let unix = |path: &str| Ok(AdminAddress::Unix(path.to_owned()));
        let long = format!("/{}", "a".repeat(PATH_LIMIT));
        for (text, expected) in [
            ("127.0.0.1:9901", tcp("127.0.0.1:9901")),
            ("[::1]:9901", tcp("[::1]:9901")),
            ("/run/admin.sock", unix("/run/admin.sock")),
            ("unix:/run/admin.sock", unix("/run/admin.sock")),
            ("unix:run/admin.sock", Err(AdminAddressError::Form)),
            ("/run/", Err(AdminAddressError::Form)),
            ("localhost:9901", Err(AdminAddressError::Form)),
            ("9901", Err(AdminAddressError::Form)),
            ("", Err(AdminAddressError::Form)),
            (&long, Err(AdminAddressError::PathTooLong(108))),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
    }

    #[test]
    fn only_tcp_beyond_loopback_is_exposed() {
        for (text, exposed) in [
            ("127.0.0.1:1", false),
            ("127.9.9.9:1", false),
            ("[::1]:1", false),
            ("[::ffff:127.0.0.1]:1", false),
            ("/run/admin.sock", false),
            ("0.0.0.0:1", true),
            ("[::]:1", true),
            ("10.0.0.1:1", true),
        ] {
            assert_eq!(text.parse::<AdminAddress>().unwrap().is_exposed(), exposed, "{text}");
        }
    }
}
