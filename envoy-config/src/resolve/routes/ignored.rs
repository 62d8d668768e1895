//! Requests that sessions ignore (`ignore` of a `SessionPersistencePolicy`), such as those for assets and probes.
//!
//! They have routes of their own, in front of those of the rule's match: both the rule's match and the ignored one hold, and the
//! requests go where those without a session go. The filter is not on these routes, so tokens are neither read nor issued, and
//! other requests cost what they cost without them. Only where the session cookie is hidden from backends, the filter hides it here,
//! too.
//!
//! Envoy has one condition on the path of a route. Where two hold, the other one is a condition on the header `:path`, which
//! includes the query.

use session_persistence::config::{Carrier, Rule as Persistence};

use super::matches;
use super::split::{Destinations, MatchContext};
use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::model::{Action, HeaderChange, PathChange, PathMatch, Route, RouteMatch, TextMatch, ValueMatch};
use crate::resolve::sessions::hidden;
use crate::resolve::status::report::{Place, Report};

/// What both of two matches select.
enum Both {
    Some(Box<RouteMatch>),
    /// No request meets both.
    None,
    /// Two regular expressions for the path.
    Unknown,
}

/// The routes for the ignored requests of one match of a rule with this policy, and the positions of the ignored matches that
/// they are for. `context` has the match and the sessions of the rule.
pub(super) fn routes(
    policy: &Object<SessionPersistencePolicy>,
    destinations: &Destinations<'_>,
    context: &MatchContext<'_>,
    report: &mut Report,
) -> (Vec<Route>, Vec<usize>) {
    let Some(persistence) = &context.persistence else { return (Vec::new(), Vec::new()) };
    let (mut routes, mut met) = (Vec::new(), Vec::new());
    let without_sessions = destinations.routes(&MatchContext { persistence: None, ..context.clone() });
    for (position, written) in policy.spec.requests.ignore.iter().enumerate() {
        let matches = match both(context.matches, &matches::http(written)) {
            Both::Some(matches) => *matches,
            Both::None => continue,
            Both::Unknown => {
                let place = Place::new(policy, format!("spec.ignore[{position}].path"), written.span);
                let message = format!(
                    "the path is a regular expression, and so is that of the match {}: Envoy cannot match both",
                    context.name
                );
                report.error(Code::NotSupported, place, message).hint =
                    Some(String::from("use `Exact` or `PathPrefix` in one of them"));
                met.push(position);
                continue;
            }
        };
        met.push(position);
        routes.extend(without_sessions.iter().map(|route| {
            let mut route = ignored(route, position, &matches, persistence);
            if context.sessions.is_hidden {
                hidden::hide(persistence.carrier(), &mut route.request_headers);
                route.hidden = persistence.hidden_cookie().map(|_| persistence.clone().ignored());
            }
            route
        }));
    }
    (routes, met)
}

/// A route of requests without a session, for those that meet an ignored match.
fn ignored(route: &Route, position: usize, matches: &RouteMatch, persistence: &Persistence) -> Route {
    let mut route = route.clone();
    route.name = format!("{}/ignored/{position}", route.name);
    route.matches = matches.clone();
    if let Action::Forward(forward) = &mut route.action {
        forward.path = forward.path.take().map(|change| match change {
            PathChange::Prefix { matched, replacement } => PathChange::PrefixOfSome { matched, replacement },
            other => other,
        });
    }
    if let Carrier::Header(header) = persistence.carrier() {
        // A header of the backend would replace the client's session.
        let change = route.response_headers.0.entry(header.name.as_str().to_owned());
        change.or_insert(HeaderChange::Remove);
    }
    route
}

/// The requests that meet both a match of a rule and an ignored one.
fn both(rule: &RouteMatch, ignored: &RouteMatch) -> Both {
    if let (Some(one), Some(other)) = (&rule.method, &ignored.method)
        && one != other
    {
        return Both::None;
    }
    let mut all = rule.clone();
    all.method = all.method.or_else(|| ignored.method.clone());
    all.headers.extend(ignored.headers.iter().cloned());
    all.query.extend(ignored.query.iter().cloned());
    match (&rule.path, &ignored.path) {
        (one, other) if one == other => {}
        (one, other) if contains(other, one) => {}
        (one, other) if contains(one, other) => all.path = other.clone(),
        (PathMatch::Regex(_), PathMatch::Regex(_)) => return Both::Unknown,
        (expression @ PathMatch::Regex(_), plain) | (plain, expression @ PathMatch::Regex(_)) => {
            all.path = expression.clone();
            all.headers.push(on_header(plain));
        }
        _ => return Both::None,
    }
    Both::Some(Box::new(all))
}

/// Whether all paths of the second match are paths of the first; not known for regular expressions, but for `/`.
fn contains(outer: &PathMatch, inner: &PathMatch) -> bool {
    match (outer, inner) {
        (PathMatch::Prefix(prefix), _) if prefix == "/" => true,
        (PathMatch::Prefix(prefix), PathMatch::Exact(path) | PathMatch::Prefix(path)) => {
            path.strip_prefix(prefix).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        }
        _ => false,
    }
}

/// The condition on the path, which is not a regular expression, as one on the header `:path`.
fn on_header(path: &PathMatch) -> ValueMatch {
    let (path, rest) = match path {
        PathMatch::Exact(path) => (path, r"(?:\?.*)?"),
        PathMatch::Prefix(path) | PathMatch::Regex(path) => (path, "(?:[/?].*)?"),
    };
    ValueMatch {
        name: String::from(":path"),
        value: TextMatch::Regex(format!("{}{rest}", regex_syntax::escape(path))),
    }
}
