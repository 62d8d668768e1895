//! What the rules of one route serve: an Envoy route per match, a cluster per rule.

use session_persistence::config::{Carrier, Rule as Persistence};

use super::backends::Backends;
use super::decisions::Part;
use super::filters::{Effects, Filters};
use super::precedence::Precedence;
use super::report::{Place, Report};
use super::sessions::Session;
use super::{matches, persistence, retry, rule_id};
use crate::manifest::Object;
use crate::manifest::route::{self, RouteKind};
use crate::model::{
    Action, Allowed, Cluster, Cors, Domain, Endpoints, Forward, HttpVersion, Locality, Mirror, Route,
    RouteMatch, Traffic,
};
use crate::status::{ConditionType, Reason};

/// A route, resolved as far as it goes without its listeners.
pub(super) struct Served<'m> {
    pub(super) object: &'m Object<route::Route>,
    /// Its own hostnames; [`Domain::Any`] if it has none.
    pub(super) hostnames: Vec<Domain>,
    /// The session persistence of each rule.
    pub(super) sessions: Vec<Option<Session<'m>>>,
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
        object: &'m Object<route::Route>,
        hostnames: Vec<Domain>,
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) -> Self {
        let (entries, clusters, sessions) = (Vec::new(), Vec::new(), Vec::new());
        let mut served = Self { object, hostnames, sessions, entries, clusters };
        for (number, rule) in object.spec.rules.iter().enumerate() {
            served.add(number, rule, backends, report);
        }
        served
    }

    fn add(
        &mut self,
        number: usize,
        rule: &'m route::Rule,
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) {
        let object = self.object;
        let session = backends.sessions.of(object, number, rule, report);
        self.sessions.push(session);
        let persistent = session.is_some();
        let (version, localities) = backends.localities(object, number, rule, persistent, report);
        let field = format!("spec.rules[{number}].filters");
        let filters = Filters { route: object, rule: number, list: &rule.filters, field };
        let effects = filters.effects(report);
        if rule.backend_refs.is_empty() && !effects.redirects() {
            let place = Place::new(object, format!("spec.rules[{number}]"), rule.span);
            let answer = match object.spec.kind {
                RouteKind::Http => "500",
                RouteKind::Grpc => "`UNAVAILABLE`",
            };
            let message = format!("the rule has no backendRefs: its requests are answered {answer}");
            report.warning("no-backends", place, message);
        }
        if let Some(persistence) = rule.session_persistence.as_ref().filter(|_| effects.redirects()) {
            let place =
                Place::new(object, format!("spec.rules[{number}].sessionPersistence"), persistence.span);
            report.warning(
                "no-effect",
                place,
                String::from("a rule whose requests are redirected has no sessions"),
            );
        }
        let (namespace, name) = object.metadata.key();
        let mark = rule_id::mark(object.spec.kind);
        let rule_name = format!("{mark}{namespace}/{name}/{number}");
        let mut target = if effects.refused {
            None
        } else {
            forward(&rule_name, persistent, &localities).map(|forward| retry::apply(rule, forward))
        };
        if let (Some(session), true) = (session, target.is_some()) {
            retry::tell_of_sessions(object, number, rule, session.persistence.span, report);
        }
        if let Some(target) = &mut target {
            target.mirrors = self.mirrors(number, &rule_name, &effects, backends, report);
        }
        let matches: Vec<RouteMatch> = rule.matches.iter().map(matches::route_match).collect();
        for (position, (written, one)) in rule.matches.iter().zip(&matches).enumerate() {
            let action = effects.action(target.as_ref(), &one.path, refusal(object.spec.kind));
            let persistence = match session {
                Some(session) if matches!(action, Action::Forward(_)) => {
                    let id = rule_id::of(object, rule, &matches).map_err(|error| error.to_string());
                    match id.and_then(|id| {
                        persistence::rule(session.persistence, id, object.spec.kind, &one.path)
                    }) {
                        Ok(rule) => Some(rule),
                        Err(problem) => {
                            let place = session.place(object, number, rule).because(
                                Part::Rule(number),
                                ConditionType::Accepted,
                                Reason::UnsupportedValue,
                            );
                            report.error("invalid-session-persistence", place, problem);
                            return;
                        }
                    }
                }
                Some(_) | None => None,
            };
            self.entries.push(Entry {
                precedence: Precedence::new(object, number, position, written, one),
                signature: rule_id::signature(one),
                rule: number,
                route: Route {
                    name: format!("{rule_name}/{position}"),
                    matches: one.clone(),
                    action,
                    request_headers: effects.request_headers.clone(),
                    response_headers: effects.response_headers.clone(),
                    cors: effects.cors.as_ref().map(|cors| readable(cors, persistence.as_ref())),
                    persistence,
                },
            });
        }
        if let Some(Forward { cluster: name, .. }) = target {
            self.clusters.push((
                number,
                Cluster {
                    name,
                    persistent,
                    traffic: traffic(object.spec.kind),
                    version,
                    within: retry::bound(rule),
                    localities,
                },
            ));
        }
    }

    /// Where the copies of requests go, with a cluster for each; a backend that is not there gets none.
    fn mirrors(
        &mut self,
        number: usize,
        name: &str,
        effects: &Effects<'m>,
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) -> Vec<Mirror> {
        let mut mirrors = Vec::new();
        for (position, (field, mirror)) in effects.mirrors.iter().enumerate() {
            if let Some(backend) = backends.of_filter(self.object, field.clone(), &mirror.backend, report) {
                let cluster = Cluster {
                    name: format!("{name}/mirror/{position}"),
                    persistent: false,
                    traffic: traffic(self.object.spec.kind),
                    version: backend.version.unwrap_or(HttpVersion::Http1),
                    within: None,
                    localities: vec![backend.locality],
                };
                mirrors.push(Mirror { cluster: cluster.name.clone(), millionths: mirror.millionths });
                self.clusters.push((number, cluster));
            }
        }
        mirrors
    }
}

