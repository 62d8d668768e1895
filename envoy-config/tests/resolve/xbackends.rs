//! XBackends: their endpoints, how they are connected to, and whose sessions apply.

use envoy_config::model::{Endpoint, EndpointState, Endpoints, HttpVersion, Model};
use envoy_config::options::Options;

use super::{BASE, compiled, faulty, finding, model, only_cluster, route};

fn xbackend(name: &str, spec: &str) -> String {
    format!(
        "{{apiVersion: gateway.networking.x-k8s.io/v1alpha1, kind: XBackend, metadata: {{name: {name}}}, \
         spec: {{type: EndpointSelector, port: {{number: 80}}, {spec}}}}}"
    )
}

/// An XBackend `x` of the pods with the label `app: x`.
fn of_app(more: &str) -> String {
    xbackend("x", &format!("endpointSelector: {{matchLabels: {{app: x}}}}{more}"))
}

fn pod(name: &str, metadata: &str, status: &str) -> String {
    format!("{{apiVersion: v1, kind: Pod, metadata: {{name: {name}, {metadata}}}, status: {{{status}}}}}")
}

const APP: &str = "labels: {app: x}";
const READY: &str = "conditions: [{type: Ready, status: 'True'}]";

fn reference(name: &str, more: &str) -> String {
    format!("{{group: gateway.networking.x-k8s.io, kind: XBackend, name: {name}{more}}}")
}

/// A route with one rule that has this backend and more fields.
fn to(backends: &str, more: &str) -> String {
    route("r", &format!("[{{backendRefs: [{backends}]{more}}}]"))
}

const SERVICE: &str = "{apiVersion: v1, kind: Service, metadata: {name: s}, \
     spec: {selector: {app: x}, ports: [{name: http, port: 3000, targetPort: 8080}]}}";

const SLICE: &str = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, \
     metadata: {name: s-1, labels: {kubernetes.io/service-name: s}}, addressType: IPv4, \
     ports: [{name: http, port: 8080}], \
     endpoints: [{addresses: [10.1.0.1], targetRef: {kind: Pod, name: p, namespace: default}}, \
                 {addresses: [10.1.0.2], conditions: {ready: false, serving: true, terminating: true}}]}";

/// The addresses, states and pods of the only backend.
fn endpoints(model: &Model) -> Vec<(String, EndpointState, Option<&str>)> {
    let locality = &only_cluster(model).localities[0];
    let Endpoints::Addresses(found) = &locality.endpoints else { panic!("{locality:?}") };
    let one = |one: &'_ Endpoint| (one.address.to_string(), one.state);
    found.iter().map(|found| (one(found).0, one(found).1, found.pod.as_deref())).collect()
}

fn of(documents: &[&str]) -> Vec<(String, EndpointState, Option<String>)> {
    let route = to(&reference("x", ""), "");
    let model = model(&[&[BASE, &route], documents].concat());
    let found = endpoints(&model).into_iter();
    found.map(|(address, state, pod)| (address, state, pod.map(str::to_owned))).collect()
}

#[test]
fn ready_pods_with_all_labels_are_endpoints() {
    let x = xbackend("x", "endpointSelector: {matchLabels: {app: x, tier: web}}");
    let pods = [
        pod("a", "labels: {app: x, tier: web}", &format!("podIP: 10.0.0.1, {READY}")),
        pod("b", "labels: {app: x, tier: db}", &format!("podIP: 10.0.0.2, {READY}")),
        pod("c", "labels: {app: x}", &format!("podIP: 10.0.0.3, {READY}")),
        pod(
            "d",
            "labels: {app: x, tier: web}",
            "podIP: 10.0.0.4, conditions: [{type: Ready, status: 'False'}]",
        ),
        pod("e", "labels: {app: x, tier: web}", "podIP: 10.0.0.5"),
        pod("f", "labels: {app: x, tier: web}, namespace: other", &format!("podIP: 10.0.0.6, {READY}")),
        pod("g", "labels: {app: x, tier: web}", &format!("phase: Failed, podIP: 10.0.0.7, {READY}")),
    ];
    let expected = [("10.0.0.1:80".to_owned(), EndpointState::Serving, Some("default/a".to_owned()))];
    let pods: Vec<&str> = pods.iter().map(String::as_str).collect();
    assert_eq!(of(&[&[x.as_str()], &*pods].concat()), expected);
}

#[test]
fn terminating_pods_that_are_ready_drain() {
    let deleted = format!("{APP}, deletionTimestamp: '2026-11-01T00:00:00Z'");
    let [one, two] = [
        pod("a", &deleted, &format!("podIP: 10.0.0.1, {READY}")),
        pod("b", &deleted, "podIP: 10.0.0.2, conditions: [{type: Ready, status: 'False'}]"),
    ];
    let expected = [("10.0.0.1:80".to_owned(), EndpointState::Draining, Some("default/a".to_owned()))];
    assert_eq!(of(&[&of_app(""), &one, &two]), expected);
}

