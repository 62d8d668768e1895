//! Counters, which Envoy shows as `wasmcustom.session_persistence.…`.
//!
//! Requests of returning clients are not counted: Envoy counts requests itself, and each increment costs a call.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::session::{Issue, Rejection};
use crate::token::OpenError;

/// The counters of the filter.
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

    /// Counts an issued token.
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

    /// Counts a rejected token.
    pub(super) fn rejected(&self, rejection: Rejection) {
        match rejection {
            Rejection::Unopened(OpenError::Malformed) => self.malformed.count(),
            Rejection::Unopened(OpenError::UnknownKey) => self.unknown_key.count(),
            Rejection::Unopened(OpenError::Forged) => self.forged.count(),
            Rejection::Expired => self.expired.count(),
            Rejection::Idle => self.idle.count(),
            Rejection::FutureDated => self.future_dated.count(),
        }
    }
}

impl Counter {
    fn define(name: &str) -> Self {
        let defined = hostcalls::define_metric(MetricType::Counter, &format!("session_persistence.{name}"));
        if let Err(status) = &defined {
            log::error!("cannot define the counter {name}: {status:?}");
        }
        Self(defined.ok())
    }

    fn count(&self) {
        if let Some(id) = self.0 {
            super::report("count", hostcalls::increment_metric(id, 1));
        }
    }
}
