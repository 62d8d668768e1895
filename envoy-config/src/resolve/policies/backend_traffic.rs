//! Which policy of Envoy Gateway (`BackendTrafficPolicy`) applies to a rule.
//!
//! - A policy targets objects of its own namespace: Gateways or one of their listeners, routes or one of their rules.
//! - For each rule, one policy applies as a whole: that of the rule, or else of the route, of the listener, of the Gateway.
//!   Nothing is merged.
//! - Of several policies for one target, the oldest applies, then the first by `namespace/name`.
//! - If listeners of a route have different policies, the route is resolved once for each of them ([`Scope`]).
//!
//! `checked_rule` decides what a policy means for a rule; `settings` turns a policy into settings of the model; `target_objects` finds the targets.

pub(in crate::resolve) mod checked_rule;
pub(in crate::resolve) mod settings;
mod target_objects;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use self::target_objects::{Target, TargetObjects};
use crate::diagnostic::Code;
use crate::manifest::backend_traffic_policy::{BackendTrafficPolicy, HashInput, LoadBalancer};
use crate::manifest::gateway_api::gateway::Gateway;
use crate::manifest::gateway_api::route::{Route, Rule};
use crate::manifest::gateway_api::session_persistence::Carrier;
use crate::manifest::{Manifests, Object};
use crate::resolve::attach::ListenerPosition;
use crate::resolve::gateways::Gateways;
use crate::resolve::listeners::addresses::BoundAddress;
use crate::resolve::seniority::Seniority;
use crate::resolve::sessions::source::Session;
use crate::resolve::status::decisions::{ObjectKey, Part};
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

pub(in crate::resolve) type Policy<'m> = &'m Object<BackendTrafficPolicy>;

/// The policies by target.
pub(in crate::resolve) struct TrafficPolicies<'m> {
    by_target: HashMap<Target<'m>, Policies<'m>>,
    /// Policies about which something was reported that is said once.
    reported: BTreeSet<(ObjectKey, Once)>,
}

/// The policies of one target.
struct Policies<'m> {
    /// The one that applies.
    first: Policy<'m>,
    others: Vec<Policy<'m>>,
}

/// What is reported once about a policy, not for each rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::resolve) enum Once {
    /// Its retries do not apply to requests with a session.
    RetryWithoutSession,
    /// Its gRPC health checks cannot ask endpoints with HTTP/1.1.
    GrpcHealthCheck,
}

/// Some listeners of a route to which the same policy of a listener or Gateway applies.
#[derive(Clone, Default)]
pub(in crate::resolve) struct Scope<'m> {
    /// The policy of rules without one of their own.
    inherited: Option<Policy<'m>>,
    /// Distinguishes the names of clusters from those for other listeners: empty, or `@namespace/policy`.
    suffix: String,
}

impl<'m> TrafficPolicies<'m> {
    /// Indexes the policies by target, and reports those that do not apply.
    pub(in crate::resolve) fn index(
        manifests: &'m Manifests,
        gateways: &Gateways<'m>,
        report: &mut Report,
    ) -> Self {
        let mut by_target: HashMap<Target<'m>, Policies<'m>> = HashMap::new();
        if manifests.envoy_traffic_policies.is_empty() {
            return Self { by_target, reported: BTreeSet::new() };
        }
        let objects = TargetObjects::index(manifests, gateways);
        let mut policies: Vec<Policy<'m>> = manifests.envoy_traffic_policies.iter().collect();
        policies.sort_by_cached_key(|policy| Seniority::of(policy));
        for policy in policies {
            for (field, span, target) in objects.of(policy, report) {
                if let Target::Gateway(namespace, name) | Target::Listener(namespace, name, _) = target {
                    report.decisions.record_gateway(policy, namespace, name, target.section());
                }
                match by_target.get_mut(&target) {
                    // A policy may select an object twice.
                    Some(known) if is_same(known.first, policy) => {}
                    Some(known) => {
                        warn_conflict(policy, field, span, &target, known.first, report);
                        known.others.push(policy);
                    }
                    None => {
                        by_target.insert(target, Policies { first: policy, others: Vec::new() });
                    }
                }
            }
        }
        Self { by_target, reported: BTreeSet::new() }
    }