#[test]
fn other_addresses_of_a_pod_belong_to_its_sessions() {
    let pod = pod("a", APP, &format!("podIPs: [{{ip: 'fd00::1'}}, {{ip: 10.0.0.1}}], {READY}"));
    let found = of(&[&of_app(""), &pod]);
    let states: Vec<_> = found.iter().map(|(address, state, _)| (address.as_str(), *state)).collect();
    assert_eq!(
        states,
        [("10.0.0.1:80", EndpointState::Alternative), ("[fd00::1]:80", EndpointState::Serving)]
    );
}

/// The slices of a Service whose ports differ have the same pods.
#[test]
fn slices_of_services_with_the_same_selector_have_the_addresses() {
    let expected = [
        ("10.1.0.1:80".to_owned(), EndpointState::Serving, Some("default/p".to_owned())),
        ("10.1.0.2:80".to_owned(), EndpointState::Draining, None),
    ];
    assert_eq!(of(&[&of_app(""), SERVICE, SLICE]), expected);
    let template = pod("t", APP, "");
    assert_eq!(
        of(&[&of_app(""), SERVICE, SLICE, &template]),
        expected,
        "a Pod without a status has no address"
    );
}

#[test]
fn pods_take_precedence_over_slices() {
    let unready = pod("p", APP, "podIP: 10.0.0.1, conditions: [{type: Ready, status: 'False'}]");
    let x = of_app("");
    let found = finding(&[BASE, &to(&reference("x", ""), ""), &x, SERVICE, SLICE, &unready]);
    assert_eq!(found.code.name(), "no-endpoints");
}

#[test]
fn services_with_another_selector_do_not_count() {
    let more = SERVICE.replace("selector: {app: x}", "selector: {app: x, tier: web}");
    let x = of_app("");
    let found = finding(&[BASE, &to(&reference("x", ""), ""), &x, &more, SLICE]);
    assert_eq!(found.code.name(), "no-endpoints");
}

#[test]
fn pods_are_not_checked_unless_an_xbackend_selects_them() {
    let broken = pod("p", APP, "podIP: nowhere, conditions: [{type: Ready, status: true}]");
    let to_backend = to("{name: backend, port: 3000}", "");
    model(&[BASE, &to_backend, &broken]);
    let other = xbackend("x", "endpointSelector: {matchLabels: {app: other}}");
    let found = finding(&[BASE, &to(&reference("x", ""), ""), &other, &broken]);
    assert_eq!(found.code.name(), "no-endpoints");
    let (_, found) = faulty(&[BASE, &to(&reference("x", ""), ""), &of_app(""), &broken]);
    assert_eq!(found, ["invalid-ip-address", "wrong-type"]);
}

#[test]
fn protocols_select_the_http_version() {
    let pod = pod("p", APP, &format!("podIP: 10.0.0.1, {READY}"));
    for (protocol, version) in [
        ("", HttpVersion::Http1),
        (", protocol: HTTP", HttpVersion::Http1),
        (", protocol: HTTP11", HttpVersion::Http1),
        (", protocol: MCP", HttpVersion::Http1),
        (", protocol: H2C", HttpVersion::Http2),
        (", protocol: H2C, tls: {mode: None}", HttpVersion::Http2),
        (", protocol: GRPC", HttpVersion::Http2),
    ] {
        let model = model(&[BASE, &to(&reference("x", ""), ""), &of_app(protocol), &pod]);
        assert_eq!(only_cluster(&model).version, version, "{protocol}");
    }
}

#[test]
fn tls_settings_validate_the_certificate_of_the_backend() {
    let pod = pod("p", APP, &format!("podIP: 10.0.0.1, {READY}"));
    let system =
        "tls: {mode: ServerOnly, validation: {hostname: a.example.com, wellKnownCACertificates: System}}";
    for (protocol, version) in [("HTTP2", HttpVersion::Http2), ("WSS", HttpVersion::Http1)] {
        let x = of_app(&format!(", protocol: {protocol}, {system}"));
        let model = model(&[BASE, &to(&reference("x", ""), ""), &x, &pod]);
        let cluster = only_cluster(&model);
        assert_eq!(cluster.version, version);
        assert_eq!(cluster.localities[0].tls.as_ref().unwrap().server_name, "a.example.com");
    }
    let missing = of_app(&format!(
        ", {}",
        system.replace(
            "wellKnownCACertificates: System",
            "caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]"
        )
    ));
    let (model, found) = faulty(&[BASE, &to(&reference("x", ""), ""), &missing, &pod]);
    assert_eq!(found, ["missing-config-map"]);
    assert_eq!(model.unwrap().clusters, [], "requests get 500");
}

