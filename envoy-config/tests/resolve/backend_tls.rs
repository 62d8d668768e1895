//! TLS to backends: policies, their targets and CA certificates.

use std::sync::Arc;

use envoy_config::model::{CaCertificates, Endpoints, HttpVersion, Model, SubjectName, UpstreamTls};
use envoy_config::options::Options;
use envoy_config::pem::CertificateChain;

use super::{BASE, codes, compiled, faulty, model, only_cluster, pair, route};

const REFS: &str = "caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]";

const A: &str = "authorities/p256";
const B: &str = "authorities/ed448";

fn config_map(name: &str, text: &str) -> String {
    let data = text.replace('\n', "\\n");
    format!("{{apiVersion: v1, kind: ConfigMap, metadata: {{name: {name}}}, data: {{ca.crt: \"{data}\"}}}}")
}

fn policy(name: &str, target: &str, validation: &str) -> String {
    format!(
        "{{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {{name: {name}}}, \
         spec: {{targetRefs: [{{group: '', kind: Service, {target}}}], validation: {{{validation}}}}}}}"
    )
}

/// A policy `p` for the Service `backend`.
fn plain(validation: &str) -> String {
    policy("p", "name: backend", validation)
}

fn to_backend() -> String {
    route("r", "[{backendRefs: [{name: backend, port: 3000}]}]")
}

fn found(model: &Model) -> Option<&UpstreamTls> {
    only_cluster(model).localities[0].tls.as_deref()
}

/// The TLS settings of the only backend of valid manifests.
fn tls(policies: &[&str]) -> UpstreamTls {
    let (map, route) = (config_map("ca", &pair(A)), to_backend());
    let mut documents = vec![BASE, &map, &route];
    documents.extend(policies);
    found(&model(&documents)).expect("TLS").clone()
}

#[test]
fn the_policy_hostname_is_sent_as_sni_and_validated() {
    let found = tls(&[&plain(&format!("{REFS}, hostname: a.example.com"))]);
    assert_eq!(found.server_name, "a.example.com");
    assert_eq!(found.names, [SubjectName::Host("a.example.com".to_owned())]);
    let chain = CertificateChain::parse(pair(A).as_bytes()).unwrap();
    assert_eq!(found.ca_certificates, CaCertificates::Given(chain));
}

#[test]
fn subject_alt_names_replace_the_hostname() {
    let names = "[{type: Hostname, hostname: b.example.com}, {type: Hostname, hostname: '*.example.com'}, \
                  {type: URI, uri: 'spiffe://example.com/b'}]";
    let found = tls(&[&plain(&format!("{REFS}, hostname: a.example.com, subjectAltNames: {names}"))]);
    assert_eq!(found.server_name, "a.example.com");
    let expected = [
        SubjectName::Host("b.example.com".to_owned()),
        SubjectName::AnyHostBelow("example.com".to_owned()),
        SubjectName::Uri("spiffe://example.com/b".to_owned()),
    ];
    assert_eq!(found.names, expected);
}

#[test]
fn system_ca_certificates_are_selected_by_name() {
    let found = tls(&[&plain("wellKnownCACertificates: System, hostname: a.example.com")]);
    assert_eq!(found.ca_certificates, CaCertificates::System);
}

#[test]
fn both_api_versions_are_read() {
    let older =
        plain("wellKnownCACertificates: System, hostname: a.example.com").replace("/v1,", "/v1alpha3,");
    assert_eq!(tls(&[&older]).server_name, "a.example.com");
}

