//! What every command asks for: which manifests, which Gateway, and where it binds.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::Streams;
use super::input::{self, Input, InputError};
use crate::limits::{LimitError, Limits, Setting};
use crate::options::{AdminAddress, NamespacedName, Options, PortMapping};

/// The manifests, and what of them is to be looked at.
#[derive(Debug, Args)]
pub(super) struct Request {
    /// Manifests to read: a file, a directory, or - for standard input; repeatable.
    ///
    /// YAML with any number of documents, or JSON. Of a directory, the files that end in .yaml, .yml or .json are read,
    /// not those in directories below it.
    #[arg(short, long = "filename", value_name = "FILE|DIR|-", required = true)]
    filenames: Vec<PathBuf>,

    /// Serve this Gateway only [default: all whose GatewayClass is among the manifests].
    #[arg(long, value_name = "NAMESPACE/NAME")]
    gateway: Option<NamespacedName>,

    /// The address that listeners bind, at their own port.
    #[arg(long, value_name = "IP", default_value = "0.0.0.0")]
    listen_address: IpAddr,

    /// Bind a listener elsewhere: at a port of the listen address, or at IP:PORT; repeatable.
    ///
    /// LISTENER is a listener's name, GATEWAY/LISTENER or NAMESPACE/GATEWAY/LISTENER. The listeners of a Gateway that
    /// share a port move together.
    #[arg(long = "map-port", value_name = "LISTENER=BIND")]
    port_mappings: Vec<PortMapping>,

    /// Where Envoy's admin interface listens: at a TCP address or on a Unix socket.
    ///
    /// Requests through Envoy cannot reach a Unix socket, whatever names the manifests refer to. No endpoint may have the TCP
    /// address.
    #[arg(long, value_name = "IP:PORT|unix:/PATH", default_value_t)]
    admin_address: AdminAddress,

    /// Allow endpoints on the machine that Envoy runs on, and with link-local addresses.
    ///
    /// They are errors otherwise, since what listens there (admin interfaces, a cloud's metadata service) often trusts
    /// everybody who can reach it.
    #[arg(long)]
    allow_loopback_endpoints: bool,

    /// Set a limit of Envoy, as requests-per-rule=1000, connection-buffer=64KiB or stream-idle-timeout=10m; repeatable.
    ///
    /// NAME is one of connections, streams-per-connection, connections-per-rule, pending-requests-per-rule,
    /// requests-per-rule, retries-per-rule, stream-window, connection-window, connection-buffer, retry-buffer, heap,
    /// handshake-timeout, request-headers-timeout, request-receive-timeout, stream-idle-timeout, connection-idle-timeout,
    /// upstream-idle-timeout. docs/configuration.md lists their defaults and reasons.
    #[arg(long = "limit", value_name = "NAME=VALUE")]
    limits: Vec<Setting>,
}

impl Request {
    /// Reads the manifests.
    pub(super) fn read(&self, streams: &mut Streams<'_>) -> Result<Input, InputError> {
        input::read(&self.filenames, streams.input)
    }

    /// The limits of Envoy.
    pub(super) fn limits(&self) -> Result<Limits, LimitError> {
        Limits::with(&self.limits)
    }

    /// The options, given whether to leave out what is wrong.
    pub(super) fn options(self, keep_going: bool) -> Options {
        Options {
            gateway: self.gateway,
            listen_address: self.listen_address,
            port_mappings: self.port_mappings,
            keep_going,
            admin: self.admin_address,
            allow_loopback_endpoints: self.allow_loopback_endpoints,
        }
    }
}
