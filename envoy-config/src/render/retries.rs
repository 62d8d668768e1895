//! Timeouts and retries of routes (`envoy.config.route.v3.RouteAction`, `RetryPolicy`).
//!
//! A dead endpoint is another one's request, not the client's 503: every virtual host has a policy for that. The policy of
//! a route takes its place, so it has all of it, too. Envoy counts retries of all kinds together.

use std::time::Duration;

use serde::{Serialize, Serializer};

use super::extension::{Empty, Extension, Message};
use crate::limits::Limits;
use crate::model::{self, Limit};

#[derive(Serialize)]
pub(super) struct RetryPolicy {
    retry_on: String,
    num_retries: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    per_try_timeout: Option<Time>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    retriable_status_codes: Vec<u16>,
    retry_back_off: BackOff,
    retry_host_predicate: (Extension<PreviousHosts>,),
    host_selection_retry_max_attempts: u32,
}

#[derive(Serialize)]
struct BackOff {
    base_interval: Time,
    max_interval: Time,
}

#[derive(Serialize)]
struct PreviousHosts(Empty);

impl Message for PreviousHosts {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.retry.host.previous_hosts.v3.PreviousHostsPredicate";
}

/// How long a route waits.
#[derive(Serialize)]
pub(super) struct Waiting {
    timeout: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_policy: Option<RetryPolicy>,
}

/// Whether requests may be tried again because of their answer's status.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Statuses {
    /// They may.
    Retried,
    /// They may not: the retry could leave the session's endpoint.
    Final,
}

/// A duration, as `1.500s`.
pub(super) struct Time(pub(super) Duration);

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(time) = self;
        if time.subsec_millis() == 0 {
            return serializer.collect_str(&format_args!("{}s", time.as_secs()));
        }
        serializer.collect_str(&format_args!("{}.{:03}s", time.as_secs(), time.subsec_millis()))
    }
}

/// Where no endpoint has seen the request, so that a retry is safe for every method.
const UNSEEN: &str = "connect-failure,refused-stream,reset-before-request";

/// Gateway API, `HTTPRouteRetry`: connections that fail in any way, or the time for a try, are worth a retry by themselves.
/// (`reset` has `reset-before-request` in it.)
const FAILED: &str = "connect-failure,refused-stream,reset";

/// Gets past five dead endpoints in one request, the first of them tried twice.
const RETRIES: u32 = 6;

impl Waiting {
    pub(super) fn of(forward: &model::Forward, statuses: Statuses) -> Self {
        let model::Timeouts { request, attempt } = forward.timeouts;
        let timeout = match request {
            Some(Limit::After(time)) => time,
            // The Gateway API leaves the timeout to us when a rule sets none. Envoy's own 15 s for the whole answer would
            // cut downloads and event streams; without it the stream idle timeout still ends dead ones.
            Some(Limit::Never) | None => Duration::ZERO,
        };
        Self {
            timeout: Time(timeout),
            idle_timeout: request.or(attempt).map(|limit| match limit {
                Limit::Never => Time(Duration::ZERO),
                Limit::After(time) => Time(time),
            }),
            retry_policy: RetryPolicy::of(forward, statuses),
        }
    }

    /// The same with an idle timeout only where that of all requests would come before the time that was asked for; zero
    /// switches it off.
    pub(super) fn within(self, limits: &Limits) -> Self {
        let general = limits.stream_idle_timeout;
        let longer = |time: Duration| time.is_zero() || time > general;
        let idle_timeout = self.idle_timeout.filter(|Time(time)| !general.is_zero() && longer(*time));
        Self { idle_timeout, ..self }
    }
}

impl RetryPolicy {
    /// What every virtual host has.
    pub(super) fn failover() -> Self {
        Self {
            retry_on: String::from(UNSEEN),
            num_retries: RETRIES,
            per_try_timeout: None,
            retriable_status_codes: Vec::new(),
            retry_back_off: BackOff {
                base_interval: Time(Duration::from_millis(10)),
                max_interval: Time(Duration::from_millis(100)),
            },
            retry_host_predicate: (Extension::new(
                "envoy.retry_host_predicates.previous_hosts",
                PreviousHosts(Empty {}),
            ),),
            // By weight alone the dead endpoint of a locality with 99 of 100 comes up again and again: with five attempts 75
            // of 100 requests were answered 503, with these none. Picking is cheap.
            host_selection_retry_max_attempts: 200,
        }
    }

    /// A route's own, if it needs one.
    fn of(forward: &model::Forward, statuses: Statuses) -> Option<Self> {
        let per_try_timeout = match forward.timeouts.attempt {
            Some(Limit::After(time)) => Some(Time(time)),
            Some(Limit::Never) | None => None,
        };
        let Some(retry) = &forward.retry else {
            per_try_timeout.as_ref()?;
            return Some(Self { per_try_timeout, ..Self::failover() });
        };
        let codes = match statuses {
            Statuses::Retried => retry.statuses.clone(),
            Statuses::Final => Vec::new(),
        };
        // The first retry of a session goes to its own endpoint, which may have closed an idle connection and nothing else.
        let again = match statuses {
            Statuses::Retried => 0,
            Statuses::Final => u32::from(retry.attempts != Some(0)),
        };
        let on_status = if codes.is_empty() { "" } else { ",retriable-status-codes" };
        let failover = Self::failover();
        Some(Self {
            retry_on: format!("{FAILED}{on_status}"),
            num_retries: retry.attempts.map_or(RETRIES, |attempts| attempts.saturating_add(again)),
            per_try_timeout,
            retriable_status_codes: codes,
            retry_back_off: retry.backoff.map_or(failover.retry_back_off, BackOff::around),
            ..Self::failover()
        })
    }
}

impl BackOff {
    /// Envoy draws each wait at random, from nothing to the interval, and the interval doubles with each retry: twice the time
    /// makes the first wait that long on average. (It has no least wait.)
    fn around(time: Duration) -> Self {
        const DAY: Duration = Duration::from_hours(24);
        // Envoy takes no interval below a millisecond, and none of some centuries.
        let base = time.saturating_mul(2).max(Duration::from_millis(1));
        let longest = base.saturating_mul(10).min(DAY).max(base);
        Self { base_interval: Time(base), max_interval: Time(longest) }
    }
}