#[test]
fn port_policies_take_precedence_over_service_policies() {
    let service = "
apiVersion: v1
kind: Service
metadata: {name: two}
spec: {ports: [{name: a, port: 1}, {name: b, port: 2}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: two-1, labels: {kubernetes.io/service-name: two}}
addressType: IPv4
ports: [{name: a, port: 1}, {name: b, port: 1}]
endpoints: [{addresses: [10.0.0.1]}]
";
    let system = |host: &str| format!("wellKnownCACertificates: System, hostname: {host}");
    let of_port = policy("z", "name: two, sectionName: a", &system("port.example"));
    let of_service = policy("a", "name: two", &system("service.example"));
    let route = route("r", "[{backendRefs: [{name: two, port: 1}, {name: two, port: 2}]}]");
    let model = model(&[BASE, service, &of_service, &of_port, &route]);
    let names =
        only_cluster(&model).localities.iter().map(|one| one.tls.as_ref().unwrap().server_name.as_str());
    assert_eq!(names.collect::<Vec<_>>(), ["port.example", "service.example"]);
}

#[test]
fn the_oldest_policy_applies_then_the_first_by_name() {
    let system = |host: &str| format!("wellKnownCACertificates: System, hostname: {host}");
    let at = |time: &str, policy: &str| {
        policy.replacen("metadata: {", &format!("metadata: {{creationTimestamp: '{time}', "), 1)
    };
    let (a, b) = (policy("a", "name: backend", &system("a")), policy("b", "name: backend", &system("b")));
    let older = at("2026-01-01T00:00:00Z", &b);
    let younger = at("2026-01-02T00:00:00Z", &a);
    for (policies, host) in [([&a, &b], "a"), ([&b, &a], "a"), ([&a, &older], "b"), ([&younger, &older], "b")]
    {
        let (model, codes) = faulty(&[BASE, policies[0], policies[1], &to_backend()]);
        assert_eq!(codes, ["policy-conflict"]);
        assert_eq!(found(&model.unwrap()).unwrap().server_name, host);
    }
}

#[test]
fn all_valid_ca_certificates_are_trusted_and_invalid_ones_reported() {
    let refs =
        "caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}, {group: '', kind: ConfigMap, name: cb}]";
    let policy = plain(&format!("{refs}, hostname: a"));
    let (first, second) = (pair(A), pair(B));
    let maps = [config_map("ca", &first), config_map("cb", &second)];
    let both = model(&[BASE, &maps[0], &maps[1], &policy, &to_backend()]);
    let trusted = |model: &Model| match &found(model).unwrap().ca_certificates {
        CaCertificates::Given(chain) => chain.as_str().to_owned(),
        CaCertificates::System => panic!("the system's"),
    };
    assert_eq!(trusted(&both), format!("{first}{second}"));
    let (one, codes) = faulty(&[BASE, &maps[0], &policy, &to_backend()]);
    assert_eq!(codes, ["missing-config-map"]);
    assert_eq!(trusted(&one.unwrap()), first);
}

#[test]
fn requests_are_rejected_without_a_valid_ca_certificate() {
    let with = |kind: &str, name: &str| {
        plain(&format!("caCertificateRefs: [{{group: '', kind: {kind}, name: {name}}}], hostname: a"))
    };
    let other = config_map("ca", "nothing").replace("ca.crt", "other");
    for (policy, map, code) in [
        (with("ConfigMap", "gone"), String::new(), "missing-config-map"),
        (with("ConfigMap", "ca"), other, "invalid-certificate"),
        (with("ConfigMap", "ca"), config_map("ca", "nothing"), "invalid-certificate"),
        (with("ConfigMap", "ca"), config_map("ca", ""), "invalid-certificate"),
        (with("ConfigMap", "ca"), config_map("ca", &pair("refused/garbage-second")), "invalid-certificate"),
        (with("Secret", "ca"), String::new(), "not-supported"),
    ] {
        let map = if map.is_empty() { config_map("unrelated", "") } else { map };
        assert_nothing_is_sent(&[&policy, &map], code);
    }
}

#[test]
fn unreadable_policies_do_not_fall_back_to_plaintext() {
    for (policy, code) in [
        (plain("wellKnownCACertificates: System"), "missing-field"),
        (plain("wellKnownCACertificates: System, hostname: '*.example.com'"), "invalid-hostname"),
        (plain("wellKnownCACertificates: example.com/mine, hostname: a"), "not-supported"),
    ] {
        assert_nothing_is_sent(&[&policy], code);
    }
}

fn assert_nothing_is_sent(documents: &[&str], code: &str) {
    let both = route("r", "[{backendRefs: [{name: backend, port: 3000}, {name: other, port: 80}]}]");
    let other = "{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{port: 80}]}}";
    let mut all = vec![BASE, &both, other];
    all.extend(documents);
    let (model, codes) = faulty(&all);
    assert_eq!(codes, [code]);
    let model = model.unwrap();
    assert_eq!(only_cluster(&model).localities[0].endpoints, Endpoints::Unresolved);
    assert_ne!(only_cluster(&model).localities[1].endpoints, Endpoints::Unresolved);
}

#[test]
fn tls_protocols_are_valid_with_a_policy() {
    for (protocol, version) in [
        ("https", HttpVersion::Http1),
        ("kubernetes.io/wss", HttpVersion::Http1),
        ("kubernetes.io/h2c", HttpVersion::Http2),
    ] {
        let base = BASE.replace(
            "ports: [{port: 3000}]\n---",
            &format!("ports: [{{port: 3000, appProtocol: {protocol}}}]\n---"),
        );
        assert_ne!(base, BASE);
        let policy = plain("wellKnownCACertificates: System, hostname: a");
        let model = model(&[&base, &policy, &to_backend()]);
        assert_eq!(only_cluster(&model).version, version, "{protocol}");
        assert!(found(&model).is_some());
    }
}

#[test]
fn rules_share_the_tls_settings_of_a_policy() {
    let policy = plain("wellKnownCACertificates: System, hostname: a");
    let rules = "[{backendRefs: [{name: backend, port: 3000}]}, {matches: [{path: {value: /b}}], backendRefs: [{name: backend, port: 3000}]}]";
    let model = model(&[BASE, &policy, &route("r", rules)]);
    let tls = |number: usize| model.clusters[number].localities[0].tls.as_ref().unwrap();
    assert!(Arc::ptr_eq(tls(0), tls(1)));
}

#[test]
fn policies_follow_the_rules_of_their_crd() {
    let spec = |targets: &str, validation: &str| {
        format!(
            "{{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {{name: p}}, \
             spec: {{targetRefs: {targets}, validation: {validation}}}}}"
        )
    };
    let one = "[{group: '', kind: Service, name: backend}]";
    let fine = "{wellKnownCACertificates: System, hostname: a}";
    for (policy, code) in [
        (spec("[]", fine), "wrong-length"),
        (spec("[{kind: Service, name: backend}]", fine), "missing-field"),
        (spec("[{group: '', kind: Service, name: backend, namespace: a}]", fine), "unknown-field"),
        (
            spec(
                "[{group: '', kind: Service, name: backend}, {group: '', kind: Service, name: backend}]",
                fine,
            ),
            "duplicate-value",
        ),
        (
            spec(
                "[{group: '', kind: Service, name: backend}, {group: '', kind: Service, name: backend, sectionName: a}]",
                fine,
            ),
            "ambiguous-reference",
        ),
        (spec(one, "{hostname: a}"), "missing-field"),
        (spec(one, "{hostname: a, caCertificateRefs: []}"), "missing-field"),
        (
            spec(one, &format!("{{{REFS}, wellKnownCACertificates: System, hostname: a}}")),
            "conflicting-fields",
        ),
        (spec(one, "{wellKnownCACertificates: Sytem, hostname: a}"), "unknown-value"),
        (spec(one, "{wellKnownCACertificates: System, hostname: 10.0.0.1}"), "invalid-hostname"),
        (
            spec(one, "{wellKnownCACertificates: System, hostname: a, subjectAltNames: [{type: DNS}]}"),
            "unknown-value",
        ),
        (
            spec(one, "{wellKnownCACertificates: System, hostname: a, subjectAltNames: [{type: URI}]}"),
            "missing-field",
        ),
        (
            spec(
                one,
                "{wellKnownCACertificates: System, hostname: a, subjectAltNames: [{type: URI, uri: a/b}]}",
            ),
            "invalid-uri",
        ),
        (
            spec(
                one,
                "{wellKnownCACertificates: System, hostname: a, subjectAltNames: [{type: URI, uri: 'a:b', hostname: a}]}",
            ),
            "misplaced-field",
        ),
        (spec(one, fine).replace("/v1,", "/v1alpha2,"), "unknown-version"),
        (spec("[{group: '', kind: Service, name: bakend}]", fine), "missing-service"),
        (spec("[{group: '', kind: Service, name: backend, sectionName: http}]", fine), "wrong-port"),
        (spec("[{group: apps, kind: Deployment, name: backend}]", fine), "not-supported"),
        (spec("[{group: gateway.envoyproxy.io, kind: Backend, name: b}]", fine), "missing-backend"),
    ] {
        let found = compiled(&[BASE, &policy], &Options::default()).diagnostics;
        assert_eq!(codes(&found), [code], "{policy}");
    }
}

#[test]
fn calls_of_grpc_go_over_tls_in_http_2() {
    let policy = plain("wellKnownCACertificates: System, hostname: a");
    let grpc = "
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: {name: r}
spec: {parentRefs: [{name: eg}], rules: [{backendRefs: [{name: backend, port: 3000}]}]}
";
    let model = model(&[BASE, &policy, grpc]);
    assert_eq!(model.clusters[0].version, HttpVersion::Http2);
    assert!(model.clusters[0].localities[0].tls.is_some());
}