    /// Groups the listeners of a route by the policy that its rules inherit from them.
    pub(in crate::resolve) fn scopes(
        &self,
        route: &'m Object<Route>,
        listeners: Vec<ListenerPosition>,
        bounds: &[BoundAddress<'m>],
    ) -> Vec<(Scope<'m>, Vec<ListenerPosition>)> {
        let inherits = |rule: &Rule| self.own(route, rule).is_none();
        if self.by_target.is_empty() || !route.spec.rules.iter().flatten().any(inherits) {
            return vec![(Scope::default(), listeners)];
        }
        let mut groups: BTreeMap<_, (Option<Policy<'m>>, Vec<_>)> = BTreeMap::new();
        for position in listeners {
            let policy = bounds.get(position.bound).and_then(|bound| {
                let section = bound.listeners.get(position.listener)?;
                self.inherited(bound.gateway, &section.listener.name.value)
            });
            let key = policy.map(|policy| policy.metadata.key());
            groups.entry(key).or_insert((policy, Vec::new())).1.push(position);
        }
        if groups.is_empty() {
            return vec![(Scope::default(), Vec::new())];
        }
        let groups = groups.into_values().enumerate().map(|(number, (inherited, listeners))| {
            // The first one has the names that the route has if all listeners have the same policy.
            let suffix = inherited.filter(|_| number > 0).map(|policy| {
                let (namespace, name) = policy.metadata.key();
                format!("@{namespace}/{name}")
            });
            (Scope { inherited, suffix: suffix.unwrap_or_default() }, listeners)
        });
        groups.collect()
    }

    /// The policy that applies to a rule, and the suffix of the names of its clusters.
    pub(in crate::resolve) fn of(
        &self,
        route: &'m Object<Route>,
        rule: &'m Rule,
        scope: &Scope<'m>,
        report: &mut Report,
    ) -> (Option<Policy<'m>>, String) {
        // A rule with a policy of its own is the same for all listeners.
        let Some(policies) = self.own(route, rule) else { return (scope.inherited, scope.suffix.clone()) };
        for policy in policies.others.iter().chain([&policies.first]) {
            report.decisions.record_affected(policy, route);
        }
        (Some(policies.first), String::new())
    }

    /// Whether this was not reported yet about a policy.
    pub(in crate::resolve) fn is_first_report(&mut self, policy: Policy<'m>, what: Once) -> bool {
        self.reported.insert((ObjectKey::of(policy), what))
    }

    /// The policies of the rule itself, or of its route.
    fn own<'r>(&'r self, route: &'r Object<Route>, rule: &'r Rule) -> Option<&'r Policies<'m>> {
        let (namespace, name) = route.metadata.key();
        let of_rule = rule.name.as_ref().and_then(|rule| {
            self.by_target.get(&Target::Rule(route.spec.kind, namespace, name, rule.value.as_str()))
        });
        of_rule.or_else(|| self.by_target.get(&Target::Route(route.spec.kind, namespace, name)))
    }

    /// The policy of a listener, or of its Gateway.
    fn inherited(&self, gateway: &'m Object<Gateway>, listener: &str) -> Option<Policy<'m>> {
        let (namespace, name) = gateway.metadata.key();
        let of_listener = self.by_target.get(&Target::Listener(namespace, name, listener));
        let policies = of_listener.or_else(|| self.by_target.get(&Target::Gateway(namespace, name)));
        policies.map(|policies| policies.first)
    }
}

fn is_same(one: Policy<'_>, other: Policy<'_>) -> bool {
    one.metadata.key() == other.metadata.key()
}

/// Warns if a policy lets Envoy set a cookie with the name of a rule's session cookie.
pub(in crate::resolve) fn warn_about_cookie(policy: Policy<'_>, session: &Session<'_>, report: &mut Report) {
    if let Some(LoadBalancer::ConsistentHash(hash)) = &policy.spec.load_balancer
        && let HashInput::Cookie { name, ttl: Some(_), .. } = &hash.input
        && let Carrier::Cookie { name: Some(own), .. } = &session.persistence.carrier
        && own.value.as_str() == name.value
    {
        let place = Place::new(policy, "spec.loadBalancer.consistentHash.cookie.name", name.span);
        let message = String::from(
            "Envoy sets this cookie, but it has the name of a session cookie: they overwrite each other",
        );
        let warning = report.warning(Code::CookieNameConflict, place, message);
        warning.related = Some((own.span, String::from("the session cookie of a rule")));
        warning.hint =
            Some(String::from("use another name, or remove `ttl`: then Envoy only reads the cookie"));
    }
}

/// Warns that another policy applies to the target: the oldest one does, then the first by name.
fn warn_conflict(
    policy: Policy<'_>,
    field: String,
    span: Span,
    target: &Target<'_>,
    winner: Policy<'_>,
    report: &mut Report,
) {
    let place = Place::new(policy, field, span);
    let place = place.because(Part::Whole, ConditionType::Accepted, Reason::Conflicted);
    let (namespace, name) = winner.metadata.key();
    let message =
        format!("this policy does not apply to {target}: policy `{namespace}/{name}` takes precedence");
    let warning = report.warning(Code::PolicyConflict, place, message);
    warning.related = Some((winner.metadata.name.span, String::from("this policy takes precedence")));
    warning.hint = Some(String::from("the oldest policy of a target applies, then the first by name"));
}
