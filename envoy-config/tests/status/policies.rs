//! The statuses of policies for backends (GEP-713, GEP-1619, `backendtlspolicy-*.go` of the conformance
//! suite).

use envoy_config::status::{AncestorStatus, ObjectStatus, Status};

use super::{BACKEND, BASE, formatted, gateway, in_namespace, of, route, statuses};

fn ancestors<'s>(statuses: &'s [ObjectStatus], kind: &str, name: &str) -> &'s [AncestorStatus] {
    match &of(statuses, kind, name).status {
        Status::Policy { ancestors } => ancestors,
        other => panic!("{other:?}"),
    }
}

/// The ancestors of a policy, formatted as `Gateway eg`, with their conditions.
fn ancestry(statuses: &[ObjectStatus], kind: &str, name: &str) -> Vec<(String, Vec<String>)> {
    let formatted = |one: &AncestorStatus| {
        (format!("{} {}", one.ancestor_ref.kind, one.ancestor_ref.name), formatted(&one.conditions))
    };
    ancestors(statuses, kind, name).iter().map(formatted).collect()
}

const KIND: &str = "XBackendTrafficPolicy";

fn sessions(name: &str, targets: &str, more: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.x-k8s.io/v1alpha1
kind: XBackendTrafficPolicy
metadata: {{name: {name}}}
spec: {{targetRefs: {targets}, sessionPersistence: {{cookie: {{}}}}{more}}}
"
    )
}

const TARGET: &str = "[{group: \"\", kind: Service, name: backend}]";

fn accepted(ancestor: &str) -> (String, Vec<String>) {
    (ancestor.to_owned(), vec![String::from("Accepted=True Accepted")])
}

fn refused(ancestor: &str, reason: &str) -> (String, Vec<String>) {
    (ancestor.to_owned(), vec![format!("Accepted=False {reason}")])
}

#[test]
fn policy_ancestors_are_the_gateways_of_routes_to_its_targets() {
    let second = gateway("second", "[{name: http, protocol: HTTP, port: 81}]");
    let third = gateway("third", "[{name: http, protocol: HTTP, port: 82}]");
    let routes = [
        route("a", "parentRefs: [{name: eg}, {name: second}]", BACKEND),
        route("b", "parentRefs: [{name: eg, sectionName: http}]", BACKEND),
        // Not accepted there.
        route("c", "parentRefs: [{name: third, sectionName: gone}]", BACKEND),
    ];
    let documents = [BASE, &second, &third, &routes[0], &routes[1], &routes[2], &sessions("p", TARGET, "")];
    let found = statuses(&documents);
    assert_eq!(ancestry(&found, KIND, "p"), [accepted("Gateway eg"), accepted("Gateway second")]);
    let first = &ancestors(&found, KIND, "p")[0];
    assert_eq!(first.ancestor_ref.namespace.as_deref(), Some("default"));
    assert_eq!(first.controller_name.as_deref(), Some("example.com/controller"));
}

#[test]
fn policy_ancestors_are_the_targets_without_such_a_route() {
    let found = statuses(&[BASE, &sessions("p", TARGET, "")]);
    assert_eq!(ancestry(&found, KIND, "p"), [accepted("Service backend")]);
}

/// As in `backendtlspolicy-conflict-resolution`, for another kind.
#[test]
fn the_later_policy_of_a_target_is_conflicted() {
    let route = route("r", "parentRefs: [{name: eg}]", BACKEND);
    let found = statuses(&[BASE, &route, &sessions("b", TARGET, ""), &sessions("a", TARGET, "")]);
    assert_eq!(ancestry(&found, KIND, "a"), [accepted("Gateway eg")]);
    assert_eq!(ancestry(&found, KIND, "b"), [refused("Gateway eg", "Conflicted")]);
    let older = sessions("b", TARGET, "")
        .replace("{name: b}", "{name: b, creationTimestamp: \"2020-01-01T00:00:00Z\"}");
    let found = statuses(&[BASE, &route, &older, &sessions("a", TARGET, "")]);
    assert_eq!(ancestry(&found, KIND, "a"), [refused("Gateway eg", "Conflicted")]);
    assert_eq!(ancestry(&found, KIND, "b"), [accepted("Gateway eg")]);
}