/// Requests must not be sent in plaintext where somebody asked for TLS.
#[test]
fn xbackends_that_a_tls_policy_targets_get_no_plaintext() {
    let pod = pod("p", APP, &format!("podIP: 10.0.0.1, {READY}"));
    let policy = "{apiVersion: gateway.networking.k8s.io/v1, kind: BackendTLSPolicy, metadata: {name: t}, \
         spec: {targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: x}], \
         validation: {hostname: a.example.com, wellKnownCACertificates: System}}}";
    let (model, found) = faulty(&[BASE, &to(&reference("x", ""), ""), &of_app(""), &pod, policy]);
    assert_eq!(found, ["not-supported"]);
    assert_eq!(model.unwrap().clusters, [], "requests get 500");
}

#[test]
fn policies_of_unknown_kinds_for_an_xbackend_are_errors() {
    let pod = pod("p", APP, &format!("podIP: 10.0.0.1, {READY}"));
    let policy = "{apiVersion: example.com/v1, kind: RateLimitPolicy, metadata: {name: t}, \
         spec: {targetRefs: [{group: gateway.networking.x-k8s.io, kind: XBackend, name: x}]}}";
    let found = finding(&[BASE, &to(&reference("x", ""), ""), &of_app(""), &pod, policy]);
    assert_eq!(found.code.name(), "policy-not-applied");
}

/// The session of the only rule: its id and its cookie or header.
fn session(model: &Model) -> String {
    let virtual_hosts = model.listeners[0].virtual_hosts().collect::<Vec<_>>();
    let rule = virtual_hosts[0].routes[0].persistence.as_ref().unwrap();
    format!("{:?}", rule.carrier())
}

#[test]
fn the_first_backend_with_sessions_decides_unless_the_rule_does() {
    let pod = pod("p", APP, &format!("podIP: 10.0.0.1, {READY}"));
    let x = of_app(", sessionPersistence: {cookie: {name: of-x}}");
    let other =
        of_app(", sessionPersistence: {cookie: {name: of-other}}").replace("{name: x}", "{name: other}");
    let policy = "{apiVersion: gateway.networking.x-k8s.io/v1alpha1, kind: XBackendTrafficPolicy, \
         metadata: {name: p}, spec: {targetRefs: [{group: '', kind: Service, name: backend}], \
         sessionPersistence: {cookie: {name: of-policy}}}}";
    let service = "{name: backend, port: 3000}".to_owned();
    let [to_x, to_other] = ["x", "other"].map(|name| reference(name, ""));
    let own = ", sessionPersistence: {cookie: {name: of-rule}}";
    for (backends, own, winner, warnings) in [
        (vec![&to_x], "", "of-x", 0),
        (vec![&to_x, &to_other], "", "of-x", 1),
        (vec![&to_other, &to_x], "", "of-other", 1),
        (vec![&service, &to_x], "", "of-policy", 1),
        (vec![&to_x, &service], "", "of-x", 1),
        (vec![&to_x], own, "of-rule", 1),
        (vec![&service, &to_x], own, "of-rule", 2),
        (vec![&to_x], ", sessionPersistence: {cookie: {name: of-x}}", "of-x", 0),
        (vec![&to_x], ", sessionPersistence: {cookie: {name: of-x, path: /a}}", "of-x", 1),
        (vec![&to_x], ", sessionPersistence: {cookie: {name: of-x}, absoluteTimeout: 1h}", "of-x", 1),
        (vec![&to_x], ", sessionPersistence: {type: Header, header: {name: of-x}}", "of-x", 1),
    ] {
        let backends: Vec<&str> = backends.into_iter().map(String::as_str).collect();
        let route = to(&backends.join(", "), own);
        let compilation = compiled(&[BASE, &pod, &x, &other, policy, &route], &Options::default());
        let codes: Vec<&str> = compilation.diagnostics.iter().map(|found| found.code.name()).collect();
        assert_eq!(codes, vec!["policy-overridden"; warnings], "{backends:?} {own}");
        let found = session(&compilation.model.unwrap());
        assert!(found.contains(&format!("\"{winner}\"")), "{backends:?} {own}: {found}");
    }
}

/// The note is for those who have begun to move.
#[test]
fn one_note_says_that_the_older_places_are_deprecated() {
    let pod = pod("p", APP, &format!("podIP: 10.0.0.1, {READY}"));
    let x = of_app(", sessionPersistence: {cookie: {}}");
    let rule = ", sessionPersistence: {cookie: {}}";
    let to_x = reference("x", "");
    for (xbackend, own, notes) in [(of_app(""), rule, 0), (x.clone(), "", 0), (x, rule, 1)] {
        let compilation = compiled(&[BASE, &pod, &xbackend, &to(&to_x, own)], &Options::default());
        let printed = compilation.notes.to_string();
        assert_eq!(printed.matches("deprecates").count(), notes, "{xbackend} {own}: {printed}");
    }
}
