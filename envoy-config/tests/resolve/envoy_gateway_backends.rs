//! Envoy Gateway's Backend.

use envoy_config::model::{Endpoint, Endpoints, HttpVersion, Name};
use envoy_config::options::Options;

use super::{BASE, codes, compiled, faulty, finding, model, only_cluster, route};

fn backend(spec: &str) -> String {
    format!(
        "{{apiVersion: gateway.envoyproxy.io/v1alpha1, kind: Backend, metadata: {{name: b}}, spec: {{{spec}}}}}"
    )
}

fn refs(more: &str) -> String {
    let reference = format!("{{group: gateway.envoyproxy.io, kind: Backend, name: b{more}}}");
    route("r", &format!("[{{sessionPersistence: {{}}, backendRefs: [{reference}]}}]"))
}

const IP: &str = "{ip: {address: 10.0.0.9, port: 8080}}";

#[test]
fn addresses_are_endpoints_without_duplicates() {
    let backend = backend(&format!(
        "endpoints: [{IP}, {{ip: {{address: 'fd00::1', port: 80}}, zone: a}}, {{ip: {{address: 10.0.0.1, port: 81}}}}, {IP}]"
    ));
    let model = model(&[BASE, &backend, &refs("")]);
    let locality = &only_cluster(&model).localities[0];
    let Endpoints::Addresses(found) = &locality.endpoints else { panic!("{locality:?}") };
    let found: Vec<_> = found.iter().map(|Endpoint { address, .. }| address.to_string()).collect();
    assert_eq!(found, ["10.0.0.1:81", "10.0.0.9:8080", "[fd00::1]:80"]);
    assert_eq!(locality.name, "default/b");
}

#[test]
fn names_are_resolved_with_their_ports() {
    let names = "{fqdn: {hostname: b.example, port: 80}}, {fqdn: {hostname: a.example, port: 81}}";
    let model = model(&[BASE, &backend(&format!("endpoints: [{names}]")), &refs("")]);
    let name = |host: &str, port| Name { host: host.to_owned(), port };
    let expected = vec![name("a.example", 81), name("b.example", 80)];
    assert_eq!(only_cluster(&model).localities[0].endpoints, Endpoints::Names(expected));
}

#[test]
fn app_protocols_select_the_http_version() {
    for (protocols, version) in [
        ("", HttpVersion::Http1),
        (", appProtocols: []", HttpVersion::Http1),
        (", appProtocols: [gateway.envoyproxy.io/ws]", HttpVersion::Http1),
        (", appProtocols: [gateway.envoyproxy.io/h2c]", HttpVersion::Http2),
        (", appProtocols: [gateway.envoyproxy.io/h2c, gateway.envoyproxy.io/ws]", HttpVersion::Http1),
    ] {
        let model = model(&[BASE, &backend(&format!("endpoints: [{IP}]{protocols}")), &refs("")]);
        assert_eq!(only_cluster(&model).version, version, "{protocols}");
    }
    let secure = backend(&format!("endpoints: [{IP}], appProtocols: [gateway.envoyproxy.io/wss]"));
    assert_eq!(finding(&[BASE, &secure, &refs("")]).code.name(), "unsupported-protocol");
}

#[test]
fn ports_in_references_are_warnings() {
    assert_eq!(
        finding(&[BASE, &backend(&format!("endpoints: [{IP}]")), &refs(", port: 80")]).code.name(),
        "no-effect"
    );
}

#[test]
fn missing_backends_are_errors_and_other_namespaces_need_a_grant() {
    let there = backend(&format!("endpoints: [{IP}]"));
    let found = finding(&[BASE, &there.replace("{name: b}", "{name: bb}"), &refs("")]);
    assert_eq!((found.code.name(), found.hint.as_deref()), ("missing-backend", Some("did you mean `bb`?")));
    let elsewhere = there.replace("{name: b}", "{name: b, namespace: shop}");
    let reference = refs(", namespace: shop");
    assert_eq!(faulty(&[BASE, &elsewhere, &reference]).1, ["ref-not-permitted"]);
    let grant = |kind: &str| {
        format!(
            "{{apiVersion: gateway.networking.k8s.io/v1, kind: ReferenceGrant, metadata: {{name: g, namespace: shop}},
               spec: {{from: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: default}}], to: [{kind}]}}}}"
        )
    };
    let service = grant("{group: '', kind: Service}");
    assert_eq!(faulty(&[BASE, &elsewhere, &reference, &service]).1, ["ref-not-permitted"]);
    model(&[BASE, &elsewhere, &reference, &grant("{group: gateway.envoyproxy.io, kind: Backend}")]);
}

#[test]
fn invalid_and_unsupported_fields_are_errors() {
    for (spec, code) in [
        ("{}", "missing-field"),
        ("endpoints: []", "wrong-length"),
        ("endpoints: [{}]", "missing-field"),
        (
            "endpoints: [{ip: {address: 10.0.0.1, port: 1}, fqdn: {hostname: a.example, port: 1}}]",
            "conflicting-fields",
        ),
        (
            "endpoints: [{ip: {address: 10.0.0.1, port: 1}}, {fqdn: {hostname: a.example, port: 1}}]",
            "conflicting-fields",
        ),
        ("endpoints: [{ip: {address: a.example, port: 1}}]", "invalid-ip-address"),
        ("endpoints: [{ip: {address: 10.0.0.1}}]", "missing-field"),
        ("endpoints: [{ip: {address: 10.0.0.1, port: 0}}]", "out-of-range"),
        ("endpoints: [{fqdn: {hostname: A.example, port: 1}}]", "invalid-hostname"),
        ("endpoints: [{unix: {path: /run/b}}]", "not-supported"),
        ("endpoints: [{ip: {address: 10.0.0.1, port: 1}, hostname: a.example}]", "not-supported"),
        ("endpoints: [{ip: {address: 10.0.0.1, port: 1}}], fallback: true", "not-supported"),
        ("endpoints: [{ip: {address: 10.0.0.1, port: 1}}], tls: {insecureSkipVerify: true}", "not-supported"),
        ("endpoints: [{ip: {address: 10.0.0.1, port: 1}}], appProtocols: [h2c]", "unknown-value"),
        ("type: DynamicResolver", "not-supported"),
    ] {
        let spec = spec.trim_start_matches("{}");
        let found = compiled(&[BASE, &backend(spec), &refs("")], &Options::default()).diagnostics;
        assert_eq!(codes(&found), [code], "{spec}");
    }
    let fine = format!("type: Endpoints, endpoints: [{IP}], fallback: false");
    model(&[BASE, &backend(&fine), &refs("")]);
}
