//! Timeouts and retries of requests.

use std::time::Duration;

/// Timeouts; `None` leaves them to Envoy, which has only an idle timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// For all attempts, until the response is complete.
    pub request: Option<Limit>,
    /// For one attempt.
    pub attempt: Option<Limit>,
    /// While nothing is sent in either direction.
    pub idle: Option<Limit>,
    /// From the start of the request, until the response is complete.
    pub stream: Option<Duration>,
}

/// A time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No limit, not even for idle streams.
    Never,
    /// A time greater than zero.
    After(Duration),
}

/// When a request is retried, in addition to failures to reach the endpoint.
///
/// Retries may go to another endpoint, so requests with a session are not retried because of a status: their
/// endpoint has answered. If it fails to answer, they are retried on the same endpoint first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The conditions for a retry, sorted, without duplicates.
    pub conditions: Vec<RetryCondition>,
    /// Statuses that are retried, sorted, without duplicates.
    pub statuses: Vec<u16>,
    /// The maximum number of retries.
    pub attempts: u32,
    /// The wait before a retry, if it is set.
    pub backoff: Option<Backoff>,
}

/// A condition for a retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum RetryCondition {
    /// The endpoint did not answer: the connection ended, or an attempt took too long.
    Reset,
    /// The same, or the status is from 500 to 599.
    ServerError,
    /// The same, or the status is 502, 503 or 504.
    GatewayError,
    /// The status is 409.
    Conflict,
    /// A status of gRPC: `CANCELLED`.
    Cancelled,
    /// A status of gRPC: `DEADLINE_EXCEEDED`.
    DeadlineExceeded,
    /// A status of gRPC: `INTERNAL`.
    Internal,
    /// A status of gRPC: `RESOURCE_EXHAUSTED`.
    ResourceExhausted,
    /// A status of gRPC: `UNAVAILABLE`.
    Unavailable,
}

/// The wait before a retry, which is random and grows with each retry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Backoff {
    /// The average of the first wait.
    Average(Duration),
    /// The bounds of the waits.
    Within {
        /// The first wait is shorter than this.
        base: Duration,
        /// No wait is longer than this.
        longest: Duration,
    },
}

impl Retry {
    /// Whether some answers of endpoints are retried.
    #[must_use]
    pub fn depends_on_answers(&self) -> bool {
        !self.statuses.is_empty()
            || self.conditions.iter().any(|condition| *condition != RetryCondition::Reset)
    }

    /// Whether requests without an answer are retried.
    #[must_use]
    pub fn includes_reset(&self) -> bool {
        self.conditions.iter().any(|condition| condition.includes_reset())
    }
}

impl RetryCondition {
    const fn includes_reset(self) -> bool {
        matches!(self, Self::Reset | Self::ServerError | Self::GatewayError)
    }
}
