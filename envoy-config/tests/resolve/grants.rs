//! References into other namespaces, and the ReferenceGrants that permit them.

use envoy_config::diagnostic::Diagnostic;
use envoy_config::model::{Endpoints, Model};
use envoy_config::options::Options;

use super::{BASE, codes, compiled, faulty, model, only_cluster, route};

const GROUP: &str = "gateway.networking.k8s.io";

/// Half of the requests go to a Service in the namespace `shop`, the others to one in the route's namespace.
fn into_shop(namespace: &str) -> String {
    route(
        "r",
        &format!(
            "[{{backendRefs: [{{name: s, namespace: {namespace}, port: 80}}, {{name: backend, port: 3000}}]}}]"
        ),
    )
}

/// A Service `s` in `shop` with one endpoint.
fn shop() -> String {
    "
apiVersion: v1
kind: Service
metadata: {name: s, namespace: shop}
spec: {ports: [{port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: s-1, namespace: shop, labels: {kubernetes.io/service-name: s}}
addressType: IPv4
ports: [{port: 80}]
endpoints: [{addresses: [10.0.1.1]}]
"
    .to_owned()
}

fn grant(namespace: &str, from: &str, to: &str) -> String {
    format!(
        "{{apiVersion: {GROUP}/v1beta1, kind: ReferenceGrant, metadata: {{name: g, namespace: {namespace}}}, spec: {{from: {from}, to: {to}}}}}"
    )
}

fn routes_of(namespace: &str) -> String {
    format!("[{{group: {GROUP}, kind: HTTPRoute, namespace: {namespace}}}]")
}

const SERVICES: &str = "[{group: '', kind: Service}]";

fn resolved(model: &Model) -> Vec<bool> {
    only_cluster(model).localities.iter().map(|one| one.endpoints != Endpoints::Unresolved).collect()
}

/// The only finding; checks that the reference does not resolve.
fn refused(grants: &[&str]) -> Diagnostic {
    let (shop, route) = (shop(), into_shop("shop"));
    let mut documents = vec![BASE, &shop, &route];
    documents.extend(grants);
    let options = Options { keep_going: true, ..Options::default() };
    let compilation = compiled(&documents, &options);
    let [found] = compilation.diagnostics.as_slice() else { panic!("{:?}", compilation.diagnostics) };
    assert_eq!(found.code.name(), "ref-not-permitted");
    assert_eq!(found.field.as_deref(), Some("spec.rules[0].backendRefs[0].namespace"));
    assert_eq!(resolved(&compilation.model.unwrap()), [false, true]);
    found.clone()
}

#[test]
fn grants_permit_all_pairs_of_their_entries() {
    for (from, to) in [
        (routes_of("default"), SERVICES),
        (routes_of("default"), "[{group: '', kind: Service, name: s}]"),
        (routes_of("default"), "[{group: '', kind: Service, name: t}, {group: '', kind: Service, name: s}]"),
        (routes_of("default"), "[{group: '', kind: Service, name: t}, {group: '', kind: Service}]"),
        (routes_of("default"), "[{group: '', kind: Service}, {group: '', kind: Service, name: t}]"),
        (routes_of("default").replacen('[', "[{group: a.b, kind: C, namespace: d}, ", 1), SERVICES),
    ] {
        let model = model(&[BASE, &shop(), &into_shop("shop"), &grant("shop", &from, to)]);
        assert_eq!(resolved(&model), [true, true], "{from} {to}");
    }
}

#[test]
fn grants_are_cumulative() {
    let other = grant("shop", &routes_of("other"), SERVICES).replace("name: g,", "name: h,");
    let model =
        model(&[BASE, &shop(), &into_shop("shop"), &other, &grant("shop", &routes_of("default"), SERVICES)]);
    assert_eq!(resolved(&model), [true, true]);
}

#[test]
fn references_in_one_namespace_need_no_grant() {
    let route = route("r", "[{backendRefs: [{name: backend, namespace: default, port: 3000}]}]");
    assert_eq!(resolved(&model(&[BASE, &route])), [true]);
}

#[test]
fn errors_without_a_grant_do_not_reveal_whether_the_object_exists() {
    let found = refused(&[]);
    assert!(found.hint.unwrap().contains("`to: {group: \"\", kind: Service}`"));
    let (_, codes) = faulty(&[BASE, &into_shop("nowhere")]);
    assert_eq!(codes, ["ref-not-permitted"]);
    let granted = grant("nowhere", &routes_of("default"), SERVICES);
    let (_, codes) = faulty(&[BASE, &into_shop("nowhere"), &granted]);
    assert_eq!(codes, ["missing-service"]);
}

#[test]
fn grants_that_almost_match_are_shown_with_the_difference() {
    let from = routes_of("default");
    for (grant, lacks) in [
        (grant("shop", &from.replace(GROUP, "''"), SERVICES), "from another kind or group"),
        (grant("shop", &from.replace("HTTPRoute", "GRPCRoute"), SERVICES), "from another kind or group"),
        (grant("shop", &routes_of("shop"), SERVICES), "from another namespace"),
        (grant("shop", &from, "[{group: '', kind: Secret}]"), "to another kind or group"),
        (grant("shop", &from, &SERVICES.replace("''", "core")), "writes the core group as `core`"),
        (grant("shop", &from, "[{group: '', kind: Service, name: t}]"), "to another name"),
        (grant("default", &from, SERVICES), "is in namespace `default`"),
    ] {
        let (_, label) = refused(&[&grant]).related.expect(lacks);
        assert!(label.contains(lacks), "{label} {lacks}");
    }
}

#[test]
fn unreadable_grants_cause_no_second_error() {
    let broken = grant("shop", &routes_of("default"), "[{kind: Service}]");
    let (model, codes) = faulty(&[BASE, &shop(), &into_shop("shop"), &broken]);
    assert_eq!(codes, ["missing-field"]);
    assert_eq!(resolved(&model.unwrap()), [false, true]);
}

#[test]
fn grants_follow_the_rules_of_their_crd() {
    let from = routes_of("default");
    for (grant, code) in [
        (grant("shop", "[]", SERVICES), "wrong-length"),
        (grant("shop", &from, "[]"), "wrong-length"),
        (grant("shop", &from.replace("default", "''"), SERVICES), "invalid-namespace"),
        (grant("shop", &from.replace(", namespace: default", ""), SERVICES), "missing-field"),
        (grant("shop", &from, "[{group: '', kind: Service, name: ''}]"), "invalid-object-name"),
        (grant("shop", &from, "[{group: '', kind: Service, namespace: shop}]"), "unknown-field"),
        (grant("shop", &from, SERVICES).replace("spec:", "status: {}, spec:"), "unknown-field"),
        (grant("shop", &from, SERVICES).replace("v1beta1", "v1alpha2"), "unknown-version"),
    ] {
        let found = compiled(&[BASE, &grant], &Options::default()).diagnostics;
        assert_eq!(codes(&found), [code], "{grant}");
    }
}
