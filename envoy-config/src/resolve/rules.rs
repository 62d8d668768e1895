//! What the rules of one route serve: an Envoy route per match, a cluster per rule.

use super::backends::Backends;
use super::precedence::Precedence;
use super::report::{Place, Report};
use super::{persistence, rule_id};
use crate::manifest::Object;
use crate::manifest::route::{self, HttpRoute};
use crate::model::{
    Action, Cluster, Domain, Endpoints, Locality, PathMatch, Route, RouteMatch, TextMatch, ValueMatch,
};

/// A route, resolved as far as it goes without its listeners.
pub(super) struct Served<'m> {
    pub(super) object: &'m Object<HttpRoute>,
    /// Its own hostnames; [`Domain::Any`] if it has none.
    pub(super) hostnames: Vec<Domain>,
    pub(super) entries: Vec<Entry>,
    /// One per rule that forwards, with the rule's position.
    pub(super) clusters: Vec<(usize, Cluster)>,
}

/// One match of one rule.
pub(super) struct Entry {
    pub(super) precedence: Precedence,
    /// Equal for matches that are for the same requests.
    pub(super) signature: Vec<u8>,
    /// The position of its rule.
    pub(super) rule: usize,
    pub(super) route: Route,
}

impl<'m> Served<'m> {
    pub(super) fn new(
        object: &'m Object<HttpRoute>,
        hostnames: Vec<Domain>,
        backends: &mut Backends<'m>,
        report: &mut Report,
    ) -> Self {
        let mut served = Self { object, hostnames, entries: Vec::new(), clusters: Vec::new() };
        for (number, rule) in object.spec.rules.iter().enumerate() {
            served.add(number, rule, backends, report);
        }
        served
    }

    fn add(
        &mut self,
        number: usize,
        rule: &'m route::Rule,
        backends: &mut Backends<'m>,
        report: &mut Report,
    ) {
        let object = self.object;
        let localities = backends.localities(object, number, rule, report);
        if rule.backend_refs.is_empty() {
            let place = Place::new(object, format!("spec.rules[{number}]"), rule.span);
            let message = String::from("the rule has no backendRefs: its requests are answered 500");
            report.warning("no-backends", place, message);
        }
        let (namespace, name) = object.metadata.key();
        let rule_name = format!("{namespace}/{name}/{number}");
        let persistent = rule.session_persistence.is_some();
        let action = action(&rule_name, persistent, &localities);
        let matches: Vec<RouteMatch> = rule.matches.iter().map(route_match).collect();
        for (position, one) in matches.iter().enumerate() {
            let persistence = match &rule.session_persistence {
                Some(persistence) if matches!(action, Action::Forward(_)) => {
                    let id = rule_id::of(object, rule, &matches).map_err(|error| error.to_string());
                    match id.and_then(|id| persistence::rule(persistence, id, &one.path)) {
                        Ok(rule) => Some(rule),
                        Err(problem) => {
                            let field = format!("spec.rules[{number}].sessionPersistence");
                            let place = Place::new(object, field, persistence.span);
                            report.error("invalid-session-persistence", place, problem);
                            return;
                        }
                    }
                }
                Some(_) | None => None,
            };
            self.entries.push(Entry {
                precedence: Precedence::new(object, number, position, one),
                signature: rule_id::signature(one),
                rule: number,
                route: Route {
                    name: format!("{rule_name}/{position}"),
                    matches: one.clone(),
                    action: action.clone(),
                    persistence,
                },
            });
        }
        if let Action::Forward(name) = action {
            self.clusters.push((number, Cluster { name, persistent, localities }));
        }
    }
}

/// A route's own hostnames; [`Domain::Any`] if it has none.
pub(super) fn hostnames(route: &Object<HttpRoute>) -> Vec<Domain> {
    let written = &route.spec.hostnames;
    let any = written.is_empty().then_some(Domain::Any);
    written.iter().map(|hostname| Domain::of(Some(hostname))).chain(any).collect()
}

/// What becomes of the requests of a rule.
///
/// A rule that no request can be forwarded for answers 500 (Gateway API, `HTTPRouteRule.backendRefs`). With session
/// persistence a weight of 0 keeps its sessions (GEP-1619), so there only backends that do not resolve count as none;
/// when all weights are 0, `render` has the pinned requests forwarded and all others refused.
fn action(rule: &str, persistent: bool, localities: &[Locality]) -> Action {
    let takes = |locality: &Locality| {
        locality.endpoints != Endpoints::Unresolved && (persistent || locality.weight > 0)
    };
    if localities.iter().any(takes) { Action::Forward(rule.to_owned()) } else { Action::Respond(500) }
}

fn route_match(written: &route::Match) -> RouteMatch {
    RouteMatch {
        path: match &written.path {
            route::PathMatch::Exact(path) => PathMatch::Exact(path.clone()),
            route::PathMatch::Prefix(path) => PathMatch::Prefix(prefix(path)),
            route::PathMatch::Regex(expression) => PathMatch::Regex(expression.clone()),
        },
        method: written.method.as_ref().map(|method| method.value.clone()),
        headers: written.headers.iter().map(value_match).collect(),
        query: written.query_params.iter().map(value_match).collect(),
    }
}

/// A slash at the end of a prefix is ignored (Gateway API, `PathMatchPathPrefix`).
fn prefix(path: &str) -> String {
    match path.strip_suffix('/') {
        None => path.to_owned(),
        Some("") => String::from("/"),
        Some(shorter) => shorter.to_owned(),
    }
}

fn value_match(written: &route::ValueMatch) -> ValueMatch {
    ValueMatch {
        name: written.name.value.clone(),
        value: match &written.value {
            route::TextMatch::Exact(text) => TextMatch::Exact(text.clone()),
            route::TextMatch::Regex(expression) => TextMatch::Regex(expression.clone()),
        },
    }
}
