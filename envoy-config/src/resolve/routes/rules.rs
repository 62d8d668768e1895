//! The Envoy routes and clusters of each rule of one route: a route for each match and a cluster for each
//! rule, or several of each if the rule is split.

use std::mem;

use session_persistence::config::{OnEndpointLost, Pods};

use super::external_auth;
use super::filters::{Effects, Filters, RequestedMirror};
use super::ignored;
use super::matches;
use super::precedence::Precedence;
use super::retry::RuleRetries;
use super::split::{self, Destination, Destinations, MatchContext, WeightedDestination};
use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::{self, RouteKind, UnusableRule};
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::model::{
    Cluster, ClusterSettings, Domain, Endpoints, Forward, HttpVersion, Locality, Mirror, Route, RouteMatch,
    SessionSettings, Traffic,
};
use crate::resolve::backends::{Backend, Backends};
use crate::resolve::policies::backend_traffic::checked_rule::CheckedRule;
use crate::resolve::policies::backend_traffic::{self, Policy, settings};
use crate::resolve::policies::scope::{PoliciesOfRule, Scope};
use crate::resolve::sessions::persistence::{self, PersistenceError};
use crate::resolve::sessions::pods;
use crate::resolve::sessions::rule_id;
use crate::resolve::sessions::settings as session_settings;
use crate::resolve::sessions::source::Session;
use crate::resolve::sessions::suitable;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// A route with its rules resolved, independent of its listeners.
pub(in crate::resolve) struct ResolvedRoute<'m> {
    pub(in crate::resolve) object: &'m Object<route::Route>,
    /// Its hostnames; [`Domain::Any`] if it has none.
    pub(in crate::resolve) hostnames: Vec<Domain>,
    /// The listeners that it is resolved for.
    scope: Scope<'m>,
    /// The session persistence of each rule.
    pub(in crate::resolve) sessions: Vec<Option<Session<'m>>>,
    /// The policy with the settings of these sessions, if there is one.
    pub(in crate::resolve) session_policies: Vec<Option<&'m Object<SessionPersistencePolicy>>>,
    pub(in crate::resolve) entries: Vec<MatchEntry>,
    /// The clusters of each rule that forwards requests, with the position of the rule.
    pub(in crate::resolve) clusters: Vec<(usize, Cluster)>,
}

/// A rule that is being resolved.
struct RuleContext<'m, 'n> {
    number: usize,
    rule: &'m route::Rule,
    name: &'n str,
    /// See [`Cluster::identity`].
    identity: &'n str,
    persistent: bool,
    sessions: &'n SessionSettings,
    policy: Option<Policy<'m>>,
    settings: &'n ClusterSettings,
}

/// One match of one rule.
pub(in crate::resolve) struct MatchEntry {
    pub(in crate::resolve) precedence: Precedence,
    /// Equal for matches that select the same requests.
    pub(in crate::resolve) signature: Vec<u8>,
    /// The position of the rule.
    pub(in crate::resolve) rule: usize,
    /// One, or several if the rule is split: they have the same match, and each takes a subset of the
    /// requests.
    pub(in crate::resolve) routes: Vec<Route>,
}

impl<'m> ResolvedRoute<'m> {
    pub(in crate::resolve) fn new(
        object: &'m Object<route::Route>,
        hostnames: Vec<Domain>,
        scope: Scope<'m>,
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) -> Self {
        let mut resolved = Self {
            object,
            hostnames,
            scope,
            sessions: Vec::new(),
            session_policies: Vec::new(),
            entries: Vec::new(),
            clusters: Vec::new(),
        };
        for (number, rule) in object.spec.rules.iter().enumerate() {
            match rule {
                Ok(rule) => resolved.add(number, rule, backends, report),
                Err(UnusableRule { problem, span }) => {
                    resolved.sessions.push(None);
                    resolved.session_policies.push(None);
                    let place = Place::new(object, format!("spec.rules[{number}]"), *span);
                    let place =
                        place.because(Part::Rule(number), ConditionType::Accepted, Reason::UnsupportedValue);
                    report.decide(&place, problem);
                }
            }
        }
        resolved
    }

