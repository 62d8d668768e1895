//! Addresses (`envoy.config.core.v3.Address`).

use std::net::SocketAddr;

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Address {
    SocketAddress {
        address: String,
        port_value: u16,
    },
    EnvoyInternalAddress {
        server_listener_name: String,
        /// Tells endpoints behind one internal listener apart.
        endpoint_id: String,
    },
}

impl Address {
    /// An address, or a hostname for clusters that look it up.
    pub(super) fn host(host: impl Into<String>, port: u16) -> Self {
        Self::SocketAddress { address: host.into(), port_value: port }
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::host(address.ip().to_string(), address.port())
    }
}
