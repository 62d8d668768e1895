//! The conditions of the listeners of a Gateway or ListenerSet (Gateway API, `ListenerStatus`), and their summary in the
//! conditions of the object.

use std::collections::BTreeMap;

use super::builder::{Builder, condition, messages, owner_of};
use crate::manifest::Manifests;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::gateway::Protocol;
use crate::resolve::listeners::section::{Owner, Section};
use crate::resolve::status::decisions::{ObjectKey, ParentOutcome, Part, Verdict};
use crate::status::{Condition, ConditionType, Holds, ListenerStatus, Reason, RouteGroupKind, Status};

/// The number of accepted routes for each listener, by the object that lists it and the position there.
pub(super) type Attached = BTreeMap<(ObjectKey, usize), usize>;

/// Adds the numbers of routes to the statuses of the Gateways and ListenerSets.
pub(super) fn count(statuses: &mut BTreeMap<ObjectKey, Option<Status>>, attached: &Attached) {
    for ((owner, position), routes) in attached {
        if let Some(Some(Status::Gateway { listeners, .. } | Status::ListenerSet { listeners, .. })) =
            statuses.get_mut(owner)
            && let Some(listener) = listeners.get_mut(*position)
        {
            listener.attached_routes = *routes;
        }
    }
}

impl Builder<'_, '_> {
    /// The number of routes on each listener. A route that attaches by several parentRefs counts once.
    pub(super) fn attached(&self, manifests: &Manifests) -> Attached {
        let mut attached = Attached::new();
        for route in &manifests.routes {
            let mut listeners = Vec::new();
            for (number, reference) in route.spec.parent_refs.iter().enumerate() {
                let found = self.decisions.parent(&ObjectKey::of(route), number);
                if let Some(ParentOutcome::Attached(positions)) = found
                    && self.accepts(route, number)
                {
                    let owner = owner_of(&route.metadata.namespace.value, reference);
                    listeners.extend(positions.iter().map(|position| (owner.clone(), *position)));
                }
            }
            listeners.sort();
            listeners.dedup();
            for listener in listeners {
                *attached.entry(listener).or_default() += 1;
            }
        }
        attached
    }

    /// The statuses of the listeners of an object with these verdicts.
    pub(super) fn listeners(&self, owner: Owner<'_>, verdicts: &[&Verdict]) -> Vec<ListenerStatus> {
        owner.sections().map(|section| self.listener(&section, verdicts)).collect()
    }

