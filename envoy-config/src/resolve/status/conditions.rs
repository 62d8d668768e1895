//! Makes the conditions of each object from the decisions about it (Gateway API, `status`).
//!
//! Nothing is decided here: a condition is fine unless there is a verdict against it. How conditions depend
//! on each other is defined by the API.

mod builder;
mod gateway;
mod listener;
mod listener_set;
mod policy;
mod route;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::decisions::{Decisions, ObjectKey};
use crate::manifest::{Manifests, Unread};
use crate::status::{Condition, ConditionType, Holds, ObjectName, ObjectStatus, Reason, Status};

use self::builder::{Builder, condition};

/// The statuses of all objects, by kind, namespace and name.
pub(in crate::resolve) fn statuses(manifests: &Manifests, decisions: &Decisions) -> Vec<ObjectStatus> {
    let builder = Builder::new(manifests, decisions);
    let mut statuses: BTreeMap<ObjectKey, Option<Status>> = BTreeMap::new();
    for class in &manifests.gateway_classes {
        let conditions = vec![condition(ConditionType::Accepted, Reason::Accepted, &builder.of(class))];
        statuses.insert(ObjectKey::of(class), Some(Status::Class { conditions }));
    }
    for gateway in &manifests.gateways {
        statuses.insert(ObjectKey::of(gateway), builder.gateway(gateway));
    }
    for set in &manifests.listener_sets {
        statuses.insert(ObjectKey::of(set), builder.listener_set(set));
    }
    let attached = builder.attached(manifests);
    listener::count(&mut statuses, &attached);
    listener_set::count(&mut statuses, &builder, manifests);
    for object in &manifests.routes {
        statuses.insert(ObjectKey::of(object), builder.route(object));
    }
    for policy in &manifests.backend_traffic_policies {
        statuses.insert(
            ObjectKey::of(policy),
            Some(builder.policy(policy, &policy.spec.targets, &policy::TRAFFIC)),
        );
    }
    for policy in &manifests.backend_tls_policies {
        statuses
            .insert(ObjectKey::of(policy), Some(builder.policy(policy, &policy.spec.targets, &policy::TLS)));
    }
    for policy in &manifests.envoy_traffic_policies {
        statuses.insert(ObjectKey::of(policy), Some(builder.attached_policy(policy)));
    }
    for policy in &manifests.session_persistence_policies {
        statuses.insert(ObjectKey::of(policy), Some(builder.attached_policy(policy)));
    }
    for backend in &manifests.xbackends {
        statuses.insert(ObjectKey::of(backend), Some(builder.xbackend(backend)));
    }
    let mut unread = BTreeSet::new();
    for object in &manifests.unread {
        let key =
            ObjectKey { kind: object.kind, namespace: object.namespace.clone(), name: object.name.clone() };
        // Of two objects with the same name, one was read.
        if let Entry::Vacant(place) = statuses.entry(key) {
            unread.insert(place.key().clone());
            place.insert(builder.unread(object));
        }
    }
    let statuses = statuses.into_iter().filter_map(|(key, status)| {
        let is_read = !unread.contains(&key);
        Some(named(key, status?, is_read))
    });
    let mut statuses: Vec<ObjectStatus> = statuses.collect();
    statuses.sort_by_cached_key(|one| rank(one.kind));
    statuses
}

/// Objects come before those that depend on them.
fn rank(kind: &str) -> usize {
    const ORDER: [&str; 6] =
        ["GatewayClass", "Gateway", "ListenerSet", "HTTPRoute", "GRPCRoute", "BackendTLSPolicy"];
    ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len())
}

fn named(key: ObjectKey, status: Status, is_read: bool) -> ObjectStatus {
    let ObjectKey { kind, namespace, name } = key;
    let api_version = match kind {
        "XBackend" | "XBackendTrafficPolicy" => "gateway.networking.x-k8s.io/v1alpha1",
        "BackendTrafficPolicy" => "gateway.envoyproxy.io/v1alpha1",
        "SessionPersistencePolicy" => "session-persistence.dev/v1alpha1",
        _ => "gateway.networking.k8s.io/v1",
    };
    ObjectStatus { api_version, kind, metadata: ObjectName { namespace, name }, status, is_read }
}

impl Builder<'_, '_> {
    /// The status of an object that could not be read; `None` for kinds without a status.
    fn unread(&self, object: &Unread) -> Option<Status> {
        let rejected =
            |kind, reason| Condition { kind, status: Holds::False, reason, message: object.problem.clone() };
        match object.kind {
            "GatewayClass" => Some(Status::Class {
                conditions: vec![rejected(ConditionType::Accepted, Reason::InvalidParameters)],
            }),
            "Gateway" => Some(Status::Gateway {
                conditions: vec![
                    rejected(ConditionType::Accepted, Reason::Invalid),
                    rejected(ConditionType::Programmed, Reason::Invalid),
                ],
                listeners: Vec::new(),
                attached_listener_sets: 0,
            }),
            "ListenerSet" => Some(Status::ListenerSet {
                conditions: vec![
                    rejected(ConditionType::Accepted, Reason::Invalid),
                    rejected(ConditionType::Programmed, Reason::Invalid),
                ],
                listeners: Vec::new(),
            }),
            "HTTPRoute" | "GRPCRoute" => {
                let conditions = || vec![rejected(ConditionType::Accepted, Reason::UnsupportedValue)];
                let parent = |reference| self.parent(&object.namespace, reference, conditions());
                Some(Status::Route { parents: object.parent_refs.iter().map(parent).collect() })
            }
            "BackendTLSPolicy"
            | "XBackendTrafficPolicy"
            | "BackendTrafficPolicy"
            | "SessionPersistencePolicy" => {
                let conditions = || vec![rejected(ConditionType::Accepted, Reason::Invalid)];
                Some(Status::Policy { ancestors: policy::targets(&object.targets, conditions) })
            }
            _ => None,
        }
    }
}
