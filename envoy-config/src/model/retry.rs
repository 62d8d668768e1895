//! Timeouts and retries of requests.

use std::time::Duration;

/// Timeouts; `None` leaves them to Envoy, which has only an idle timeout.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// For all attempts, until the response is complete.
    pub request: Option<Limit>,
    /// For one attempt.
    pub attempt: Option<Limit>,
}

/// A time limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No limit, not even for idle streams.
    Never,
    /// A time greater than zero.
    After(Duration),
}

/// When a request is retried, in addition to failures to connect.
///
/// Retries may go to another endpoint, so requests with a session are not retried because of a status: their
/// endpoint has answered. If it fails to answer, they are retried on the same endpoint first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Statuses that are retried, sorted, without duplicates.
    pub statuses: Vec<u16>,
    /// The maximum number of retries, if it is set.
    pub attempts: Option<u32>,
    /// The wait before the first retry, if it is set.
    pub backoff: Option<Duration>,
}
