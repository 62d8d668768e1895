//! Which policy of a kind for Gateways and routes applies to a rule (GEP-713).
//!
//! - A policy targets objects of its own namespace: Gateways, ListenerSets or one of their listeners, routes or one of their
//!   rules.
//! - For each rule, one policy of a kind applies as a whole: that of the rule, or else of the route, of the listener, of the
//!   ListenerSet, of the Gateway. Nothing is merged (the strategy "atomic defaults" of the GEP, and what Envoy Gateway does).
//! - Of several policies for one target, the oldest applies, then the first by `namespace/name`.
//!
//! [`super::target_objects`] finds the targets; [`super::scope`] treats a route whose listeners have different policies.

use std::collections::{BTreeMap, HashMap};

use super::target_objects::{HasTargets, Target, TargetObjects};
use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::{Route, Rule};
use crate::resolve::seniority::Seniority;
use crate::resolve::status::decisions::{OverriddenPart, Part};
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The policies of a kind, by target.
pub(in crate::resolve) struct AttachedPolicies<'m, P> {
    by_target: HashMap<Target<'m>, Policies<'m, P>>,
}

/// The policies of one target.
struct Policies<'m, P> {
    /// The one that applies.
    first: Naming<'m, P>,
    others: Vec<&'m Object<P>>,
}

/// A policy, and its field that names a target.
pub(super) struct Naming<'m, P> {
    pub(super) policy: &'m Object<P>,
    pub(super) field: String,
    pub(super) span: Span,
}

/// A policy that applies to a rule, and the target through which it does.
pub(super) struct Applied<'m, P> {
    pub(super) policy: &'m Object<P>,
    pub(super) target: Target<'m>,
}

impl<'m, P: HasTargets> AttachedPolicies<'m, P> {
    /// Indexes the policies by target, and reports those that do not apply.
    pub(super) fn index(
        policies: &'m [Object<P>],
        objects: &TargetObjects<'m, '_>,
        report: &mut Report,
    ) -> Self {
        let mut by_target: HashMap<Target<'m>, Policies<'m, P>> = HashMap::new();
        let mut policies: Vec<&Object<P>> = policies.iter().collect();
        policies.sort_by_cached_key(|policy| Seniority::of(policy));
        for policy in policies {
            for (field, span, target) in objects.of(policy, report) {
                if let Some(owner) = target.owner() {
                    report.decisions.record_gateway(policy, owner, target.section());
                }
                match by_target.get_mut(&target) {
                    // A policy may select an object twice.
                    Some(known) if known.first.policy.metadata.key() == policy.metadata.key() => {}
                    Some(known) => {
                        warn_conflict(policy, field, span, &target, known.first.policy, report);
                        known.others.push(policy);
                    }
                    None => {
                        let first = Naming { policy, field, span };
                        by_target.insert(target, Policies { first, others: Vec::new() });
                    }
                }
            }
        }
        let attached = Self { by_target };
        attached.record_overridden_parts(objects, report);
        attached
    }

    /// The policies that apply, by target.
    pub(super) fn in_order(&self) -> BTreeMap<&Target<'m>, &Naming<'m, P>> {
        self.by_target.iter().map(|(target, policies)| (target, &policies.first)).collect()
    }

    /// Records which listeners have another policy than their Gateway, and which rules another than their route.
    fn record_overridden_parts(&self, objects: &TargetObjects<'m, '_>, report: &mut Report) {
        for target in self.by_target.keys() {
            let (whole, part) = match *target {
                Target::Listener(namespace, name, listener) => (
                    Target::Gateway(namespace, name),
                    OverriddenPart::Listener(format!("{namespace}/{name}/{listener}")),
                ),
                Target::Rule(kind, namespace, name, rule) => (
                    Target::Route(kind, namespace, name),
                    OverriddenPart::Rule(format!("{namespace}/{name}/{rule}")),
                ),
                Target::ListenerOfSet(namespace, name, listener) => (
                    Target::ListenerSet(namespace, name),
                    OverriddenPart::Listener(format!("{namespace}/{name}/{listener}")),
                ),
                Target::ListenerSet(namespace, name) => {
                    let Some(gateway) = objects.gateway_of(namespace, name) else { continue };
                    (gateway, OverriddenPart::ListenerSet(format!("{namespace}/{name}")))
                }
                Target::Gateway(..) | Target::Route(..) => continue,
            };
            if let Some(overridden) = self.by_target.get(&whole) {
                report.decisions.record_overridden(overridden.first.policy, part);
            }
        }
    }

    /// Records that a route that inherits from these targets has policies of its own, if it does.
    pub(super) fn record_overridden_by(
        &self,
        route: &'m Object<Route>,
        targets: &[Target<'m>],
        report: &mut Report,
    ) {
        let has_own = |rule: &'m Rule| self.of_rule_or_route(route, rule).is_some();
        if self.by_target.is_empty() || !route.spec.rules.iter().flatten().any(has_own) {
            return;
        }
        for target in targets {
            if let Some(overridden) = self.by_target.get(target) {
                let (namespace, name) = route.metadata.key();
                let part = OverriddenPart::Route(format!("{namespace}/{name}"));
                report.decisions.record_overridden(overridden.first.policy, part);
            }
        }
    }

    /// Whether some rules of a route can have the policy of a listener or Gateway.
    pub(super) fn are_inherited_by(&self, route: &'m Object<Route>) -> bool {
        let inherits = |rule: &'m Rule| self.of_rule_or_route(route, rule).is_none();
        !self.by_target.is_empty() && route.spec.rules.iter().flatten().any(inherits)
    }

    /// The policy of the first of these targets that has one.
    pub(super) fn inherited(&self, targets: Vec<Target<'m>>) -> Option<Applied<'m, P>> {
        targets.into_iter().find_map(|target| {
            let policy = self.by_target.get(&target)?.first.policy;
            Some(Applied { policy, target })
        })
    }

    /// The policy of a rule itself, or of its route.
    pub(super) fn own(
        &self,
        route: &'m Object<Route>,
        rule: &'m Rule,
        report: &mut Report,
    ) -> Option<Applied<'m, P>> {
        let (target, policies) = self.of_rule_or_route(route, rule)?;
        let policy = policies.first.policy;
        for policy in policies.others.iter().chain([&policy]) {
            report.decisions.record_affected(policy, route);
        }
        Some(Applied { policy, target })
    }

    fn of_rule_or_route(
        &self,
        route: &'m Object<Route>,
        rule: &'m Rule,
    ) -> Option<(Target<'m>, &Policies<'m, P>)> {
        let (kind, (namespace, name)) = (route.spec.kind, route.metadata.key());
        let of_rule = rule.name.as_ref().map(|rule| Target::Rule(kind, namespace, name, &rule.value));
        let targets = of_rule.into_iter().chain([Target::Route(kind, namespace, name)]);
        targets.into_iter().find_map(|target| Some((target, self.by_target.get(&target)?)))
    }
}

impl<P> Clone for Applied<'_, P> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<P> Copy for Applied<'_, P> {}

/// Warns that another policy applies to the target: the oldest one does, then the first by name.
fn warn_conflict<P>(
    policy: &Object<P>,
    field: String,
    span: Span,
    target: &Target<'_>,
    winner: &Object<P>,
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
