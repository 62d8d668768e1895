//! How long a request may take, and when it is tried again.

use std::time::Duration;

/// How long a request may take; none leaves it to Envoy, which has no bound but one for silence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timeouts {
    /// All tries together, until the whole answer is there.
    pub request: Option<Limit>,
    /// One try.
    pub attempt: Option<Limit>,
}

/// A bound in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// No bound at all, however long nothing happens.
    Never,
    /// This long, more than nothing.
    After(Duration),
}

/// When a request is tried again, beyond the case that no endpoint has seen it.
///
/// Retries may go to another endpoint, so a request of a session is not retried because of a status: its endpoint is there and
/// has answered. It is retried when that fails to answer, first at the same endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Retry {
    /// The statuses that are tried again, sorted, each once.
    pub statuses: Vec<u16>,
    /// How many retries there may be of any kind, if that was asked for.
    pub attempts: Option<u32>,
    /// How long to wait before the first retry, if that was asked for.
    pub backoff: Option<Duration>,
}
