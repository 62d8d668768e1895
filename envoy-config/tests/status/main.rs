//! The statuses of objects, as the conformance tests of the Gateway API expect them.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod agreement;
mod gateways;
mod order;
mod policies;
mod routes;
mod table;

use envoy_config::compile;
use envoy_config::options::Options;
use envoy_config::source::Source;
use envoy_config::status::{
    Condition, ConditionType, Holds, ListenerStatus, ObjectStatus, ParentStatus, Status,
};

/// A class, a Gateway `eg` with one listener for everything on port 80, and a headless Service `backend`.
const BASE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec: {controllerName: example.com/controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  listeners:
  - {name: http, protocol: HTTP, port: 80}
---
apiVersion: v1
kind: Service
metadata: {name: backend}
spec: {clusterIP: None, ports: [{port: 3000}]}
";

/// A Gateway of the class `eg`.
fn gateway(name: &str, listeners: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}}}
spec: {{gatewayClassName: eg, listeners: {listeners}}}
"
    )
}

/// An HTTPRoute with these fields at the start of its spec, and one rule with these backendRefs.
fn route(name: &str, front: &str, backends: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec: {{{front}, rules: [{{backendRefs: [{backends}]}}]}}
"
    )
}

/// A backendRef that resolves.
const BACKEND: &str = "{name: backend, port: 3000}";

fn in_namespace(document: &str, namespace: &str) -> String {
    document.replacen("metadata: {", &format!("metadata: {{namespace: {namespace}, "), 1)
}

fn statuses(documents: &[&str]) -> Vec<ObjectStatus> {
    statuses_with(documents, &Options::default())
}

fn statuses_with(documents: &[&str], options: &Options) -> Vec<ObjectStatus> {
    let numbered = documents.iter().enumerate();
    let sources: Vec<Source> = numbered
        .map(|(number, text)| Source { name: format!("{number}.yaml"), text: (*text).to_owned() })
        .collect();
    let checked = compile(&sources, options);
    assert_eq!(checked.usage_errors, []);
    checked.statuses(&sources)
}

fn of<'s>(statuses: &'s [ObjectStatus], kind: &str, name: &str) -> &'s ObjectStatus {
    let found = statuses.iter().find(|one| one.kind == kind && one.metadata.name == name);
    found.unwrap_or_else(|| panic!("no status of the {kind} {name} in {statuses:#?}"))
}

/// The statuses of a route at its parents.
fn parents<'s>(statuses: &'s [ObjectStatus], name: &str) -> &'s [ParentStatus] {
    match &of(statuses, "HTTPRoute", name).status {
        Status::Route { parents } => parents,
        other => panic!("{other:?}"),
    }
}

/// The conditions of a route at its only parent.
fn route_conditions(statuses: &[ObjectStatus], name: &str) -> Vec<String> {
    let parents = parents(statuses, name);
    assert_eq!(parents.len(), 1);
    formatted(&parents[0].conditions)
}

fn gateway_status<'s>(statuses: &'s [ObjectStatus], name: &str) -> (&'s [Condition], &'s [ListenerStatus]) {
    match &of(statuses, "Gateway", name).status {
        Status::Gateway { conditions, listeners, .. } => (conditions, listeners),
        other => panic!("{other:?}"),
    }
}

/// Formatted as `Accepted=True Accepted`.
fn formatted(conditions: &[Condition]) -> Vec<String> {
    conditions.iter().map(|one| format!("{}={} {}", one.kind, one.status, one.reason)).collect()
}

/// The condition of this type, formatted as `False NoMatchingParent`.
fn one(conditions: &[Condition], kind: ConditionType) -> String {
    let found = conditions.iter().find(|one| one.kind == kind);
    found.map_or_else(|| String::from("absent"), |one| format!("{} {}", one.status, one.reason))
}

fn holds(conditions: &[Condition], kind: ConditionType) -> bool {
    conditions.iter().any(|one| one.kind == kind && one.status == Holds::True)
}
