//! What every command asks for: which manifests, which Gateway, and where it binds.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::Args;

use super::Streams;
use super::input::{self, InputError};
use crate::options::{NamespacedName, Options, PortMapping};
use crate::source::Source;

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
}

impl Request {
    /// Reads the manifests.
    pub(super) fn read(&self, streams: &mut Streams<'_>) -> Result<Vec<Source>, InputError> {
        input::read(&self.filenames, streams.input)
    }

    /// The options, given whether to leave out what is wrong.
    pub(super) fn options(self, keep_going: bool) -> Options {
        Options {
            gateway: self.gateway,
            listen_address: self.listen_address,
            port_mappings: self.port_mappings,
            keep_going,
        }
    }
}
