//! Counters: Envoy shows them as `wasmcustom.session_persistence.…`.
//!
//! A returning client counts nothing: requests are counted by Envoy itself, and each count costs a call.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::session::{Issue, Refusal};
use crate::token::OpenError;

/// What the filter counts.
pub(super) struct Counters {
    new: Counter,
    moved: Counter,
    again: Counter,
    ended: Counter,
    malformed: Counter,
    unknown_key: Counter,
    forged: Counter,
    expired: Counter,
    idle: Counter,
    future_dated: Counter,
}

/// A counter; none if Envoy did not define it.
struct Counter(Option<u32>);

impl Counters {
    /// Defines the counters.
    pub(super) fn define() -> Self {
        Self {
            new: Counter::define("issued.new"),
            moved: Counter::define("issued.moved"),
            again: Counter::define("issued.again"),
            ended: Counter::define("issued.ended"),
            malformed: Counter::define("refused.malformed"),
            unknown_key: Counter::define("refused.unknown_key"),
            forged: Counter::define("refused.forged"),
            expired: Counter::define("refused.expired"),
            idle: Counter::define("refused.idle"),
            future_dated: Counter::define("refused.future_dated"),
        }
    }

    /// Counts a token given to a client.
    pub(super) fn issued(&self, issue: &Issue) {
        match issue {
            Issue::New(_) => self.new.count(),
            Issue::Moved(_) => self.moved.count(),
            Issue::Again(_) => self.again.count(),
        }
    }

    /// Counts a session that was ended.
    pub(super) fn ended(&self) {
        self.ended.count();
    }

    /// Counts a token that does not count.
    pub(super) fn refused(&self, refusal: Refusal) {
        match refusal {
            Refusal::Unopened(OpenError::Malformed) => self.malformed.count(),
            Refusal::Unopened(OpenError::UnknownKey) => self.unknown_key.count(),
            Refusal::Unopened(OpenError::Forged) => self.forged.count(),
            Refusal::Expired => self.expired.count(),
            Refusal::Idle => self.idle.count(),
            Refusal::FutureDated => self.future_dated.count(),
        }
    }
}

impl Counter {
    fn define(name: &str) -> Self {
        let defined = hostcalls::define_metric(MetricType::Counter, &format!("session_persistence.{name}"));
        if let Err(status) = &defined {
            log::error!("the counter {name} cannot be defined: {status:?}");
        }
        Self(defined.ok())
    }

    fn count(&self) {
        if let Some(id) = self.0 {
            super::report("count", hostcalls::increment_metric(id, 1));
        }
    }
}
