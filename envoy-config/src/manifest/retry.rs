//! How long the requests of a rule may take, and when they are tried again (GEP-1742, GEP-1731). GRPCRoutes have neither.

use std::time::Duration;

use crate::source::Spanned;

/// `timeouts`; zero switches one off.
#[derive(Clone, Debug, Default)]
pub struct Timeouts {
    /// `request`: for the whole answer, retries included.
    pub request: Option<Spanned<Duration>>,
    /// `backendRequest`: for each try; no longer than `request`, unless that is zero.
    pub backend_request: Option<Spanned<Duration>>,
}

/// `retry`.
#[derive(Clone, Debug)]
pub struct Retry {
    /// `codes`: each once, 400 to 599.
    pub codes: Vec<Spanned<u16>>,
    /// `attempts`: how many retries there may be, at least 1.
    pub attempts: Option<u32>,
    /// `backoff`: how long to wait before a retry.
    pub backoff: Option<Duration>,
}