    fn add(
        &mut self,
        number: usize,
        rule: &'m route::Rule,
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) {
        let object = self.object;
        let session = backends.session(object, number, rule, report);
        self.sessions.push(session);
        let persistent = session.is_some();
        let found = self.scope.presenting(backends.of_rule(object, number, rule, persistent, report));
        let pods = if persistent { pods::of_rule(&found) } else { Pods::default() };
        let field = format!("spec.rules[{number}].filters");
        let filters = Filters { route: object, rule: number, list: &rule.filters, field };
        let effects = filters.effects(Effects::default(), report);
        warn_about_effects(object, number, rule, &effects, report);
        let PoliciesOfRule { traffic: policy, sessions: policy_of_sessions, suffix } =
            backends.policies.of(object, rule, session.as_ref(), &self.scope, report);
        self.session_policies.push(policy_of_sessions);
        let sessions = suitable::settings(policy_of_sessions, session.as_ref(), rule, report);
        let settings = policy.map(|policy| {
            let target = CheckedRule { route: object, rule, hostnames: &self.hostnames, backends: &found };
            target.settings(policy, &mut backends.policies.traffic, report)
        });
        let settings = settings.unwrap_or_default();
        let rule_name = rule_name(object, number, &suffix);
        let matches: Vec<RouteMatch> = rule.matches.iter().map(matches::route_match).collect();
        // Of rules with one id, which have equal matches, one is served.
        let identity = format!("{}{suffix}", rule_id::text(object, rule, &matches));
        let destinations = self.destinations(
            &RuleContext {
                number,
                rule,
                name: &rule_name,
                identity: &identity,
                persistent,
                sessions: &sessions,
                policy,
                settings: &settings,
            },
            effects,
            found,
            backends,
            report,
        );
        if let Some(session) = session.filter(|_| matches.iter().any(|one| destinations.forward(&one.path))) {
            let retries = RuleRetries { rule, policy };
            let strict = policy_of_sessions.filter(|_| sessions.is_strict());
            retries.warn_about_sessions(object, number, (session.persistence.span, strict), backends, report);
            if let Some(policy) = policy {
                backend_traffic::warn_about_cookie(policy, &session, sessions.cookie.prefix, report);
            }
        }
        for (position, (written, one)) in rule.matches.iter().zip(&matches).enumerate() {
            if !matches::is_served(object, (number, position), written, report) {
                continue;
            }
            let persistence = match session {
                Some(session) if destinations.forward(&one.path) => {
                    let id = rule_id::of(object, rule, &matches).map_err(PersistenceError::from);
                    match id.and_then(|id| {
                        persistence::rule(
                            session.persistence,
                            id,
                            object.spec.kind,
                            &one.path,
                            &sessions.cookie,
                        )
                        .map(|rule| rule.with_pods(pods.clone()))
                        .and_then(|rule| Ok(session_settings::apply(&sessions, rule, &settings)?))
                    }) {
                        Ok(rule) => Some(rule),
                        Err(error) => {
                            let place = session.place(object, number, rule).because(
                                Part::Rule(number),
                                ConditionType::Accepted,
                                Reason::UnsupportedValue,
                            );
                            report.error(Code::InvalidSessionPersistence, place, error.to_string());
                            return;
                        }
                    }
                }
                Some(_) | None => None,
            };
            let context = MatchContext {
                name: format!("{rule_name}/{position}"),
                matches: one,
                persistence,
                sessions: &sessions,
                error_status: error_status(object.spec.kind),
            };
            let mut routes = Vec::new();
            if let Some(policy) = policy_of_sessions {
                let (ignored, met) = ignored::routes(policy, &destinations, &context, report);
                routes = ignored;
                backends.policies.sessions.meet(policy, met);
            }
            routes.extend(destinations.routes(&context));
            self.entries.push(MatchEntry {
                precedence: Precedence::new(object, number, position, written, one),
                signature: rule_id::signature(one),
                rule: number,
                routes,
            });
        }
    }

