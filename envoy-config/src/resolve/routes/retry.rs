//! Timeouts and retries of a rule (Gateway API, `HTTPRouteTimeouts`, `HTTPRouteRetry`), and those of its policy.
//!
//! As in Envoy Gateway, each timeout of the rule takes precedence over that of the policy, and `retry` of the rule over
//! all of the policy's `retry`.

use std::time::Duration;

use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::retry as written;
use crate::manifest::gateway_api::route::{Route, Rule};
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::model::{Backoff, Forward, Limit, Retry, RetryCondition, Timeouts};
use crate::resolve::backends::Backends;
use crate::resolve::policies::backend_traffic::{Once, Policy, settings};
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;

/// A rule, and the policy that applies to it.
#[derive(Clone, Copy)]
pub(super) struct RuleRetries<'m> {
    pub(super) rule: &'m Rule,
    pub(super) policy: Option<Policy<'m>>,
}

impl<'m> RuleRetries<'m> {
    /// Adds the timeouts and retries.
    pub(super) fn apply(self, forward: Forward) -> Forward {
        let of_policy = self.retry_of_policy().map(|(_, written)| settings::retry(written));
        let retry = self.rule.retry.as_ref().map(|written| retry(&written.value)).or(of_policy);
        Forward { timeouts: self.timeouts(), retry: retry.map(Box::new), ..forward }
    }

    /// The limit for a request including retries, if there is one.
    pub(super) fn request_limit(self) -> Option<Duration> {
        match self.timeouts().request {
            Some(Limit::After(time)) => Some(time),
            Some(Limit::Never) | None => None,
        }
    }

    /// Warns that retries do not apply to requests with a session: none if a policy makes the sessions of the rule strict,
    /// otherwise those by status.
    pub(super) fn warn_about_sessions(
        self,
        route: &Object<Route>,
        number: usize,
        (sessions, strict): (Span, Option<&'m Object<SessionPersistencePolicy>>),
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) {
        let field = |field: &str, span| Place::new(route, format!("spec.rules[{number}].{field}"), span);
        let (place, what) = if let Some(retry) = &self.rule.retry {
            match (strict, retry.value.codes.first()) {
                (Some(_), _) => (field("retry", retry.span), ""),
                (None, Some(code)) => (field("retry.codes", code.span), " on `retry.codes`"),
                (None, None) => return,
            }
        } else if let Some((policy, written)) = self.retry_of_policy()
            && (strict.is_some() || settings::retry(written).depends_on_answers())
            && backends.policies.traffic.is_first_report(policy, Once::RetryWithoutSession)
        {
            let span = policy.spec.retry.as_ref().map_or(policy.span, |retry| retry.span);
            (Place::new(policy, "spec.retry", span), if strict.is_some() { "" } else { " on a status" })
        } else {
            return;
        };
        let why = if strict.is_some() {
            "only their own endpoint may serve them, and a retry goes to another one"
        } else {
            "their endpoint has answered, and the others do not have the session"
        };
        let message = format!("requests with a session are not retried{what}: {why}");
        let warning = report.warning(Code::RetryWithoutSession, place, message);
        warning.related = Some(match strict {
            Some(policy) => {
                (policy.metadata.name.span, String::from("this policy makes the sessions strict"))
            }
            None => (sessions, String::from("the rule's session persistence")),
        });
    }

    /// `retry` of the policy, if it applies.
    fn retry_of_policy(self) -> Option<(Policy<'m>, &'m crate::manifest::backend_traffic_policy::Retry)> {
        let policy = self.policy.filter(|_| self.rule.retry.is_none())?;
        Some((policy, &policy.spec.retry.as_ref()?.value))
    }

    fn timeouts(self) -> Timeouts {
        let own = &self.rule.timeouts;
        let of_policy = self.policy.map(|policy| policy.spec.timeout).unwrap_or_default();
        let request = own.request.as_ref().map(|time| time.value).or(of_policy.request);
        let of_attempt = self.retry_of_policy().and_then(|(_, retry)| retry.per_retry_timeout);
        let of_attempt = of_attempt.filter(|time| !time.is_zero());
        let attempt = own.backend_request.as_ref().map(|time| time.value).or(of_attempt);
        Timeouts {
            request: request.map(settings::limit),
            attempt: attempt.map(settings::limit),
            idle: of_policy.stream_idle.map(settings::limit),
            stream: of_policy.stream.filter(|time| !time.is_zero()),
        }
    }
}

/// Gateway API, `HTTPRouteRetry`: requests are also retried after any connection failure and after a timeout of an attempt.
fn retry(written: &written::Retry) -> Retry {
    let mut statuses: Vec<u16> = written.codes.iter().map(|code| code.value).collect();
    statuses.sort_unstable();
    Retry {
        conditions: vec![RetryCondition::Reset],
        statuses,
        attempts: written.attempts,
        backoff: written.backoff.map(Backoff::Average),
    }
}
