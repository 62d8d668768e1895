//! Limits of the rendered Envoy: connections, requests, memory and timeouts.
//!
//! Envoy's own defaults are made for a service mesh. The defaults here follow Envoy's guide "Configuring Envoy as an
//! edge proxy", except where long WebSockets, event streams or uploads would break. Each limit can be set by name.

mod setting;

use std::time::Duration;

pub use self::setting::{LimitError, Setting};

/// All limits. A timeout of zero means no limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections of clients, on all listeners together.
    pub connections: u32,
    /// Concurrent requests on one HTTP/2 connection.
    pub streams_per_connection: u32,
    /// Connections to the backends of one rule.
    pub connections_per_rule: u32,
    /// Requests of one rule that are waiting for a connection to a backend.
    pub pending_requests_per_rule: u32,
    /// Concurrent requests of one rule, including WebSockets.
    pub requests_per_rule: u32,
    /// Concurrent retries of one rule.
    pub retries_per_rule: u32,
    /// The flow-control window of an HTTP/2 stream, in bytes.
    pub stream_window: u32,
    /// The flow-control window of a client's HTTP/2 connection, in bytes.
    pub connection_window: u32,
    /// Bytes buffered for each direction of a connection before the sender has to wait.
    pub connection_buffer: u32,
    /// Bytes of a request body that are kept for a retry.
    pub retry_buffer: u32,
    /// The heap size at which Envoy sheds load, in bytes; `None` for no limit.
    pub heap: Option<u64>,
    /// Timeout of a TLS handshake.
    pub handshake_timeout: Duration,
    /// Timeout for receiving the headers of a request.
    pub request_headers_timeout: Duration,
    /// Timeout for receiving a whole request.
    pub request_receive_timeout: Duration,
    /// How long a request or WebSocket can be idle in both directions.
    pub stream_idle_timeout: Duration,
    /// How long a client's connection can be idle.
    pub connection_idle_timeout: Duration,
    /// How long a connection to a backend can be idle.
    pub upstream_idle_timeout: Duration,
}

const KIB: u32 = 1 << 10;
const MIB: u32 = 1 << 20;

impl Default for Limits {
    fn default() -> Self {
        Self {
            connections: 50_000,
            streams_per_connection: 100,
            connections_per_rule: 65_536,
            pending_requests_per_rule: 65_536,
            requests_per_rule: 65_536,
            retries_per_rule: 65_536,
            stream_window: 256 * KIB,
            connection_window: MIB,
            connection_buffer: 32 * KIB,
            retry_buffer: MIB,
            heap: None,
            handshake_timeout: Duration::from_secs(10),
            request_headers_timeout: Duration::from_secs(10),
            request_receive_timeout: Duration::ZERO,
            stream_idle_timeout: Duration::from_mins(5),
            connection_idle_timeout: Duration::from_mins(15),
            upstream_idle_timeout: Duration::from_secs(1),
        }
    }
}

/// The names of all limits, in the order of the documentation.
pub const NAMES: [&str; 17] = [
    "connections",
    "streams-per-connection",
    "connections-per-rule",
    "pending-requests-per-rule",
    "requests-per-rule",
    "retries-per-rule",
    "stream-window",
    "connection-window",
    "connection-buffer",
    "retry-buffer",
    "heap",
    "handshake-timeout",
    "request-headers-timeout",
    "request-receive-timeout",
    "stream-idle-timeout",
    "connection-idle-timeout",
    "upstream-idle-timeout",
];