    fn listener(&self, section: &Section<'_>, verdicts: &[&Verdict]) -> ListenerStatus {
        let Section { owner, position, listener } = *section;
        let of_owner = verdicts.iter().any(|verdict| verdict.part == Part::Whole);
        let own = verdicts.iter().filter(|verdict| verdict.part == Part::Listener(position));
        let own: Vec<&Verdict> = own.copied().collect();
        let conflicts = own.iter().filter(|verdict| verdict.condition == ConditionType::Conflicted);
        let conflicts: Vec<&Verdict> = conflicts.copied().collect();
        // A conflicted listener is not accepted either.
        let accepted = match conflicts.first() {
            Some(first) => rejected(ConditionType::Accepted, first.reason, messages(&conflicts)),
            None => condition(ConditionType::Accepted, Reason::Accepted, &own),
        };
        let conflicted = match conflicts.first() {
            Some(first) => Condition {
                kind: ConditionType::Conflicted,
                status: Holds::True,
                reason: first.reason,
                message: messages(&conflicts),
            },
            None => Condition {
                kind: ConditionType::Conflicted,
                status: Holds::False,
                reason: Reason::NoConflicts,
                message: String::new(),
            },
        };
        let programmed =
            if self.decisions.is_programmed(&ObjectKey::new(owner.kind, owner.metadata), position) {
                condition(ConditionType::Programmed, Reason::Programmed, &[])
            } else {
                let reason = conflicts.first().map_or(Reason::Invalid, |first| first.reason);
                let message = match messages(&own) {
                    own if own.is_empty() && of_owner => format!("the {} is not served", owner.kind),
                    own => own,
                };
                rejected(ConditionType::Programmed, reason, message)
            };
        let mut conditions = vec![
            accepted,
            conflicted,
            programmed,
            condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, &own),
        ];
        if conflicts.is_empty() {
            conditions.extend(self.overlapping(section));
        }
        ListenerStatus {
            name: listener.name.value.clone(),
            supported_kinds: listener
                .supported_kinds()
                .map(|kind| RouteGroupKind { group: GATEWAY_API, kind })
                .collect(),
            attached_routes: 0,
            conditions,
        }
    }

    /// Whether another TLS listener on the port has overlapping hostnames (Gateway API, `OverlappingTLSConfig`).
    fn overlapping(&self, own: &Section<'_>) -> Option<Condition> {
        let is_tls = |section: &Section<'_>| matches!(section.listener.protocol.value, Protocol::Https(_));
        if !is_tls(own) {
            return None;
        }
        let domain = own.domain();
        let is_own =
            |other: &Section<'_>| other.owner.key() == own.owner.key() && other.position == own.position;
        let others = self.on_one_gateway(own.owner).into_iter().flat_map(Owner::sections).filter(|other| {
            !is_own(other)
                && other.listener.port.value == own.listener.port.value
                && is_tls(other)
                && other.domain().intersection(&domain).is_some()
                && !self.is_conflicted(other)
        });
        let name = |other: Section<'_>| match other.owner.key() {
            key if key == own.owner.key() => other.listener.name.value.clone(),
            _ => other.full_name(),
        };
        let names: Vec<String> = others.map(name).collect();
        (!names.is_empty()).then(|| Condition {
            kind: ConditionType::OverlappingTLSConfig,
            status: Holds::True,
            reason: Reason::OverlappingHostnames,
            message: format!(
                "hostnames overlap with those of {}: on a connection for one listener, requests for hostnames of another get 421",
                names.join(", ")
            ),
        })
    }

    /// The objects whose listeners are served together with those of this one.
    fn on_one_gateway<'o>(&'o self, owner: Owner<'o>) -> Vec<Owner<'o>> {
        let key = ObjectKey::new(owner.kind, owner.metadata);
        let gateway = match self.parent_of_set(&key) {
            Some((namespace, name)) => {
                ObjectKey { kind: "Gateway", namespace: namespace.to_owned(), name: name.to_owned() }
            }
            None => key,
        };
        let sets = self.decisions.listener_sets(&gateway).iter();
        let sets = sets.filter_map(|set| self.listener_sets.get(set).map(|set| Owner::from(*set)));
        self.gateways.get(&gateway).map(|gateway| Owner::from(*gateway)).into_iter().chain(sets).collect()
    }

    fn is_conflicted(&self, section: &Section<'_>) -> bool {
        let verdicts = self.decisions.of(&ObjectKey::new(section.owner.kind, section.owner.metadata));
        verdicts.iter().any(|verdict| {
            verdict.part == Part::Listener(section.position) && verdict.condition == ConditionType::Conflicted
        })
    }
}

/// The names of the listeners for which this condition does not hold.
pub(super) fn without(listeners: &[ListenerStatus], kind: ConditionType) -> Vec<&str> {
    let lacks = |listener: &&ListenerStatus| {
        let mut own = listener.conditions.iter();
        own.any(|condition| condition.kind == kind && condition.status != Holds::True)
    };
    listeners.iter().filter(lacks).map(|listener| listener.name.as_str()).collect()
}

/// Whether an object with these verdicts and listeners is accepted, and whether it is programmed; `unserved` is the reason
/// of the second if none of its listeners is served, given the reason of the first.
pub(super) fn summary(
    verdicts: &[&Verdict],
    listeners: &[ListenerStatus],
    unserved: impl Fn(Reason) -> Reason,
) -> (Condition, Condition) {
    let failed = without(listeners, ConditionType::Programmed);
    let none_served = failed.len() == listeners.len();
    let mut accepted = condition(ConditionType::Accepted, Reason::Accepted, verdicts);
    // Then the reason is the object itself, not a listener.
    let barred = verdicts.iter().any(|verdict| verdict.condition == ConditionType::Programmed);
    if accepted.status == Holds::True && !failed.is_empty() && !barred {
        accepted.status = if none_served { Holds::False } else { Holds::True };
        accepted.reason = Reason::ListenersNotValid;
        accepted.message = format!("listeners that are not served: {}", failed.join(", "));
    }
    let programmed = if (none_served && !barred) || accepted.status != Holds::True {
        rejected(ConditionType::Programmed, unserved(accepted.reason), accepted.message.clone())
    } else {
        condition(ConditionType::Programmed, Reason::Programmed, verdicts)
    };
    (accepted, programmed)
}

pub(super) fn rejected(kind: ConditionType, reason: Reason, message: String) -> Condition {
    Condition { kind, status: Holds::False, reason, message }
}