    /// The destinations of a rule with these effects of its own filters. Adds their clusters.
    fn destinations(
        &mut self,
        context: &RuleContext<'m, '_>,
        mut effects: Effects<'m>,
        found: Vec<Backend>,
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) -> Destinations<'m> {
        let &RuleContext { number, rule, name, identity, persistent, policy, .. } = context;
        let auth = external_auth::Rule { route: self.object, number, name, identity };
        let servers = auth.resolve(&mut effects, &self.scope, backends, report);
        self.clusters.extend(servers.into_iter().map(|cluster| (number, cluster)));
        let requested = mem::take(&mut effects.mirrors);
        let common = found.iter().find_map(|backend| backend.version).unwrap_or(HttpVersion::Http1);
        let split = split::is_split(rule, &found);
        let localities: Vec<Locality> = found.iter().map(|backend| backend.locality.clone()).collect();
        let Some(mut forward) = forward(name, persistent, &localities).filter(|_| !effects.rejected) else {
            return Destinations::One(Box::new(Destination { effects, target: None }));
        };
        forward = RuleRetries { rule, policy }.apply(forward);
        forward.hash = settings::hash(policy);
        forward.mirrors = self.mirrors(number, (name, identity), &requested, backends, report);
        if !split {
            self.add_cluster(context, (name.to_owned(), identity.to_owned()), common, localities);
            return Destinations::One(Box::new(Destination { effects, target: Some(forward) }));
        }
        let mut weighted = Vec::with_capacity(found.len());
        for (position, (backend, written)) in found.into_iter().zip(&rule.backend_refs).enumerate() {
            let field = format!("spec.rules[{number}].backendRefs[{position}].filters");
            let filters = Filters { route: self.object, rule: number, list: &written.filters, field };
            let mut effects = filters.effects(effects.clone(), report);
            external_auth::refuse_in_backend(self.object, number, &mut effects, report);
            let requested = mem::take(&mut effects.mirrors);
            let Backend { locality, version } = backend;
            let (share, weight) = (locality.name.clone(), locality.weight);
            let keeps_sessions = split::keeps_sessions(&locality.endpoints);
            let resolved = locality.endpoints != Endpoints::Unresolved && !effects.rejected;
            // Requests to a backend that does not resolve get an error, whatever its filters do.
            effects.rejected = !resolved;
            let target = resolved.then(|| {
                let name = format!("{name}/{position}");
                let identity = format!("{identity}/{share}");
                let mut forward = Forward { cluster: name.clone(), ..forward.clone() };
                let of_share = (name.as_str(), identity.as_str());
                forward.mirrors.extend(self.mirrors(number, of_share, &requested, backends, report));
                // The routes apply the weight.
                let locality = Locality { weight: 1, ..locality };
                if weight > 0 || persistent {
                    let version = version.unwrap_or(common);
                    self.add_cluster(context, (name, identity), version, vec![locality]);
                }
                forward
            });
            weighted.push(WeightedDestination {
                name: share,
                weight,
                keeps_sessions,
                destination: Destination { effects, target },
            });
        }
        Destinations::Split(weighted)
    }

    fn add_cluster(
        &mut self,
        context: &RuleContext<'m, '_>,
        (name, identity): (String, String),
        version: HttpVersion,
        localities: Vec<Locality>,
    ) {
        let cluster = Cluster {
            name,
            identity,
            persistent: context.persistent,
            on_endpoint_lost: context.sessions.on_endpoint_lost,
            traffic: traffic(self.object.spec.kind),
            version,
            within: RuleRetries { rule: context.rule, policy: context.policy }.request_limit(),
            settings: context.settings.clone(),
            localities,
        };
        self.clusters.push((context.number, cluster));
    }

    /// Where copies of requests go. Adds a cluster for each mirror whose backend resolves.
    fn mirrors(
        &mut self,
        number: usize,
        (name, identity): (&str, &str),
        requested: &[RequestedMirror<'m>],
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) -> Vec<Mirror> {
        let mut mirrors = Vec::new();
        for (position, (field, mirror)) in requested.iter().enumerate() {
            let backend = backends.of_filter(self.object, field.clone(), &mirror.backend, report);
            if let Some(backend) = backend.map(|backend| self.scope.presented(backend)) {
                let cluster = Cluster {
                    name: format!("{name}/mirror/{position}"),
                    identity: format!("{identity}/mirror/{position}"),
                    persistent: false,
                    on_endpoint_lost: OnEndpointLost::default(),
                    traffic: traffic(self.object.spec.kind),
                    version: backend.version.unwrap_or(HttpVersion::Http1),
                    within: None,
                    // A policy is about the backends of the rule.
                    settings: ClusterSettings::default(),
                    localities: vec![backend.locality],
                };
                mirrors.push(Mirror::of(&cluster.name, mirror.millionths));
                self.clusters.push((number, cluster));
            }
        }
        mirrors
    }
}

