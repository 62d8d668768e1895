//! Which policy of a kind for Gateways and routes applies to a rule (GEP-713).
//!
//! - A policy targets objects of its own namespace: Gateways or one of their listeners, routes or one of their rules.
//! - For each rule, one policy of a kind applies as a whole: that of the rule, or else of the route, of the listener, of the
//!   Gateway. Nothing is merged (the strategy "atomic defaults" of the GEP, and what Envoy Gateway does).
//! - Of several policies for one target, the oldest applies, then the first by `namespace/name`.
//!
//! [`super::target_objects`] finds the targets; [`super::scope`] treats a route whose listeners have different policies.

use std::collections::HashMap;

use super::target_objects::{HasTargets, Target, TargetObjects};
use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::gateway::Gateway;
use crate::manifest::gateway_api::route::{Route, Rule};
use crate::resolve::seniority::Seniority;
use crate::resolve::status::decisions::Part;
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
    first: &'m Object<P>,
    others: Vec<&'m Object<P>>,
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
                if let Target::Gateway(namespace, name) | Target::Listener(namespace, name, _) = target {
                    report.decisions.record_gateway(policy, namespace, name, target.section());
                }
                match by_target.get_mut(&target) {
                    // A policy may select an object twice.
                    Some(known) if known.first.metadata.key() == policy.metadata.key() => {}
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
        Self { by_target }
    }

    /// Whether some rules of a route can have the policy of a listener or Gateway.
    pub(super) fn are_inherited_by(&self, route: &'m Object<Route>) -> bool {
        let inherits = |rule: &Rule| self.of_rule_or_route(route, rule).is_none();
        !self.by_target.is_empty() && route.spec.rules.iter().flatten().any(inherits)
    }

    /// The policy of a listener, or of its Gateway.
    pub(super) fn inherited(&self, gateway: &'m Object<Gateway>, listener: &str) -> Option<&'m Object<P>> {
        let (namespace, name) = gateway.metadata.key();
        let of_listener = self.by_target.get(&Target::Listener(namespace, name, listener));
        let policies = of_listener.or_else(|| self.by_target.get(&Target::Gateway(namespace, name)));
        policies.map(|policies| policies.first)
    }

    /// The policy of a rule itself, or of its route.
    pub(super) fn own(
        &self,
        route: &'m Object<Route>,
        rule: &'m Rule,
        report: &mut Report,
    ) -> Option<&'m Object<P>> {
        let policies = self.of_rule_or_route(route, rule)?;
        for policy in policies.others.iter().chain([&policies.first]) {
            report.decisions.record_affected(policy, route);
        }
        Some(policies.first)
    }

    fn of_rule_or_route<'r>(
        &'r self,
        route: &'r Object<Route>,
        rule: &'r Rule,
    ) -> Option<&'r Policies<'m, P>> {
        let (namespace, name) = route.metadata.key();
        let of_rule = rule.name.as_ref().and_then(|rule| {
            self.by_target.get(&Target::Rule(route.spec.kind, namespace, name, rule.value.as_str()))
        });
        of_rule.or_else(|| self.by_target.get(&Target::Route(route.spec.kind, namespace, name)))
    }
}

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
