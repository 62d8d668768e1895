//! Where requests go: Services, EndpointSlices, weights.

use envoy_config::diagnostic::Severity;
use envoy_config::model::{Action, Domain, Endpoint, EndpointState, Endpoints, Forward, HttpVersion, Name};

use super::{BASE, faulty, finding, model, only_cluster, route, routes};

fn refs(refs: &str) -> String {
    route("r", &format!("[{{backendRefs: {refs}}}]"))
}

fn sticky(refs: &str) -> String {
    route("r", &format!("[{{sessionPersistence: {{}}, backendRefs: {refs}}}]"))
}

/// A Service `s` with these fields in its spec.
fn service(spec: &str) -> String {
    format!("{{apiVersion: v1, kind: Service, metadata: {{name: s}}, spec: {{{spec}}}}}")
}

fn slice(name: &str, ports: &str, endpoints: &str) -> String {
    let metadata = format!("{{name: {name}, labels: {{kubernetes.io/service-name: s}}}}");
    format!(
        "{{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {metadata}, addressType: IPv4, ports: {ports}, endpoints: {endpoints}}}"
    )
}

/// The endpoints of the only backend, as `ip:port`, those that are draining with a `!` behind, other
/// addresses of a pod with a `=`.
fn endpoints(documents: &[&str]) -> Vec<String> {
    let mut all = vec![BASE];
    all.extend(documents);
    let refs = refs("[{name: s, port: 80}]");
    all.push(&refs);
    match &only_cluster(&model(&all)).localities[0].endpoints {
        Endpoints::Addresses(endpoints) => endpoints
            .iter()
            .map(|Endpoint { address, state }| match state {
                EndpointState::Serving => address.to_string(),
                EndpointState::Draining => format!("{address}!"),
                EndpointState::Alternative => format!("{address}="),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

fn host(spec: &str) -> (String, u16) {
    let model = model(&[BASE, &service(spec), &refs("[{name: s, port: 80}]")]);
    match &only_cluster(&model).localities[0].endpoints {
        Endpoints::Names(names) if names.len() == 1 => (names[0].host.clone(), names[0].port),
        other => panic!("{other:?}"),
    }
}

#[test]
fn endpoints_are_sorted_and_each_is_there_once() {
    let ports = "[{port: 8080}]";
    let found = endpoints(&[
        &service("ports: [{port: 80}]"),
        &slice("s-1", ports, "[{addresses: [10.0.0.10]}, {addresses: [10.0.0.9, 10.0.0.99]}]"),
        &slice("s-2", ports, "[{addresses: [10.0.0.2]}, {addresses: [10.0.0.10]}]"),
    ]);
    assert_eq!(found, ["10.0.0.2:8080", "10.0.0.9:8080", "10.0.0.10:8080"]);
}

#[test]
fn conditions_tell_ready_from_draining_from_gone() {
    let found = endpoints(&[
        &service("ports: [{port: 80}]"),
        &slice(
            "s-1",
            "[{port: 1}]",
            "[{addresses: [10.0.0.1], conditions: {ready: true}},
              {addresses: [10.0.0.2], conditions: {ready: false}},
              {addresses: [10.0.0.3], conditions: {ready: false, serving: true, terminating: true}},
              {addresses: [10.0.0.4], conditions: {ready: false, serving: false, terminating: true}},
              {addresses: [10.0.0.5], conditions: {ready: false, serving: true}},
              {addresses: [10.0.0.6]}]",
        ),
    ]);
    assert_eq!(found, ["10.0.0.1:1", "10.0.0.3:1!", "10.0.0.6:1"]);
}

/// A slice of this family with one endpoint of this pod.
fn slice_of(family: &str, name: &str, address: &str, pod: &str) -> String {
    let target = format!("{{kind: Pod, namespace: default, name: {pod}, uid: 1}}");
    let endpoint = format!("[{{addresses: ['{address}'], targetRef: {target}}}]");
    slice(name, "[{port: 80}]", &endpoint).replace("addressType: IPv4", &format!("addressType: {family}"))
}

#[test]
fn a_dual_stack_pod_is_one_endpoint_of_the_services_first_family() {
    let slices = |last: &str| {
        [
            slice_of("IPv4", "s-4", "10.0.0.1", "a"),
            slice_of("IPv6", "s-6", "fd00::1", "a"),
            slice_of("IPv6", "s-7", "fd00::2", last),
        ]
    };
    for (families, expected) in [
        ("", ["10.0.0.1:80", "[fd00::1]:80=", "[fd00::2]:80"]),
        (", ipFamilies: [IPv4]", ["10.0.0.1:80", "[fd00::1]:80=", "[fd00::2]:80"]),
        (", ipFamilies: [IPv6, IPv4]", ["10.0.0.1:80=", "[fd00::1]:80", "[fd00::2]:80"]),
    ] {
        let [first, second, third] = slices("b");
        let service = service(&format!("ports: [{{port: 80}}]{families}"));
        assert_eq!(endpoints(&[&service, &first, &second, &third]), expected, "{families}");
    }
}

#[test]
fn an_address_counts_where_the_pods_other_one_does_not_serve_or_nothing_tells_that_they_are_one_pods() {
    let [first, second] = [slice_of("IPv4", "s-4", "10.0.0.1", "a"), slice_of("IPv6", "s-6", "fd00::1", "a")];
    let service = service("ports: [{port: 80}]");
    let unready = first.replace("targetRef", "conditions: {ready: false}, targetRef");
    assert_eq!(endpoints(&[&service, &unready, &second]), ["[fd00::1]:80"]);
    let nobody = |slice: &str| {
        slice.replace("targetRef: {kind: Pod, namespace: default, name: a, uid: 1}", "targetRef: {}")
    };
    assert_eq!(endpoints(&[&service, &nobody(&first), &nobody(&second)]), ["10.0.0.1:80", "[fd00::1]:80"]);
}

#[test]
fn an_endpoint_that_one_slice_calls_ready_and_another_draining_is_ready() {
    let draining = "[{addresses: [10.0.0.1], conditions: {ready: false, serving: true, terminating: true}}]";
    let ready = "[{addresses: [10.0.0.1]}]";
    for (first, second) in [(draining, ready), (ready, draining)] {
        let service = service("ports: [{port: 80}]");
        let found =
            endpoints(&[&service, &slice("s-1", "[{port: 1}]", first), &slice("s-2", "[{port: 1}]", second)]);
        assert_eq!(found, ["10.0.0.1:1"]);
    }
}

#[test]
fn endpoints_that_are_not_ready_are_published_when_the_service_says_so() {
    let found = endpoints(&[
        &service("publishNotReadyAddresses: true, ports: [{port: 80}]"),
        &slice("s-1", "[{port: 1}]", "[{addresses: [10.0.0.2], conditions: {ready: false, serving: false}}]"),
    ]);
    assert_eq!(found, ["10.0.0.2:1"]);
}

#[test]
fn the_port_is_the_one_of_that_name_in_each_slice() {
    let found = endpoints(&[
        &service("ports: [{name: web, port: 80}, {name: admin, port: 81}]"),
        &slice("s-1", "[{name: admin, port: 1}, {name: web, port: 2}]", "[{addresses: [10.0.0.1]}]"),
        &slice("s-2", "[{name: web, port: 3}]", "[{addresses: [10.0.0.2]}]"),
        &slice("s-3", "[{name: admin, port: 4}]", "[{addresses: [10.0.0.3]}]"),
        &slice("s-4", "[{name: web, port: 5, protocol: UDP}]", "[{addresses: [10.0.0.4]}]"),
        &slice("s-5", "[{name: web}]", "[{addresses: [10.0.0.5]}]"),
    ]);
    assert_eq!(found, ["10.0.0.1:2", "10.0.0.2:3"]);
}

#[test]
fn a_service_whose_slices_hold_no_endpoint_is_a_warning() {
    let service = service("ports: [{port: 80}]");
    let documents = [BASE, &service, &slice("s-1", "[{port: 1}]", "[]"), &refs("[{name: s, port: 80}]")];
    let found = finding(&documents);
    assert_eq!((found.code.name(), found.severity), ("no-endpoints", Severity::Warning));
    let model = faulty(&documents).0.unwrap();
    assert_eq!(only_cluster(&model).localities[0].endpoints, Endpoints::Addresses(Vec::new()));
}

#[test]
fn a_service_without_slices_is_known_by_its_name() {
    let name = "s.default.svc.cluster.local".to_owned();
    assert_eq!(host("ports: [{port: 80, targetPort: 8080}]"), (name.clone(), 80));
    assert_eq!(host("clusterIP: None, ports: [{port: 80, targetPort: 8080}]"), (name.clone(), 8080));
    assert_eq!(host("clusterIP: None, ports: [{port: 80}]"), (name, 80));
}

#[test]
fn a_headless_service_without_slices_needs_a_port_number() {
    let service = service("clusterIP: None, ports: [{port: 80, targetPort: web}]");
    let found = finding(&[BASE, &service, &refs("[{name: s, port: 80}]")]);
    assert_eq!(found.code.name(), "named-target-port");
}

#[test]
fn a_service_that_is_not_there_is_an_error_with_a_suggestion() {
    let found = finding(&[BASE, &refs("[{name: bakend, port: 3000}]")]);
    assert_eq!(
        (found.code.name(), found.hint.as_deref()),
        ("missing-service", Some("did you mean `backend`?"))
    );
    assert_eq!(found.field.as_deref(), Some("spec.rules[0].backendRefs[0].name"));
    let elsewhere = service("ports: [{port: 1}]").replace("{name: s}", "{name: cart, namespace: shop}");
    let found = finding(&[BASE, &elsewhere, &refs("[{name: cart, port: 1}]")]);
    assert_eq!(found.hint.as_deref(), Some("there is one in namespace `shop`"));
}

#[test]
fn a_port_that_is_not_there_is_an_error_that_lists_the_others() {
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
fn of_two_protocols_on_one_port_tcp_is_meant() {
    let both =
        "ports: [{name: u, port: 80, protocol: UDP, targetPort: 1}, {name: t, port: 80, targetPort: 2}]";
    let found = endpoints(&[
        &service(both),
        &slice("s-1", "[{name: u, port: 1, protocol: UDP}, {name: t, port: 2}]", "[{addresses: [10.0.0.1]}]"),
    ]);
    assert_eq!(found, ["10.0.0.1:2"]);
}

#[test]
fn app_protocol_tells_the_version_of_http() {
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
fn a_protocol_that_no_request_can_be_sent_in_is_an_error_and_takes_its_share() {
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
fn what_is_not_supported_is_named() {
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
fn an_external_name_is_looked_up() {
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
fn an_external_name_leads_into_no_other_namespace() {
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
fn the_slices_of_an_external_name_mean_nothing() {
    let slice = slice("s-1", "[{port: 80}]", "[{addresses: [10.0.0.1]}]");
    let model = model(&[BASE, &external("a.example", ""), &slice, &refs("[{name: s, port: 80}]")]);
    assert!(matches!(only_cluster(&model).localities[0].endpoints, Endpoints::Names(_)));
}

#[test]
fn services_of_every_other_type_go_to_their_slices() {
    for spec in ["type: ClusterIP", "type: NodePort", "type: LoadBalancer", "clusterIP: None"] {
        let service = service(&format!("{spec}, ports: [{{port: 80, targetPort: web}}]"));
        let slice = slice("s-1", "[{port: 8080}]", "[{addresses: [10.0.0.1]}]");
        assert_eq!(endpoints(&[&service, &slice]), ["10.0.0.1:8080"], "{spec}");
    }
}

#[test]
fn the_own_namespace_may_be_written() {
    model(&[BASE, &refs("[{name: backend, namespace: default, port: 3000}]")]);
}

#[test]
fn every_backend_is_a_locality_with_its_weight_and_a_name_of_its_own() {
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
fn a_backend_that_does_not_resolve_keeps_its_share() {
    let refs = refs("[{name: backend, port: 3000, weight: 9}, {name: gone, port: 3000, weight: 1}]");
    let (model, codes) = faulty(&[BASE, &refs]);
    assert_eq!(codes, ["missing-service"]);
    let model = model.unwrap();
    let locality = &only_cluster(&model).localities[1];
    assert_eq!((locality.weight, &locality.endpoints), (1, &Endpoints::Unresolved));
}

/// What becomes of the requests of the only rule.
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
fn with_persistence_a_rule_forwards_while_there_is_an_endpoint_for_its_sessions() {
    assert_eq!(action(&sticky("[{name: gone, port: 1}]")), Action::Respond(500));
    let forward = Action::Forward(Forward::to("default/r/0"));
    assert_eq!(action(&sticky("[{name: backend, port: 3000, weight: 0}]")), forward);
    assert_eq!(action(&sticky("[{name: gone, port: 1}, {name: backend, port: 3000, weight: 0}]")), forward);
}

#[test]
fn a_rule_without_backends_is_a_warning() {
    let found = finding(&[BASE, &refs("[]")]);
    assert_eq!((found.code.name(), found.severity), ("no-backends", Severity::Warning));
}

#[test]
fn session_affinity_of_a_service_is_a_warning_once_and_only_with_persistence() {
    let service = service("sessionAffinity: ClientIP, ports: [{port: 80}]");
    let refs_written = "[{name: s, port: 80}, {name: s, port: 80}]";
    let slice = slice("s-1", "[{port: 80}]", "[{addresses: [10.0.0.1]}]");
    let found = finding(&[BASE, &service, &slice, &sticky(refs_written)]);
    assert_eq!((found.code.name(), found.severity), ("session-affinity", Severity::Warning));
    model(&[BASE, &service, &slice, &refs(refs_written)]);
}

#[test]
fn a_service_that_may_be_one_address_for_all_is_a_warning_with_persistence() {
    let service_of = |spec: &str| service(&format!("{spec}ports: [{{port: 80}}]"));
    let refs_written = "[{name: s, port: 80}]";
    let found = finding(&[BASE, &service_of(""), &sticky(refs_written)]);
    assert_eq!((found.code.name(), found.severity), ("session-by-name", Severity::Warning));
    model(&[BASE, &service_of(""), &refs(refs_written)]);
    model(&[BASE, &service_of("clusterIP: None, "), &sticky(refs_written)]);
}

#[test]
fn a_slice_that_belongs_to_no_service_is_a_warning() {
    let slice =
        slice("s-1", "[{port: 80}]", "[]").replace("labels: {kubernetes.io/service-name: s}", "labels: {}");
    let found = finding(&[BASE, &slice]);
    assert_eq!((found.code.name(), found.severity), ("endpoints-without-service", Severity::Warning));
}
