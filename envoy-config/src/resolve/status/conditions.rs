//! The conditions of each object, from what was decided of it (Gateway API, `status`).
//!
//! Nothing is decided here: a condition is as it should be unless there is a verdict against it, and what one condition
//! says of another is the API's.

mod gateway;
mod policy;
mod route;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use super::decisions::{Decisions, ObjectKey, Verdict};
use crate::manifest::route::Route;
use crate::manifest::{Manifests, Object, Unread};
use crate::status::{Condition, ConditionType, Holds, ObjectName, ObjectStatus, Reason, Status};

use crate::resolve::references::grants::GATEWAY_API as GROUP;

/// Where the objects that statuses are made of are looked up.
struct Scene<'m, 'd> {
    decisions: &'d Decisions,
    /// The controllers of the GatewayClasses.
    controllers: BTreeMap<&'m str, &'m str>,
    /// The classes of the Gateways, by namespace and name.
    classes: BTreeMap<(&'m str, &'m str), &'m str>,
    routes: BTreeMap<ObjectKey, &'m Object<Route>>,
}

/// The statuses of all objects, by kind, namespace and name.
pub(in crate::resolve) fn statuses(manifests: &Manifests, decisions: &Decisions) -> Vec<ObjectStatus> {
    let scene = Scene::new(manifests, decisions);
    let mut statuses: BTreeMap<ObjectKey, Option<Status>> = BTreeMap::new();
    for class in &manifests.gateway_classes {
        let conditions = vec![condition(ConditionType::Accepted, Reason::Accepted, &scene.of(class))];
        statuses.insert(key(class), Some(Status::Class { conditions }));
    }
    for gateway in &manifests.gateways {
        statuses.insert(key(gateway), scene.gateway(gateway));
    }
    let attached = scene.attached(manifests);
    gateway::count(&mut statuses, &attached);
    for object in &manifests.routes {
        statuses.insert(key(object), scene.route(object));
    }
    for policy in &manifests.backend_traffic_policies {
        statuses.insert(key(policy), Some(scene.policy(policy, &policy.spec.targets, &policy::TRAFFIC)));
    }
    for policy in &manifests.backend_tls_policies {
        statuses.insert(key(policy), Some(scene.policy(policy, &policy.spec.targets, &policy::TLS)));
    }
    let mut unread = BTreeSet::new();
    for object in &manifests.unread {
        let key =
            ObjectKey { kind: object.kind, namespace: object.namespace.clone(), name: object.name.clone() };
        // One of two that have the same name is there.
        if let Entry::Vacant(place) = statuses.entry(key) {
            unread.insert(place.key().clone());
            place.insert(scene.unread(object));
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

/// From what others depend on to what depends on them.
fn rank(kind: &str) -> usize {
    const ORDER: [&str; 5] = ["GatewayClass", "Gateway", "HTTPRoute", "GRPCRoute", "BackendTLSPolicy"];
    ORDER.iter().position(|known| *known == kind).unwrap_or(ORDER.len())
}

fn named(key: ObjectKey, status: Status, is_read: bool) -> ObjectStatus {
    let ObjectKey { kind, namespace, name } = key;
    let api_version = match kind {
        "XBackendTrafficPolicy" => "gateway.networking.x-k8s.io/v1alpha1",
        _ => "gateway.networking.k8s.io/v1",
    };
    ObjectStatus { api_version, kind, metadata: ObjectName { namespace, name }, status, is_read }
}

fn key<T>(object: &Object<T>) -> ObjectKey {
    ObjectKey::of(object.kind, &object.metadata)
}

impl<'m, 'd> Scene<'m, 'd> {
    fn new(manifests: &'m Manifests, decisions: &'d Decisions) -> Self {
        let classes = manifests.gateway_classes.iter();
        let gateways = manifests.gateways.iter();
        Self {
            decisions,
            controllers: classes
                .map(|class| (class.metadata.name.value.as_str(), class.spec.controller_name.value.as_str()))
                .collect(),
            classes: gateways
                .map(|gateway| (gateway.metadata.key(), gateway.spec.class.value.as_str()))
                .collect(),
            routes: manifests.routes.iter().map(|route| (key(route), route)).collect(),
        }
    }

    /// The verdicts about an object.
    fn of<T>(&self, object: &Object<T>) -> Vec<&'d Verdict> {
        self.decisions.of(&key(object)).iter().collect()
    }

    /// Who is responsible for a Gateway.
    fn controller(&self, namespace: &str, name: &str) -> Option<String> {
        let class = self.classes.get(&(namespace, name))?;
        self.controllers.get(class).map(|controller| (*controller).to_owned())
    }

    /// What can be said of an object that could not be read. Of other kinds than these nobody asks for a status.
    fn unread(&self, object: &Unread) -> Option<Status> {
        let refused =
            |kind, reason| Condition { kind, status: Holds::False, reason, message: object.problem.clone() };
        match object.kind {
            "GatewayClass" => Some(Status::Class {
                conditions: vec![refused(ConditionType::Accepted, Reason::InvalidParameters)],
            }),
            "Gateway" => Some(Status::Gateway {
                conditions: vec![
                    refused(ConditionType::Accepted, Reason::Invalid),
                    refused(ConditionType::Programmed, Reason::Invalid),
                ],
                listeners: Vec::new(),
            }),
            "HTTPRoute" | "GRPCRoute" => {
                let conditions = || vec![refused(ConditionType::Accepted, Reason::UnsupportedValue)];
                let parent = |reference| self.parent(&object.namespace, reference, conditions());
                Some(Status::Route { parents: object.parent_refs.iter().map(parent).collect() })
            }
            "BackendTLSPolicy" | "XBackendTrafficPolicy" => {
                let conditions = || vec![refused(ConditionType::Accepted, Reason::Invalid)];
                Some(Status::Policy { ancestors: policy::targets(&object.targets, conditions) })
            }
            _ => None,
        }
    }
}

/// A condition that should be true, as the verdicts against it have it. One without a controller that could tell is unknown.
fn condition(kind: ConditionType, fine: Reason, verdicts: &[&Verdict]) -> Condition {
    let against: Vec<&Verdict> =
        verdicts.iter().filter(|verdict| verdict.condition == kind).copied().collect();
    let Some(first) = against.first() else {
        return Condition { kind, status: Holds::True, reason: fine, message: String::new() };
    };
    let status = if first.reason == Reason::Pending { Holds::Unknown } else { Holds::False };
    Condition { kind, status, reason: first.reason, message: messages(&against) }
}

/// What the verdicts say, each once.
fn messages(verdicts: &[&Verdict]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for verdict in verdicts {
        if !messages.contains(&verdict.message.as_str()) {
            messages.push(&verdict.message);
        }
    }
    messages.join("; ")
}