#[test]
fn policies_with_missing_targets_or_unsupported_fields_are_not_accepted() {
    let route = route("r", "parentRefs: [{name: eg}]", BACKEND);
    for (policy, expected) in [
        (
            sessions("p", "[{group: \"\", kind: Service, name: gone}]", ""),
            refused("Service gone", "TargetNotFound"),
        ),
        (
            sessions("p", "[{group: gateway.networking.k8s.io, kind: HTTPRoute, name: r}]", ""),
            refused("HTTPRoute r", "Invalid"),
        ),
        (sessions("p", TARGET, ", retryConstraint: {}"), refused("Service backend", "Invalid")),
        (sessions("p", TARGET, ", override: {}"), refused("Service backend", "Invalid")),
    ] {
        let found = statuses(&[BASE, &route, &policy]);
        assert_eq!(ancestry(&found, KIND, "p"), [expected], "{policy}");
    }
}

#[test]
fn policies_target_only_their_own_namespace() {
    let service = "{apiVersion: v1, kind: Service, metadata: {name: backend, namespace: shop}, spec: {clusterIP: None, ports: [{port: 3000}]}}";
    let grant = "{apiVersion: gateway.networking.k8s.io/v1beta1, kind: ReferenceGrant, metadata: {name: g, namespace: shop}, \
                 spec: {from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}], to: [{group: \"\", kind: Service}]}}";
    let route = route("r", "parentRefs: [{name: eg}]", "{name: backend, namespace: shop, port: 3000}");
    let there = in_namespace(&sessions("there", TARGET, ""), "shop");
    let found = statuses(&[BASE, service, grant, &route, &there, &sessions("here", TARGET, "")]);
    assert_eq!(ancestry(&found, KIND, "there"), [accepted("Gateway eg")]);
    assert_eq!(ancestry(&found, KIND, "here"), [accepted("Service backend")]);
}

fn tls(name: &str, section: &str, authorities: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: BackendTLSPolicy
metadata: {{name: {name}}}
spec: {{targetRefs: [{{group: \"\", kind: Service, name: backend{section}}}], validation: {{hostname: a.example, {authorities}}}}}
"
    )
}

/// `backendtlspolicy-conflict-resolution`: a port's policy and its Service's do not conflict.
#[test]
fn the_later_tls_policy_of_a_port_is_conflicted() {
    const SYSTEM: &str = "wellKnownCACertificates: System";
    const PORT: &str = ", sectionName: https";
    let base = BASE.replace("ports: [{port: 3000}]", "ports: [{name: https, port: 3000}]");
    let route = route("r", "parentRefs: [{name: eg}]", BACKEND);
    for (first, second, conflict) in
        [("", "", true), (PORT, PORT, true), ("", PORT, false), (PORT, "", false)]
    {
        let found = statuses(&[&base, &route, &tls("b", second, SYSTEM), &tls("a", first, SYSTEM)]);
        let later = if conflict { "Accepted=False Conflicted" } else { "Accepted=True Accepted" };
        for (name, accepted) in [("a", "Accepted=True Accepted"), ("b", later)] {
            let expected = [accepted, "ResolvedRefs=True ResolvedRefs"].map(str::to_owned).to_vec();
            let expected = [(String::from("Gateway eg"), expected)];
            assert_eq!(ancestry(&found, "BackendTLSPolicy", name), expected, "{first:?} {second:?}");
        }
        let refs = super::route_conditions(&found, "r");
        assert_eq!(refs, ["Accepted=True Accepted", "ResolvedRefs=True ResolvedRefs"]);
    }
}

/// `backendtlspolicy-invalid-ca-certificate-ref`, `backendtlspolicy-invalid-kind`.
#[test]
fn tls_policies_without_ca_certificates_are_not_accepted() {
    let route = route("r", "parentRefs: [{name: eg}]", BACKEND);
    let malformed = "{apiVersion: v1, kind: ConfigMap, metadata: {name: malformed}, data: {ca.crt: nothing}}";
    for (kind, name, reason) in [
        ("ConfigMap", "gone", "InvalidCACertificateRef"),
        ("ConfigMap", "malformed", "InvalidCACertificateRef"),
        ("Thing", "gone", "InvalidKind"),
    ] {
        let authorities = format!("caCertificateRefs: [{{group: \"\", kind: {kind}, name: {name}}}]");
        let found = statuses(&[BASE, malformed, &route, &tls("p", "", &authorities)]);
        let expected =
            vec![String::from("Accepted=False NoValidCACertificate"), format!("ResolvedRefs=False {reason}")];
        let expected = [(String::from("Gateway eg"), expected)];
        assert_eq!(ancestry(&found, "BackendTLSPolicy", "p"), expected, "{authorities}");
    }
}
