//! The conditions of a route at each of its parents (Gateway API, `RouteStatus`).

use std::collections::BTreeSet;

use super::builder::{Builder, condition, messages};
use crate::manifest::Object;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::route::{ParentRef, Route};
use crate::resolve::status::decisions::{ObjectKey, ParentOutcome, Part, Verdict};
use crate::status::{Condition, ConditionType, Holds, ObjectReference, ParentStatus, Reason, Status};

impl Builder<'_, '_> {
    /// The status of a route; `None` if it belongs only to Gateways that are not selected.
    pub(super) fn route(&self, route: &Object<Route>) -> Option<Status> {
        let references = &route.spec.parent_refs;
        let parents: Vec<ParentStatus> = references
            .iter()
            .enumerate()
            .filter(|(number, _)| {
                !matches!(
                    self.decisions.parent(&ObjectKey::of(route), *number),
                    Some(ParentOutcome::NotSelected)
                )
            })
            .map(|(number, reference)| {
                let conditions = self.at_parent(route, number);
                self.parent(&route.metadata.namespace.value, reference, conditions)
            })
            .collect();
        (references.is_empty() || !parents.is_empty()).then_some(Status::Route { parents })
    }

    /// Whether a parent accepts a route.
    pub(super) fn accepts(&self, route: &Object<Route>, number: usize) -> bool {
        let conditions = self.at_parent(route, number);
        conditions.iter().any(|one| one.kind == ConditionType::Accepted && one.status == Holds::True)
    }

    fn at_parent(&self, route: &Object<Route>, number: usize) -> Vec<Condition> {
        let verdicts = self.of(route);
        let (of_rules, mut others): (Vec<&Verdict>, Vec<&Verdict>) =
            verdicts.into_iter().partition(|verdict| matches!(verdict.part, Part::Rule(_)));
        others.retain(|verdict| matches!(verdict.part, Part::Whole) || verdict.part == Part::Parent(number));
        let mut resolving = others.clone();
        resolving.extend(&of_rules);
        let resolved = condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, &resolving);
        let mut accepted = condition(ConditionType::Accepted, Reason::Accepted, &others);
        // Of some rules, only a part is invalid: a route of such rules alone is still accepted.
        let is_dropped = |verdict: &&Verdict| {
            matches!(verdict.condition, ConditionType::Accepted | ConditionType::PartiallyInvalid)
        };
        let dropped: Vec<&Verdict> = of_rules.into_iter().filter(is_dropped).collect();
        let rejected = dropped.iter().filter(|verdict| verdict.condition == ConditionType::Accepted);
        let rejected: Vec<&Verdict> = rejected.copied().collect();
        let all = route.spec.rules.len();
        let partly = if accepted.status != Holds::True || dropped.is_empty() {
            None
        } else if rules(&rejected).len() == all {
            accepted = condition(ConditionType::Accepted, Reason::Accepted, &rejected);
            None
        } else if rules(&dropped).len() == all {
            None
        } else {
            Some(partly_invalid(&dropped))
        };
        [accepted, resolved].into_iter().chain(partly).collect()
    }

    /// The status of a route at a parentRef with these conditions.
    pub(super) fn parent(
        &self,
        own: &str,
        reference: &ParentRef,
        conditions: Vec<Condition>,
    ) -> ParentStatus {
        let ParentRef { namespace, name, section_name, port, .. } = reference;
        let written = namespace.as_ref().map(|namespace| namespace.value.clone());
        let gateway = self.gateway_of(own, reference);
        ParentStatus {
            controller_name: gateway.and_then(|(namespace, name)| self.controller(namespace, name)),
            parent_ref: ObjectReference {
                group: GATEWAY_API.to_owned(),
                kind: reference.kind.name().to_owned(),
                namespace: written,
                name: name.value.clone(),
                section_name: section_name.as_ref().map(|name| name.value.clone()),
                port: port.as_ref().map(|port| port.value),
            },
            conditions,
        }
    }
}

/// The positions of the rules that these verdicts are about.
fn rules(dropped: &[&Verdict]) -> BTreeSet<usize> {
    let positions = dropped.iter().filter_map(|verdict| match verdict.part {
        Part::Rule(position) => Some(position),
        Part::Whole | Part::Listener(_) | Part::Parent(_) => None,
    });
    positions.collect()
}

/// Some rules are not served, but others are. The API requires the message to start with these words.
fn partly_invalid(dropped: &[&Verdict]) -> Condition {
    let positions: Vec<String> = rules(dropped).iter().map(ToString::to_string).collect();
    Condition {
        kind: ConditionType::PartiallyInvalid,
        status: Holds::True,
        reason: Reason::UnsupportedValue,
        message: format!("Dropped Rule {}: {}", positions.join(", "), messages(dropped)),
    }
}
