//! Where requests go: Services, their ports and protocols, weights.

use envoy_config::diagnostic::Severity;
use envoy_config::model::{Action, Domain, Endpoints, Forward, HttpVersion, Name};

use super::{BASE, faulty, finding, model, only_cluster, route, routes};

pub(super) fn refs(refs: &str) -> String {
    route("r", &format!("[{{backendRefs: {refs}}}]"))
}

fn sticky(refs: &str) -> String {
    route("r", &format!("[{{sessionPersistence: {{}}, backendRefs: {refs}}}]"))
}

/// A Service `s` with these fields in its spec.
pub(super) fn service(spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{{spec}}}}}")
}

pub(super) fn slice(name: &str, ports: &str, endpoints: &str) -> String {
    let metadata = format!("{{name: {name}, labels: {{kubernetes.io/service-name: s}}}}");
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {metadata}, addressType: IPv4, ports: {ports}, endpoints: {endpoints}}}"
    )
}

fn host(spec: &str) -> (String, u16) {
    let model = model(&[BASE, &service(spec), &refs("[{name: s, port: 80}]")]);
    match &only_cluster(&model).localities[0].endpoints {
        Endpoints::Names(names) if names.len() == 1 => (names[0].host.clone(), names[0].port),
        other => panic!("{other:?}"),
    }
}

#[test]
fn services_without_slices_are_resolved_by_name() {
    let name = "s.default.svc.cluster.local".to_owned();
    assert_eq!(host("ports: [{port: 80, targetPort: 8080}]"), (name.clone(), 80));
    assert_eq!(host("clusterIP: None, ports: [{port: 80, targetPort: 8080}]"), (name.clone(), 8080));
    assert_eq!(host("clusterIP: None, ports: [{port: 80}]"), (name, 80));
}

#[test]
fn headless_services_without_slices_need_a_port_number() {
    let service = service("clusterIP: None, ports: [{port: 80, targetPort: web}]");
    let found = finding(&[BASE, &service, &refs("[{name: s, port: 80}]")]);
    assert_eq!(found.code.name(), "named-target-port");
}

#[test]
fn missing_services_are_errors_with_a_suggestion() {
    let found = finding(&[BASE, &refs("[{name: bakend, port: 3000}]")]);
    assert_eq!(
        (found.code.name(), found.hint.as_deref()),
        ("missing-service", Some("did you mean `backend`?"))
    );
    assert_eq!(found.field.as_deref(), Some("spec.rules[0].backendRefs[0].name"));
    let elsewhere = service("ports: [{port: 1}]").replace("{name: s}", "{name: cart, namespace: shop}");
    let found = finding(&[BASE, &elsewhere, &refs("[{name: cart, port: 1}]")]);
    assert_eq!(found.hint.as_deref(), Some("a Service of this name exists in namespace `shop`"));
}

#[test]
fn missing_ports_are_errors_that_list_the_others() {
    let found = finding(&[BASE, &refs("[{name: backend, port: 80}]")]);
    assert_eq!((found.code.name(), found.hint.as_deref()), ("wrong-port", Some("its only port is 3000")));
    let service = service("ports: [{name: a, port: 1}, {name: b, port: 2, protocol: UDP}]");
    let found = finding(&[BASE, &service, &refs("[{name: s, port: 80}]")]);
    assert_eq!(found.hint.as_deref(), Some("its ports are 1, 2"));
    let found = finding(&[BASE, &service, &refs("[{name: s, port: 2}]")]);
    assert_eq!(found.code.name(), "unsupported-protocol");
    assert_eq!(found.message, "port 2 of Service `s` uses UDP, but a backend must use TCP");
}

#[test]
fn app_protocol_selects_the_http_version() {
    for (port, version) in [
        ("{port: 80}", HttpVersion::Http1),
        ("{port: 80, appProtocol: http}", HttpVersion::Http1),
        ("{port: 80, appProtocol: HTTP}", HttpVersion::Http1),
        ("{port: 80, appProtocol: kubernetes.io/ws}", HttpVersion::Http1),
        ("{port: 80, appProtocol: kubernetes.io/h2c}", HttpVersion::Http2),
    ] {
        let model = model(&[BASE, &service(&format!("ports: [{port}]")), &refs("[{name: s, port: 80}]")]);
        assert_eq!(only_cluster(&model).version, version, "{port}");
    }
}

