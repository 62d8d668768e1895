//! The conditions of a Gateway and its listeners (Gateway API, `GatewayStatus`).

use std::collections::BTreeMap;

use super::builder::{Builder, condition, messages};
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::gateway::{Frontend, Gateway, Protocol, Validation, ValidationMode};
use crate::manifest::{Manifests, Object};
use crate::model::Domain;
use crate::resolve::status::decisions::{ObjectKey, ParentOutcome, Part, Verdict};
use crate::status::{Condition, ConditionType, Holds, ListenerStatus, Reason, RouteGroupKind, Status};

/// The number of accepted routes for each listener, by Gateway and position.
pub(super) type Attached = BTreeMap<(ObjectKey, usize), usize>;

/// Adds the numbers of routes to the statuses of the Gateways.
pub(super) fn count(statuses: &mut BTreeMap<ObjectKey, Option<Status>>, attached: &Attached) {
    for ((gateway, position), routes) in attached {
        if let Some(Some(Status::Gateway { listeners, .. })) = statuses.get_mut(gateway)
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
                    let namespace = reference.namespace.as_ref().unwrap_or(&route.metadata.namespace);
                    let gateway = ObjectKey {
                        kind: "Gateway",
                        namespace: namespace.value.clone(),
                        name: reference.name.value.clone(),
                    };
                    listeners.extend(positions.iter().map(|position| (gateway.clone(), *position)));
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

    /// The status of a Gateway; `None` if it is not selected.
    pub(super) fn gateway(&self, gateway: &Object<Gateway>) -> Option<Status> {
        let verdicts = self.of(gateway);
        let whole: Vec<&Verdict> =
            verdicts.iter().filter(|verdict| verdict.part == Part::Whole).copied().collect();
        if !self.decisions.is_selected(&ObjectKey::of(gateway)) {
            return None;
        }
        let listeners: Vec<ListenerStatus> = (0..gateway.spec.listeners.len())
            .filter_map(|at| self.listener(gateway, at, &verdicts))
            .collect();
        let mut conditions = summary(&whole, &listeners);
        conditions.extend(insecure_fallback(gateway));
        Some(Status::Gateway { conditions, listeners })
    }

    fn listener(
        &self,
        gateway: &Object<Gateway>,
        position: usize,
        verdicts: &[&Verdict],
    ) -> Option<ListenerStatus> {
        let listener = gateway.spec.listeners.get(position)?;
        let of_gateway = verdicts.iter().any(|verdict| verdict.part == Part::Whole);
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
        let programmed = if self.decisions.is_programmed(&ObjectKey::of(gateway), position) {
            condition(ConditionType::Programmed, Reason::Programmed, &[])
        } else {
            let reason = conflicts.first().map_or(Reason::Invalid, |first| first.reason);
            let message = match messages(&own) {
                own if own.is_empty() && of_gateway => String::from("the Gateway is not served"),
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
        conditions.extend(overlapping(gateway, position));
        Some(ListenerStatus {
            name: listener.name.value.clone(),
            supported_kinds: listener
                .supported_kinds()
                .map(|kind| RouteGroupKind { group: GATEWAY_API, kind })
                .collect(),
            attached_routes: 0,
            conditions,
        })
    }
}

/// The conditions of a Gateway, from its listeners and its own verdicts.
fn summary(verdicts: &[&Verdict], listeners: &[ListenerStatus]) -> Vec<Condition> {
    let without = |kind: ConditionType| -> Vec<&str> {
        let lacks = |listener: &&ListenerStatus| {
            let mut own = listener.conditions.iter();
            own.any(|condition| condition.kind == kind && condition.status != Holds::True)
        };
        listeners.iter().filter(lacks).map(|listener| listener.name.as_str()).collect()
    };
    let (unserved, unresolved) = (without(ConditionType::Programmed), without(ConditionType::ResolvedRefs));
    let none_served = unserved.len() == listeners.len();
    let mut accepted = condition(ConditionType::Accepted, Reason::Accepted, verdicts);
    // Then the reason is the Gateway itself, not a listener.
    let barred = verdicts.iter().any(|verdict| verdict.condition == ConditionType::Programmed);
    if accepted.status == Holds::True && !unserved.is_empty() && !barred {
        accepted.status = if none_served { Holds::False } else { Holds::True };
        accepted.reason = Reason::ListenersNotValid;
        accepted.message = format!("listeners that are not served: {}", unserved.join(", "));
    }
    let programmed = if (none_served && !barred) || accepted.status != Holds::True {
        rejected(ConditionType::Programmed, Reason::Invalid, accepted.message.clone())
    } else {
        condition(ConditionType::Programmed, Reason::Programmed, verdicts)
    };
    let mut resolved = condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, verdicts);
    if resolved.status == Holds::True && !unresolved.is_empty() {
        let message = format!("listeners with references that do not resolve: {}", unresolved.join(", "));
        resolved = rejected(ConditionType::ResolvedRefs, Reason::ListenersNotResolved, message);
    }
    vec![accepted, programmed, resolved]
}

fn rejected(kind: ConditionType, reason: Reason, message: String) -> Condition {
    Condition { kind, status: Holds::False, reason, message }
}

/// Whether clients without a valid certificate are accepted on some port (Gateway API,
/// `InsecureFrontendValidationMode`).
fn insecure_fallback(gateway: &Object<Gateway>) -> Option<Condition> {
    let Frontend { default, per_port } = &gateway.spec.frontend;
    let insecure = |validation: &Option<Validation>| {
        validation.as_ref().is_some_and(|validation| validation.mode == ValidationMode::AllowInsecureFallback)
    };
    let everywhere = insecure(default).then(|| String::from("ports without their own `perPort` entry"));
    let ports = per_port.iter().filter(|(_, validation)| insecure(validation));
    let places: Vec<String> =
        everywhere.into_iter().chain(ports.map(|(port, _)| format!("port {port}"))).collect();
    (!places.is_empty()).then(|| Condition {
        kind: ConditionType::InsecureFrontendValidationMode,
        status: Holds::True,
        reason: Reason::ConfigurationChanged,
        message: format!("clients without a valid certificate are served: {}", places.join(", ")),
    })
}

/// Whether another TLS listener on the port has overlapping hostnames (Gateway API, `OverlappingTLSConfig`).
fn overlapping(gateway: &Object<Gateway>, position: usize) -> Option<Condition> {
    let own = gateway.spec.listeners.get(position)?;
    let is_tls = |protocol: &Protocol| matches!(protocol, Protocol::Https(_));
    if !is_tls(&own.protocol.value) {
        return None;
    }
    let domain = Domain::of(own.hostname.as_ref());
    let others = gateway.spec.listeners.iter().enumerate().filter(|(other, listener)| {
        *other != position
            && listener.port.value == own.port.value
            && is_tls(&listener.protocol.value)
            && Domain::of(listener.hostname.as_ref()).intersection(&domain).is_some()
    });
    let names: Vec<&str> = others.map(|(_, listener)| listener.name.value.as_str()).collect();
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