/// Warns about a rule that forwards nothing, and about sessions of a rule that redirects.
fn warn_about_effects(
    object: &Object<route::Route>,
    number: usize,
    rule: &route::Rule,
    effects: &Effects<'_>,
    report: &mut Report,
) {
    if rule.backend_refs.is_empty() && !effects.redirects() {
        let place = Place::new(object, format!("spec.rules[{number}]"), rule.span);
        let answer = match object.spec.kind {
            RouteKind::Http => "500",
            RouteKind::Grpc => "`UNAVAILABLE`",
        };
        let message = format!("the rule has no backendRefs, so its requests get {answer}");
        report.warning(Code::NoBackends, place, message);
    }
    if let Some(persistence) = rule.session_persistence.as_ref().filter(|_| effects.redirects()) {
        let place = Place::new(object, format!("spec.rules[{number}].sessionPersistence"), persistence.span);
        report.warning(
            Code::NoEffect,
            place,
            String::from("`sessionPersistence` has no effect in a rule that redirects its requests"),
        );
    }
}

/// The name of a rule, and of its cluster: see [`Cluster::name`].
fn rule_name(object: &Object<route::Route>, number: usize, suffix: &str) -> String {
    let (namespace, name) = object.metadata.key();
    format!("{}{namespace}/{name}/{number}{suffix}", rule_id::kind_prefix(object.spec.kind))
}

const fn traffic(kind: RouteKind) -> Traffic {
    match kind {
        RouteKind::Http => Traffic::Http,
        RouteKind::Grpc => Traffic::Grpc,
    }
}

/// The hostnames of a route; [`Domain::Any`] if it has none.
pub(in crate::resolve) fn hostnames(route: &Object<route::Route>) -> Vec<Domain> {
    let written = &route.spec.hostnames;
    let any = written.is_empty().then_some(Domain::Any);
    written.iter().map(|hostname| Domain::of(Some(hostname))).chain(any).collect()
}

/// Where requests of a rule are forwarded, if they can be.
///
/// If no backend resolves or all weights are 0, requests get 500 (Gateway API, `HTTPRouteRule.backendRefs`),
/// or `UNAVAILABLE`, which Envoy makes from 503 for gRPC (`GRPCRouteRule.backendRefs`). With session
/// persistence, existing sessions continue on a backend with weight 0 (GEP-1619), so only unresolved backends
/// count. If all weights are 0, `render` forwards requests with a session and rejects all others.
fn forward(rule: &str, persistent: bool, localities: &[Locality]) -> Option<Forward> {
    let takes = |locality: &Locality| {
        locality.endpoints != Endpoints::Unresolved && (persistent || locality.weight > 0)
    };
    localities.iter().any(takes).then(|| Forward::to(rule))
}

/// The status for requests that cannot be forwarded.
const fn error_status(kind: RouteKind) -> u16 {
    match kind {
        RouteKind::Http => 500,
        RouteKind::Grpc => 503,
    }
}
