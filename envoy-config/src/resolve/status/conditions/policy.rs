//! The conditions of a policy for each of its ancestors (Gateway API, `PolicyStatus`): the Gateways that
//! serve a target, or the targets themselves if there are none.

use std::collections::BTreeSet;

use super::builder::{Builder, condition};
use crate::manifest::Object;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::policy_target::TargetRef;
use crate::manifest::gateway_api::xbackend::XBackend;
use crate::resolve::policies::target_objects::HasTargets;
use crate::resolve::status::decisions::{ObjectKey, OverriddenPart, ParentOutcome};
use crate::status::{AncestorStatus, Condition, ConditionType, Holds, ObjectReference, Reason, Status};

/// The conditions of other policies, with their reasons if nothing is wrong.
pub(super) const TRAFFIC: [(ConditionType, Reason); 1] = [(ConditionType::Accepted, Reason::Accepted)];

/// The conditions of a BackendTLSPolicy.
pub(super) const TLS: [(ConditionType, Reason); 2] =
    [(ConditionType::Accepted, Reason::Accepted), (ConditionType::ResolvedRefs, Reason::ResolvedRefs)];

impl Builder<'_, '_> {
    /// The status of a policy for these targets, with these conditions.
    pub(super) fn policy<T>(
        &self,
        policy: &Object<T>,
        targets: &[TargetRef],
        kinds: &[(ConditionType, Reason)],
    ) -> Status {
        let verdicts = self.of(policy);
        let conditions = || -> Vec<Condition> {
            kinds.iter().map(|&(kind, fine)| condition(kind, fine, &verdicts)).collect()
        };
        let gateways = self.ancestors(policy);
        let ancestors = if gateways.is_empty() {
            self::targets(targets, conditions)
        } else {
            let gateways = gateways.into_iter().map(|(owner, section)| AncestorStatus {
                ancestor_ref: ObjectReference {
                    section_name: section.map(str::to_owned),
                    ..reference(GATEWAY_API, owner.kind, Some(&owner.namespace), &owner.name)
                },
                controller_name: match self.parent_of_set(&owner) {
                    Some((namespace, name)) => self.controller(namespace, name),
                    None => self.controller(&owner.namespace, &owner.name),
                },
                conditions: conditions(),
            });
            gateways.collect()
        };
        Status::Policy { ancestors }
    }

    /// The status of an XBackend, for the Gateways whose routes refer to it. Only its `tls` can have references.
    pub(super) fn xbackend(&self, backend: &Object<XBackend>) -> Status {
        let kinds: &[_] = if backend.spec.tls.is_some() { &TLS } else { &TRAFFIC };
        self.policy(backend, &[], kinds)
    }

    /// The status of a policy for Gateways and routes.
    pub(super) fn attached_policy<P: HasTargets>(&self, policy: &Object<P>) -> Status {
        let targets: Vec<_> = policy.spec.targets().refs.iter().map(|(_, target)| target.clone()).collect();
        let mut status = self.policy(policy, &targets, &TRAFFIC);
        if let Some(overridden) = self.overridden(policy)
            && let Status::Policy { ancestors } = &mut status
        {
            for ancestor in ancestors {
                ancestor.conditions.push(overridden.clone());
            }
        }
        status
    }

    /// Envoy Gateway, `PolicyConditionOverridden`: more specific policies apply to some parts of the targets.
    fn overridden<P>(&self, policy: &Object<P>) -> Option<Condition> {
        let parts: Vec<&OverriddenPart> = self.decisions.overridden_parts(&ObjectKey::of(policy)).collect();
        let parts: Vec<String> = parts.chunk_by(|one, other| one.noun() == other.noun()).map(named).collect();
        (!parts.is_empty()).then(|| Condition {
            kind: ConditionType::Overridden,
            status: Holds::True,
            reason: Reason::Overridden,
            message: format!("more specific policies apply to {}", parts.join(" and to ")),
        })
    }

    /// The Gateways and ListenerSets that the policy targets, the targeted listeners, and the Gateways that accept one of its
    /// routes.
    fn ancestors<T>(&self, policy: &Object<T>) -> BTreeSet<(ObjectKey, Option<&str>)> {
        let key = ObjectKey::of(policy);
        let targeted = self.decisions.targeted_gateways(&key);
        let targeted = targeted.map(|(owner, section)| (owner.clone(), section.as_deref()));
        let accepting = self.gateways(policy).into_iter().map(|(namespace, name)| {
            let (namespace, name) = (namespace.to_owned(), name.to_owned());
            (ObjectKey { kind: "Gateway", namespace, name }, None)
        });
        targeted.chain(accepting).collect()
    }

    /// The Gateways that accept a route with one of the policy's targets, by namespace and name.
    fn gateways<T>(&self, policy: &Object<T>) -> BTreeSet<(&str, &str)> {
        let mut gateways = BTreeSet::new();
        for route in
            self.decisions.affected_routes(&ObjectKey::of(policy)).filter_map(|route| self.routes.get(route))
        {
            for (number, reference) in route.spec.parent_refs.iter().enumerate() {
                let attached = matches!(
                    self.decisions.parent(&ObjectKey::of(route), number),
                    Some(ParentOutcome::Attached(listeners)) if !listeners.is_empty()
                );
                if attached && self.accepts(route, number) {
                    gateways.extend(self.gateway_of(&route.metadata.namespace.value, reference));
                }
            }
        }
        gateways
    }
}

/// Some parts of one kind, which are not none.
fn named(parts: &[&OverriddenPart]) -> String {
    let names: Vec<String> = parts.iter().map(|part| format!("`{}`", part.name())).collect();
    format!("these {}: {}", parts.first().map_or("", |part| part.noun()), names.join(", "))
}

/// The targets of a policy as its ancestors.
pub(super) fn targets(targets: &[TargetRef], conditions: impl Fn() -> Vec<Condition>) -> Vec<AncestorStatus> {
    let targets = targets.iter().map(|target| AncestorStatus {
        ancestor_ref: ObjectReference {
            section_name: target.section_name.as_ref().map(|name| name.value.clone()),
            ..reference(&target.group.value, &target.kind.value, None, &target.name.value)
        },
        controller_name: None,
        conditions: conditions(),
    });
    targets.collect()
}

fn reference(group: &str, kind: &str, namespace: Option<&str>, name: &str) -> ObjectReference {
    ObjectReference {
        group: group.to_owned(),
        kind: kind.to_owned(),
        namespace: namespace.map(str::to_owned),
        name: name.to_owned(),
        section_name: None,
        port: None,
    }
}
