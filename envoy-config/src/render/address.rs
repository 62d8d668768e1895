//! Addresses (`envoy.config.core.v3.Address`): of listeners, endpoints and the admin interface.

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
        /// Identifies this endpoint among those that use the same internal listener.
        endpoint_id: String,
    },
}

/// Only the user that runs Envoy can connect.
const OWNER_ONLY: u32 = 0o600;

impl Address {
    pub(super) fn admin(address: &AdminAddress) -> Self {
        match address {
            AdminAddress::Tcp(address) => (*address).into(),
            AdminAddress::Unix(path) => Self::Pipe { path: path.clone(), mode: OWNER_ONLY },
        }
    }

    /// An IP address, or a hostname in a DNS cluster.
    pub(super) fn host(host: impl Into<String>, port: u16) -> Self {
        Self::Socket { address: host.into(), port_value: port }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::host(address.ip().to_string(), address.port())
    }
}