const fn traffic(kind: RouteKind) -> Traffic {
    match kind {
        RouteKind::Http => Traffic::Http,
        RouteKind::Grpc => Traffic::Grpc,
    }
}

/// A route's own hostnames; [`Domain::Any`] if it has none.
pub(super) fn hostnames(route: &Object<route::Route>) -> Vec<Domain> {
    let written = &route.spec.hostnames;
    let any = written.is_empty().then_some(Domain::Any);
    written.iter().map(|hostname| Domain::of(Some(hostname))).chain(any).collect()
}

/// What scripts of other sites may do, which includes having a session, if it travels in a header.
fn readable(cors: &Cors, persistence: Option<&Persistence>) -> Cors {
    let mut cors = cors.clone();
    if let Some(Carrier::Header(header)) = persistence.map(Persistence::carrier) {
        for allowed in [&mut cors.request_headers, &mut cors.response_headers] {
            if let Allowed::Names(names) = allowed {
                let name = header.name.as_str();
                if !names.iter().any(|listed| listed.eq_ignore_ascii_case(name)) {
                    names.push(name.to_owned());
                }
            }
        }
    }
    cors
}

/// Where the requests of a rule go, if anywhere.
///
/// A rule that no request can be forwarded for answers 500 (Gateway API, `HTTPRouteRule.backendRefs`), or `UNAVAILABLE`,
/// which Envoy makes of 503 for gRPC (`GRPCRouteRule.backendRefs`). With session persistence a weight of 0 keeps its
/// sessions (GEP-1619), so there only backends that do not resolve count as none; when all weights are 0, `render` has the
/// pinned requests forwarded and all others refused.
fn forward(rule: &str, persistent: bool, localities: &[Locality]) -> Option<Forward> {
    let takes = |locality: &Locality| {
        locality.endpoints != Endpoints::Unresolved && (persistent || locality.weight > 0)
    };
    localities.iter().any(takes).then(|| Forward::to(rule))
}

/// The status of requests that cannot be forwarded as their rule wants.
const fn refusal(kind: RouteKind) -> u16 {
    match kind {
        RouteKind::Http => 500,
        RouteKind::Grpc => 503,
    }
}