#[test]
fn unsupported_protocols_are_errors_and_keep_their_weight() {
    for (protocol, hint) in [
        ("kubernetes.io/h2", "did you mean `kubernetes.io/h2c`?"),
        ("mysql", "use one of `http`"),
        ("https", "BackendTLSPolicy"),
        ("kubernetes.io/wss", "BackendTLSPolicy"),
    ] {
        let service = service(&format!("ports: [{{port: 80, appProtocol: {protocol}}}]"));
        let both = refs("[{name: s, port: 80}, {name: backend, port: 3000}]");
        let found = finding(&[BASE, &service, &both]);
        assert_eq!(found.code.name(), "unsupported-protocol");
        assert!(found.hint.as_ref().unwrap().contains(hint), "{found:?}");
        let (model, _) = faulty(&[BASE, &service, &both]);
        assert_eq!(only_cluster(&model.unwrap()).localities[0].endpoints, Endpoints::Unresolved);
    }
}

#[test]
fn unsupported_kinds_are_errors_with_a_hint() {
    let cases = [
        ("{name: s, kind: Bucket, group: example.com}", "refer to a Service"),
        (
            "{name: s, kind: ServiceImport, group: multicluster.x-k8s.io, port: 80}",
            "only the controller of a ServiceImport",
        ),
        ("{name: s, kind: Backend, group: ''}", "`gateway.envoyproxy.io`"),
        ("{name: s, kind: Service, group: example.com}", "remove `group`"),
    ];
    for (backend, hint) in cases {
        let found = finding(&[BASE, &refs(&format!("[{backend}]"))]);
        assert_eq!(found.code.name(), "not-supported");
        assert!(found.hint.as_ref().unwrap().contains(hint), "{found:?}");
    }
    let found = finding(&[BASE, &refs("[{name: s, kind: Service, group: core, port: 80}]")]);
    assert_eq!(found.message, "the core group is written `group: \"\"`, not `core`");
    assert_eq!(found.field.as_deref(), Some("spec.rules[0].backendRefs[0].group"));
}

/// An ExternalName Service `s`.
fn external(name: &str, ports: &str) -> String {
    service(&format!("type: ExternalName, externalName: {name}{ports}"))
}

#[test]
fn external_names_are_resolved_with_dns() {
    for (ports, port) in [("", 443), (", ports: [{port: 443, targetPort: 8443}]", 443)] {
        for name in ["shop.example.com", "shop.example.com."] {
            let route = sticky("[{name: s, port: 443}]");
            let model = model(&[BASE, &external(name, ports), &route]);
            let name = Name { host: "shop.example.com".to_owned(), port };
            assert_eq!(only_cluster(&model).localities[0].endpoints, Endpoints::Names(vec![name]));
        }
    }
    let listed = external("a.example", ", ports: [{port: 80}]");
    assert_eq!(finding(&[BASE, &listed, &refs("[{name: s, port: 443}]")]).code.name(), "wrong-port");
}

#[test]
fn external_names_cannot_point_into_other_namespaces() {
    for (name, code) in [
        ("a.default.svc.cluster.local", None),
        ("a.default.svc", None),
        ("a.shop.svc.cluster.local", Some("ref-not-permitted")),
        ("a.shop.svc", Some("ref-not-permitted")),
        ("b.a.shop.svc.cluster.local.", Some("ref-not-permitted")),
        ("10.0.0.1", Some("external-name")),
    ] {
        let (_, codes) = faulty(&[BASE, &external(name, ""), &refs("[{name: s, port: 80}]")]);
        assert_eq!(codes, code.into_iter().collect::<Vec<_>>(), "{name}");
    }
}

#[test]
fn slices_of_external_names_are_ignored() {
    let slice = slice("s-1", "[{port: 80}]", "[{addresses: [10.0.0.1]}]");
    let model = model(&[BASE, &external("a.example", ""), &slice, &refs("[{name: s, port: 80}]")]);
    assert!(matches!(only_cluster(&model).localities[0].endpoints, Endpoints::Names(_)));
}

