//! Addresses (`envoy.config.core.v3.Address`).

use std::net::SocketAddr;

use serde::Serialize;

use crate::options::AdminAddress;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Address {
    #[serde(rename = "socket_address")]
    Socket {
        address: String,
        port_value: u16,
    },
    Pipe {
        path: String,
        mode: u32,
    },
    #[serde(rename = "envoy_internal_address")]
    EnvoyInternal {
        server_listener_name: String,
        /// Tells endpoints behind one internal listener apart.
        endpoint_id: String,
    },
}

/// Only the user that Envoy runs as may connect.
const OWNER_ONLY: u32 = 0o600;

impl Address {
    pub(super) fn admin(address: &AdminAddress) -> Self {
        match address {
            AdminAddress::Tcp(address) => (*address).into(),
            AdminAddress::Unix(path) => Self::Pipe { path: path.clone(), mode: OWNER_ONLY },
        }
    }

    /// An address, or a hostname for clusters that look it up.
    pub(super) fn host(host: impl Into<String>, port: u16) -> Self {
        Self::Socket { address: host.into(), port_value: port }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::host(address.ip().to_string(), address.port())
    }
}
