//! Builds the manifests of a replay.

use crate::infrastructure::INFRA;

/// A document of the Gateway API in the namespace of the Gateways.
pub(crate) fn route(name: &str, gateway: &str, rules: &str) -> String {
    http_route(INFRA, name, &format!("{{name: {gateway}}}"), "", rules)
}

/// An `HTTPRoute`: its parents, its hostnames (or nothing) and its rules in YAML.
pub(crate) fn http_route(namespace: &str, name: &str, parents: &str, hostnames: &str, rules: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
         metadata: {{name: {name}, namespace: {namespace}}}\n\
         spec:\n  parentRefs: [{parents}]\n  hostnames: [{hostnames}]\n  rules:{rules}\n"
    )
}

/// The parent of a route that is for [`SAME_NAMESPACE`](crate::infrastructure::SAME_NAMESPACE).
pub(crate) const INFRA_PARENT: &str = "{name: same-namespace}";

/// A rule for all paths with this prefix; the rest of it in YAML, field by field.
pub(crate) fn rule(prefix: &str, fields: &[&str]) -> String {
    let matches = format!("\n  - matches: [{{path: {{type: PathPrefix, value: {prefix}}}}}]");
    [&[matches.as_str()], fields].concat().join("\n    ")
}

/// The field `backendRefs` of a rule for one Service.
pub(crate) const TO_V1: &str = "backendRefs: [{name: infra-backend-v1, port: 8080}]";
/// The same for another one.
pub(crate) const TO_V2: &str = "backendRefs: [{name: infra-backend-v2, port: 8080}]";
/// The same for the one with a single pod.
pub(crate) const TO_V3: &str = "backendRefs: [{name: infra-backend-v3, port: 8080}]";

/// A Gateway in the namespace of the others with these listeners in YAML.
pub(crate) fn gateway(name: &str, listeners: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\n\
         metadata: {{name: {name}, namespace: {INFRA}}}\n\
         spec:\n  gatewayClassName: conformance\n  listeners:{listeners}\n"
    )
}

/// A Gateway that allows ListenerSets of these namespaces, with one listener on port 80 for `gateway.example`.
pub(crate) fn gateway_with_sets(name: &str, from: &str) -> String {
    gateway(
        name,
        &format!(
            "\n  - {{name: own, protocol: HTTP, port: 80, hostname: gateway.example, allowedRoutes: {{namespaces: {{from: All}}}}}}\n  \
             allowedListeners: {{namespaces: {from}}}"
        ),
    )
}

/// A ListenerSet of a Gateway in [`INFRA`] with these listeners in YAML.
pub(crate) fn listener_set(namespace: &str, name: &str, gateway: &str, listeners: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: ListenerSet\n\
         metadata: {{name: {name}, namespace: {namespace}}}\n\
         spec:\n  parentRef: {{name: {gateway}, namespace: {INFRA}}}\n  listeners:{listeners}\n"
    )
}

/// A listener of a ListenerSet on port 80 with this hostname, for the routes of all namespaces.
pub(crate) fn listener_for(name: &str, hostname: &str) -> String {
    format!(
        "\n  - {{name: {name}, protocol: HTTP, port: 80, hostname: {hostname}, allowedRoutes: {{namespaces: {{from: All}}}}}}"
    )
}

/// A parentRef to a ListenerSet.
pub(crate) fn set_parent(namespace: &str, name: &str) -> String {
    format!("{{group: gateway.networking.k8s.io, kind: ListenerSet, name: {name}, namespace: {namespace}}}")
}

/// A Namespace with these labels in YAML.
pub(crate) fn namespace(name: &str, labels: &str) -> String {
    format!("apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{{labels}}}}}\n")
}

/// A ReferenceGrant, its `from` and `to` in YAML.
pub(crate) fn grant(namespace: &str, name: &str, from: &str, to: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\n\
         metadata: {{name: {name}, namespace: {namespace}}}\nspec: {{from: [{from}], to: [{to}]}}\n"
    )
}

/// A ConfigMap with an authority.
pub(crate) fn config_map(namespace: &str, name: &str, authority: &str) -> String {
    let authority = authority.trim_end().replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}, namespace: {namespace}}}\n\
         data:\n  ca.crt: |\n    {authority}\n"
    )
}
