//! The endpoints of Services, from their EndpointSlices.

use envoy_config::diagnostic::Severity;
use envoy_config::model::{Endpoint, EndpointState, Endpoints};

use super::backends::{refs, service, slice};
use super::{BASE, faulty, finding, model, only_cluster};

/// The endpoints of the only backend, as `ip:port`; draining ones with a `!`, other addresses of a pod with a
/// `=`.
fn endpoints(documents: &[&str]) -> Vec<String> {
    let mut all = vec![BASE];
    all.extend(documents);
    let refs = refs("[{name: s, port: 80}]");
    all.push(&refs);
    match &only_cluster(&model(&all)).localities[0].endpoints {
        Endpoints::Addresses(endpoints) => endpoints
            .iter()
            .map(|Endpoint { address, state, .. }| match state {
                EndpointState::Serving => address.to_string(),
                EndpointState::Draining => format!("{address}!"),
                EndpointState::Alternative => format!("{address}="),
            })
            .collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn endpoints_are_sorted_without_duplicates() {
    let ports = "[{port: 8080}]";
    let found = endpoints(&[
        &service("ports: [{port: 80}]"),
        &slice("s-1", ports, "[{addresses: [10.0.0.10]}, {addresses: [10.0.0.9, 10.0.0.99]}]"),
        &slice("s-2", ports, "[{addresses: [10.0.0.2]}, {addresses: [10.0.0.10]}]"),
    ]);
    assert_eq!(found, ["10.0.0.2:8080", "10.0.0.9:8080", "10.0.0.10:8080"]);
}

#[test]
fn conditions_distinguish_ready_draining_and_stopped_endpoints() {
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
fn dual_stack_pods_are_one_endpoint_of_the_first_family() {
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
fn addresses_of_the_second_family_count_without_a_serving_first_or_without_a_target_ref() {
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
fn endpoints_that_are_ready_in_one_slice_and_draining_in_another_are_ready() {
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
fn publish_not_ready_addresses_includes_endpoints_that_are_not_ready() {
    let found = endpoints(&[
        &service("publishNotReadyAddresses: true, ports: [{port: 80}]"),
        &slice("s-1", "[{port: 1}]", "[{addresses: [10.0.0.2], conditions: {ready: false, serving: false}}]"),
    ]);
    assert_eq!(found, ["10.0.0.2:1"]);
}

#[test]
fn slice_ports_are_matched_by_name() {
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
fn services_without_serving_endpoints_are_warnings() {
    let service = service("ports: [{port: 80}]");
    let documents = [BASE, &service, &slice("s-1", "[{port: 1}]", "[]"), &refs("[{name: s, port: 80}]")];
    let found = finding(&documents);
    assert_eq!((found.code.name(), found.severity), ("no-endpoints", Severity::Warning));
    let model = faulty(&documents).0.unwrap();
    assert_eq!(only_cluster(&model).localities[0].endpoints, Endpoints::Addresses(Vec::new()));
}

#[test]
fn services_of_all_other_types_use_their_slices() {
    for spec in ["type: ClusterIP", "type: NodePort", "type: LoadBalancer", "clusterIP: None"] {
        let service = service(&format!("{spec}, ports: [{{port: 80, targetPort: web}}]"));
        let slice = slice("s-1", "[{port: 8080}]", "[{addresses: [10.0.0.1]}]");
        assert_eq!(endpoints(&[&service, &slice]), ["10.0.0.1:8080"], "{spec}");
    }
}

#[test]
fn slices_without_a_service_are_warnings() {
    let slice =
        slice("s-1", "[{port: 80}]", "[]").replace("labels: {kubernetes.io/service-name: s}", "labels: {}");
    let found = finding(&[BASE, &slice]);
    assert_eq!((found.code.name(), found.severity), ("endpoints-without-service", Severity::Warning));
}

#[test]
fn the_tcp_port_is_used_when_udp_has_the_same_number() {
    let both =
        "ports: [{name: u, port: 80, protocol: UDP, targetPort: 1}, {name: t, port: 80, targetPort: 2}]";
    let found = endpoints(&[
        &service(both),
        &slice("s-1", "[{name: u, port: 1, protocol: UDP}, {name: t, port: 2}]", "[{addresses: [10.0.0.1]}]"),
    ]);
    assert_eq!(found, ["10.0.0.1:2"]);
}
