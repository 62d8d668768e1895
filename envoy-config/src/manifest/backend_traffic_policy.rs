//! `BackendTrafficPolicy`, a kind of Envoy Gateway (gateway.envoyproxy.io/v1alpha1): how Envoy treats the backends of
//! rules.
//!
//! The types have the names of Envoy Gateway's API, one module for each. Its schema, CEL rules and defaults apply, and so do
//! the checks of its translator, because a policy that Envoy Gateway rejects cannot be served.

mod circuit_breaker;
mod connection;
mod health_check;
mod load_balancer;
mod retry;
mod timeout;

pub use self::circuit_breaker::{CircuitBreaker, RetryBudget};
pub use self::connection::Connection;
pub use self::health_check::{ActiveHealthCheck, Checker, HealthCheck, HttpChecker, PassiveHealthCheck};
pub use self::load_balancer::{ConsistentHash, HashInput, LoadBalancer};
pub use self::retry::{BackOff, Retry, Trigger};
pub use self::timeout::Timeout;

use std::time::Duration;

use crate::diagnostic::Code;
use crate::duration;
use crate::manifest::policy_targets::{self, Targets};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known, Unsupported};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::parsed;
use crate::source::Spanned;

/// `spec` of a `BackendTrafficPolicy`.
#[derive(Clone, Debug)]
pub struct BackendTrafficPolicy {
    /// `targetRef`, `targetRefs` and `targetSelectors`.
    pub targets: Targets,
    /// `circuitBreaker`.
    pub circuit_breaker: Option<CircuitBreaker>,
    /// `retry`.
    pub retry: Option<Spanned<Retry>>,
    /// `timeout`.
    pub timeout: Timeout,
    /// `connection`.
    pub connection: Connection,
    /// `healthCheck`.
    pub health_check: HealthCheck,
    /// `loadBalancer`.
    pub load_balancer: Option<LoadBalancer>,
}

const WITHOUT: &str = "remove the field if the targets can be served without it";

const POLICY: Known = Known {
    read: &[
        "targetRef",
        "targetRefs",
        "targetSelectors",
        "circuitBreaker",
        "retry",
        "timeout",
        "connection",
        "loadBalancer",
        "healthCheck",
    ],
    unread: &[],
    unsupported: &[
        unsupported("mergeType", "only the most specific policy of a rule applies, as a whole"),
        unsupported("proxyProtocol", "backends would not get the address of the client"),
        unsupported("tcpKeepalive", "dead connections to backends would not be found"),
        unsupported("dns", "names of backends would still be resolved every 2 seconds"),
        unsupported("http2", "connections to backends would have the settings of the command line"),
        unsupported("rateLimit", "requests would not be limited"),
        unsupported("bandwidthLimit", "bandwidth would not be limited"),
        unsupported("faultInjection", "no faults would be injected"),
        unsupported("admissionControl", "requests would not be rejected"),
        unsupported("useClientProtocol", "the backend would decide the version of HTTP"),
        unsupported("compression", "responses would not be compressed"),
        unsupported("compressor", "responses would not be compressed"),
        unsupported("responseOverride", "responses would not be replaced"),
        unsupported("httpUpgrade", "only WebSockets are upgraded"),
        unsupported("requestBuffer", "requests would not be buffered"),
        unsupported("telemetry", "requests would not be traced or counted this way"),
        unsupported("routingType", "requests always go to endpoints"),
    ],
};

/// A field of this API that is not supported.
const fn unsupported(name: &'static str, consequence: &'static str) -> Unsupported {
    Unsupported { name, consequence, hint: WITHOUT }
}

/// `spec` of a `BackendTrafficPolicy`.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<BackendTrafficPolicy> {
    let fields = Fields::of(at, &POLICY, findings)?;
    let targets = policy_targets::read(&fields, findings);
    let circuit_breaker = fields.optional("circuitBreaker", findings, circuit_breaker::read);
    let retry = fields.optional("retry", findings, |at, findings| {
        Some(Spanned { value: retry::read(at, findings)?, span: at.span() })
    });
    let timeout = fields.optional("timeout", findings, timeout::read).unwrap_or_default();
    let connection = fields.optional("connection", findings, connection::read).unwrap_or_default();
    let health_check = fields.optional("healthCheck", findings, health_check::read).unwrap_or_default();
    let load_balancer = fields.optional("loadBalancer", findings, load_balancer::read);
    Some(BackendTrafficPolicy {
        targets: targets?,
        circuit_breaker,
        retry,
        timeout,
        connection,
        health_check,
        load_balancer,
    })
}

/// A duration of the Gateway API, possibly zero.
fn time(at: At<'_>, findings: &mut Findings) -> Option<Duration> {
    let parse =
        |text: &str| duration::parse(text).map_err(|reason| format!("invalid duration `{text}`: {reason}"));
    parsed(Code::InvalidDuration, parse)(at, findings).map(|time| time.value)
}

/// A duration that Envoy does not accept as zero.
fn positive_time(at: At<'_>, findings: &mut Findings) -> Option<Duration> {
    let time = time(at, findings)?;
    if time.is_zero() {
        let error = at.error(Code::InvalidDuration, "the duration must be longer than zero");
        return findings.reject(error);
    }
    Some(time)
}
