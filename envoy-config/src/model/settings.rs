//! How Envoy treats the endpoints of a cluster, where that is not left to the limits of the command line.

use std::time::Duration;

use super::{Health, Limit};

/// The settings of a cluster; the default leaves everything to the limits of the command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClusterSettings {
    /// Limits of connections and requests.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// How long a connection may take to be established.
    pub connect_timeout: Option<Duration>,
    /// How long a connection may have no request.
    pub connection_idle_timeout: Option<Limit>,
    /// How long a connection may last.
    pub connection_duration: Option<Duration>,
    /// Bytes buffered for each direction of a connection.
    pub connection_buffer: Option<u32>,
    /// How an endpoint is chosen for requests that are not pinned to one.
    pub load_balancing: LoadBalancing,
    /// How Envoy judges the health of endpoints.
    pub health: Health,
    /// Connections for each 100 that the active requests of an endpoint need: more than 100 connects in advance.
    pub preconnect_percent: Option<u32>,
}

/// How an endpoint is chosen, among those of a backend that is chosen by weight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadBalancing {
    /// Each in turn.
    RoundRobin {
        /// How long a new endpoint gets fewer requests.
        slow_start: Option<Duration>,
    },
    /// The one of two random endpoints that has fewer requests.
    LeastRequest {
        /// How long a new endpoint gets fewer requests.
        slow_start: Option<Duration>,
    },
    /// Any.
    Random,
    /// By a hash of the request ([`super::Forward::hash`]); any endpoint if there is nothing to hash.
    ConsistentHash {
        /// The size of the table: a prime.
        table_size: u32,
    },
}

impl Default for LoadBalancing {
    fn default() -> Self {
        Self::RoundRobin { slow_start: None }
    }
}

/// Limits of one cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CircuitBreaker {
    /// Connections to all endpoints.
    pub connections: u32,
    /// Requests that wait for a connection.
    pub pending_requests: u32,
    /// Concurrent requests.
    pub requests: u32,
    /// Concurrent retries.
    pub retries: RetryLimit,
    /// Requests over one connection; `None` for no limit.
    pub requests_per_connection: Option<u32>,
    /// Connections to one endpoint; `None` for no limit.
    pub connections_per_endpoint: Option<u32>,
}

/// The limit of concurrent retries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RetryLimit {
    /// This number.
    Number(u32),
    /// A fraction of the active requests.
    Budget {
        /// The fraction in millionths.
        millionths: u32,
        /// This number is always allowed.
        least: u32,
    },
}
