//! The options that all commands have: which manifests to read, which Gateway to serve, which addresses to bind.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::Streams;
use super::input::{self, Input, InputError};
use crate::limits::{LimitError, Limits, Setting};
use crate::options::{AdminAddress, NamespacedName, Options, PortMapping, Target};

/// The options that all commands have.
#[derive(Debug, Args)]
pub(super) struct SharedOptions {
    /// Manifests to read: a file, a directory, or - for standard input; can be repeated.
    ///
    /// YAML with any number of documents, or JSON. In a directory, files that end in .yaml, .yml or .json are read, but
    /// not those in subdirectories.
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", required = true)]
    filenames: Vec<PathBuf>,

    #[command(flatten)]
    compiling: CompileOptions,
}

/// The options for compiling manifests, wherever they come from.
#[derive(Debug, Args)]
pub(super) struct CompileOptions {
    /// Serve only this Gateway [default: all Gateways].
    #[arg(long, value_name = "NAMESPACE/NAME")]
    gateway: Option<NamespacedName>,

    /// IP address that listeners bind, each on its own port.
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    listen_address: IpAddr,

    /// Bind a listener to another port or address; can be repeated.
    ///
    /// LISTENER is the name of a listener, GATEWAY/LISTENER or NAMESPACE/GATEWAY/LISTENER. BIND is a port of the listen
    /// address, or IP:PORT. All listeners of a Gateway that share a port move together.
    #[arg(long = "map-port", value_name = "LISTENER=BIND")]
    port_mappings: Vec<PortMapping>,

    /// Address of Envoy's admin interface: a TCP address or a Unix socket.
    ///
    /// An endpoint with this TCP address is an error. Requests through Envoy can never reach a Unix socket.
    #[arg(long, value_name = "IP:PORT|unix:/PATH", default_value_t)]
    admin_address: AdminAddress,

    /// Allow endpoints with loopback and link-local addresses.
    ///
    /// By default they are errors: services at such addresses (admin interfaces, a cloud's metadata service) often
    /// trust everyone who can reach them.
    #[arg(long)]
    allow_loopback_endpoints: bool,

    /// Set a limit of Envoy, such as requests-per-rule=1000 or stream-idle-timeout=10m; can be repeated.
    ///
    /// NAME is one of connections, streams-per-connection, connections-per-rule, pending-requests-per-rule,
    /// requests-per-rule, retries-per-rule, stream-window, connection-window, connection-buffer, retry-buffer, heap,
    /// handshake-timeout, request-headers-timeout, request-receive-timeout, stream-idle-timeout,
    /// connection-idle-timeout, upstream-idle-timeout. Sizes are written as 64KiB, times as 10m. docs/configuration.md
    /// explains each limit and its default.
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    limits: Vec<Setting>,
}

impl SharedOptions {
    /// What `-f` names.
    pub(super) fn filenames(&self) -> &[PathBuf] {
        &self.filenames
    }

    /// Reads the manifests.
    pub(super) fn read(&self, streams: &mut Streams<'_>) -> Result<Input, InputError> {
        input::read(&self.filenames, streams.input)
    }

    /// The limits of Envoy, with the defaults.
    pub(super) fn limits(&self) -> Result<Limits, LimitError> {
        Limits::with(&self.compiling.limits)
    }

    /// The options for compiling the manifests.
    pub(super) fn options(&self, keep_going: bool) -> Options {
        self.compiling.options(keep_going)
    }
}

impl CompileOptions {
    /// The options for compiling the manifests.
    pub(super) fn options(&self, keep_going: bool) -> Options {
        Options {
            gateway: self.gateway.clone(),
            listen_address: self.listen_address,
            port_mappings: self.port_mappings.clone(),
            keep_going,
            admin: self.admin_address.clone(),
            allow_loopback_endpoints: self.allow_loopback_endpoints,
            target: Target::Envoy,
        }
    }
}