#[test]
fn references_can_name_their_own_namespace() {
    model(&[BASE, &refs("[{name: backend, namespace: default, port: 3000}]")]);
}

#[test]
fn backends_are_localities_with_unique_names_and_weights() {
    let model = model(&[
        BASE,
        &refs(
            "[{name: backend, port: 3000, weight: 7}, {name: backend, port: 3000, weight: 0}, {name: backend, port: 3000}]",
        ),
    ]);
    let found: Vec<_> =
        only_cluster(&model).localities.iter().map(|one| (one.name.as_str(), one.weight)).collect();
    assert_eq!(
        found,
        [("default/backend:3000", 7), ("default/backend:3000#2", 0), ("default/backend:3000#3", 1)]
    );
}

#[test]
fn unresolved_backends_keep_their_weight() {
    let refs = refs("[{name: backend, port: 3000, weight: 9}, {name: gone, port: 3000, weight: 1}]");
    let (model, codes) = faulty(&[BASE, &refs]);
    assert_eq!(codes, ["missing-service"]);
    let model = model.unwrap();
    let locality = &only_cluster(&model).localities[1];
    assert_eq!((locality.weight, &locality.endpoints), (1, &Endpoints::Unresolved));
}

/// What happens to requests of the only rule.
fn action(route: &str) -> Action {
    let (model, _) = faulty(&[BASE, route]);
    let model = model.unwrap();
    let found = &routes(&model.listeners[0], &Domain::Any)[0];
    assert_eq!(
        found.persistence.is_some(),
        found.action != Action::Respond(500) && route.contains("session")
    );
    assert_eq!(model.clusters.len(), usize::from(found.action != Action::Respond(500)));
    found.action.clone()
}

#[test]
fn a_rule_that_forwards_nothing_answers_500() {
    for refs_written in [
        "[]",
        "[{name: gone, port: 1}]",
        "[{name: backend, port: 3000, weight: 0}]",
        "[{name: gone, port: 1, weight: 1}, {name: backend, port: 3000, weight: 0}]",
    ] {
        assert_eq!(action(&refs(refs_written)), Action::Respond(500), "{refs_written}");
    }
}

#[test]
fn rules_with_persistence_forward_sessions_to_backends_with_weight_0() {
    assert_eq!(action(&sticky("[{name: gone, port: 1}]")), Action::Respond(500));
    let forward = Action::Forward(Forward::to("default/r/0"));
    assert_eq!(action(&sticky("[{name: backend, port: 3000, weight: 0}]")), forward);
    assert_eq!(action(&sticky("[{name: gone, port: 1}, {name: backend, port: 3000, weight: 0}]")), forward);
}

#[test]
fn rules_without_backends_are_warnings() {
    let found = finding(&[BASE, &refs("[]")]);
    assert_eq!((found.code.name(), found.severity), ("no-backends", Severity::Warning));
}

#[test]
fn session_affinity_is_one_warning_with_persistence() {
    let service = service("sessionAffinity: ClientIP, ports: [{port: 80}]");
    let refs_written = "[{name: s, port: 80}, {name: s, port: 80}]";
    let slice = slice("s-1", "[{port: 80}]", "[{addresses: [10.0.0.1]}]");
    let found = finding(&[BASE, &service, &slice, &sticky(refs_written)]);
    assert_eq!((found.code.name(), found.severity), ("session-affinity", Severity::Warning));
    model(&[BASE, &service, &slice, &refs(refs_written)]);
}

#[test]
fn services_resolved_by_name_are_warnings_with_persistence() {
    let service_of = |spec: &str| service(&format!("{spec}ports: [{{port: 80}}]"));
    let refs_written = "[{name: s, port: 80}]";
    let found = finding(&[BASE, &service_of(""), &sticky(refs_written)]);
    assert_eq!((found.code.name(), found.severity), ("session-by-name", Severity::Warning));
    model(&[BASE, &service_of(""), &refs(refs_written)]);
    model(&[BASE, &service_of("clusterIP: None, "), &sticky(refs_written)]);
}
