//! Timeouts and retries of a rule (Gateway API, `HTTPRouteTimeouts`, `HTTPRouteRetry`).

use std::time::Duration;

use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::retry as written;
use crate::manifest::gateway_api::route::{Route, Rule};
use crate::model::{Forward, Limit, Retry, Timeouts};
use crate::resolve::status::report::{Place, Report};
use crate::source::{Span, Spanned};

/// Adds the timeouts and retries of a rule.
pub(super) fn apply(rule: &Rule, forward: Forward) -> Forward {
    Forward { timeouts: timeouts(&rule.timeouts), retry: rule.retry.as_ref().map(retry), ..forward }
}

/// The limit for a request of a rule including retries, if it has one.
pub(super) fn request_limit(rule: &Rule) -> Option<Duration> {
    rule.timeouts.request.as_ref().map(|request| request.value).filter(|request| !request.is_zero())
}

/// Warns that retries by status do not apply to requests with a session.
pub(super) fn warn_about_sessions(
    route: &Object<Route>,
    number: usize,
    rule: &Rule,
    sessions: Span,
    report: &mut Report,
) {
    let Some(code) = rule.retry.as_ref().and_then(|retry| retry.value.codes.first()) else { return };
    let place = Place::new(route, format!("spec.rules[{number}].retry.codes"), code.span);
    let message = "requests with a session are not retried on `retry.codes`: their endpoint has answered, and the others do \
                   not have the session";
    let warning = report.warning(Code::RetryWithoutSession, place, message.to_owned());
    warning.related = Some((sessions, String::from("the rule's session persistence")));
}

fn timeouts(written: &written::Timeouts) -> Timeouts {
    let limit = |time: &Spanned<Duration>| match time.value {
        Duration::ZERO => Limit::Never,
        time => Limit::After(time),
    };
    Timeouts {
        request: written.request.as_ref().map(limit),
        attempt: written.backend_request.as_ref().map(limit),
    }
}

fn retry(Spanned { value: written, .. }: &Spanned<written::Retry>) -> Retry {
    let mut statuses: Vec<u16> = written.codes.iter().map(|code| code.value).collect();
    statuses.sort_unstable();
    Retry { statuses, attempts: written.attempts, backoff: written.backoff }
}
