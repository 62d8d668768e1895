//! Backend, a kind of Envoy Gateway's: addresses and names outside of any Service.

use std::net::SocketAddr;

use crate::source::Spanned;

/// A Backend of the type `Endpoints`, without `tls` and `fallback`.
#[derive(Clone, Debug)]
pub struct Backend {
    /// `endpoints`: at least one.
    pub endpoints: Vec<Spanned<BackendEndpoint>>,
    /// `appProtocols`.
    pub app_protocols: Vec<Spanned<AppProtocol>>,
}

/// An endpoint of a Backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendEndpoint {
    /// `ip`.
    Ip(SocketAddr),
    /// `fqdn`.
    Fqdn {
        /// `hostname`.
        hostname: String,
        /// `port`.
        port: u16,
    },
}

/// A protocol that a Backend speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppProtocol {
    /// `gateway.envoyproxy.io/h2c`: HTTP/2 in the clear.
    H2c,
    /// `gateway.envoyproxy.io/ws`: WebSocket over HTTP/1.1.
    Ws,
    /// `gateway.envoyproxy.io/wss`: the same over TLS.
    Wss,
}
