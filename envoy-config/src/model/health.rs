//! How Envoy judges the health of endpoints, beside what the manifests say.

use std::time::Duration;

/// The health checks of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Envoy asks the endpoints.
    pub active: Option<ActiveCheck>,
    /// Envoy watches the answers of the endpoints.
    pub outliers: Option<OutlierDetection>,
    /// If less than this percentage of the endpoints is healthy, all of them get requests; `None` for Envoy's default.
    pub panic_percent: Option<u32>,
}

/// Checks of all endpoints.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActiveCheck {
    /// The limit for a check.
    pub timeout: Duration,
    /// The time between two checks of an endpoint.
    pub interval: Duration,
    /// The longest random wait before the first check.
    pub initial_jitter: Option<Duration>,
    /// Failed checks in a row that make an endpoint unhealthy.
    pub unhealthy_threshold: u32,
    /// Passed checks in a row that make it healthy again.
    pub healthy_threshold: u32,
    /// What is asked.
    pub probe: Probe,
    /// The port that is asked; `None` for that of the endpoint.
    pub port: Option<u16>,
}

/// What an endpoint is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Probe {
    /// A request over HTTP, in the version of the cluster.
    Http {
        /// `Host`.
        host: String,
        /// The path, with the query.
        path: String,
        /// The method.
        method: &'static str,
        /// Statuses of a healthy endpoint, sorted, without duplicates.
        expected: Vec<u16>,
        /// Statuses that make an endpoint unhealthy only after several checks, sorted, without duplicates. Others do so at
        /// once.
        retriable: Vec<u16>,
        /// The body of the request.
        body: Option<Vec<u8>>,
        /// What the body of the answer must contain.
        contains: Option<Vec<u8>>,
    },
    /// A connection, and bytes over it.
    Tcp {
        /// What is sent.
        send: Option<Vec<u8>>,
        /// What the answer must contain.
        receive: Option<Vec<u8>>,
    },
    /// The health service of gRPC. Only for clusters with HTTP/2.
    Grpc {
        /// The authority.
        host: String,
        /// The name of the service; empty for the whole server.
        service: String,
    },
}

/// Which endpoints are ejected for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutlierDetection {
    /// Whether failures to connect are counted apart from answers.
    pub split_local_origin: bool,
    /// How often ejections are checked.
    pub interval: Duration,
    /// Failures to connect in a row, if they are counted apart.
    pub local_origin_failures: u32,
    /// Statuses 502, 503 and 504 in a row; `None`: they are only counted as server errors.
    pub gateway_errors: Option<u32>,
    /// Statuses from 500 to 599 in a row.
    pub server_errors: u32,
    /// How long the first ejection lasts; each further one is longer.
    pub base_ejection_time: Duration,
    /// The greatest percentage of endpoints that are ejected.
    pub max_ejection_percent: u32,
    /// The percentage of failed requests that ejects an endpoint.
    pub failure_percentage: Option<u32>,
    /// Whether one endpoint may be ejected in any case.
    pub always_eject_one: bool,
}

impl Health {
    /// Whether Envoy can find an endpoint unhealthy.
    #[must_use]
    pub const fn is_judged(&self) -> bool {
        self.active.is_some() || self.outliers.is_some()
    }
}
