//! Gateways: listener isolation, references, route kinds, addresses, and their status.

use crate::case::{Case, get};
use crate::documents::{TO_V1, gateway, http_route, route, rule};
use crate::infrastructure::{INFRA, V1};
use crate::replay::{Replay, statuses};

/// Only the most specific listener of a port serves a request.
#[tokio::test]
async fn gateway_http_listener_isolation() {
    let hosts = ["shop.example", "b.fruit.example", "b.a.fruit.example", "c.a.fruit.example"];
    let sections = ["any", "wide", "narrow", "one"];
    let listener = |more: &str| {
        format!("protocol: HTTP, port: 80{more}, allowedRoutes: {{namespaces: {{from: All}}}}}}")
    };
    let listeners = [
        format!("\n  - {{name: any, {}", listener("")),
        format!("\n  - {{name: wide, {}", listener(", hostname: '*.fruit.example'")),
        format!("\n  - {{name: narrow, {}", listener(", hostname: '*.a.fruit.example'")),
        format!("\n  - {{name: one, {}", listener(", hostname: c.a.fruit.example")),
    ];
    let cases: Vec<Case> = hosts
        .iter()
        .enumerate()
        .flat_map(|(host, &hostname)| {
            sections.iter().enumerate().map(move |(section, name)| {
                let ask = get(&format!("/{name}")).host(hostname);
                if section == host { ask.reaches(V1) } else { ask.answers(404) }
            })
        })
        .collect();
    // Whether the routes have hostnames of their own makes no difference.
    for hostnames in ["", "shop.example, '*.fruit.example', '*.a.fruit.example', c.a.fruit.example"] {
        let mut documents = vec![gateway("isolation", &listeners.concat())];
        documents.extend(sections.iter().map(|section| {
            let parent = format!("{{name: isolation, sectionName: {section}}}");
            http_route(INFRA, section, &parent, hostnames, &rule(&format!("/{section}"), &[TO_V1]))
        }));
        let replay = Replay::start(&documents).await;
        replay.check("isolation", 80, &cases).await;
    }
}

/// A listener with an unknown protocol is not accepted; the Gateway is, if another listener is.
#[tokio::test]
async fn gateway_invalid_listeners_unsupported_protocol() {
    let unknown = "\n  - {name: unknown, protocol: example.org/PIGEON, port: 1111}";
    let known = "\n  - {name: http, protocol: HTTP, port: 80}";
    let found = statuses(&[gateway("none", unknown), gateway("some", &format!("{known}{unknown}"))]);
    assert_eq!(found.of_gateway("none", "Accepted"), "False ListenersNotValid");
    assert_eq!(found.of_gateway("some", "Accepted"), "True ListenersNotValid");
    for gateway in ["none", "some"] {
        assert_eq!(found.of_listener(gateway, "unknown", "Accepted"), "False UnsupportedProtocol");
        assert_eq!(found.kinds(gateway, "unknown"), [""; 0]);
        assert_eq!(found.attached(gateway), 0);
    }
    assert_eq!(found.of_listener("some", "http", "Accepted"), "True Accepted");
    assert!(found.kinds("some", "http").contains(&String::from("HTTPRoute")));
}

/// Parameters that nobody knows are refused.
#[tokio::test]
async fn gateway_invalid_parameters_ref() {
    let listener = "\n  - {name: http, protocol: HTTP, port: 80}\n  \
                    infrastructure: {parametersRef: {group: unknown.example, kind: Unknown, name: unknown}}";
    let found = statuses(&[gateway("parameters", listener)]);
    assert_eq!(found.of_gateway("parameters", "Accepted"), "False InvalidParameters");
}

/// A kind of route that nobody knows is named; the other kinds of the list are taken.
#[tokio::test]
async fn gateway_invalid_route_kind() {
    let listener = |kinds: &str| {
        format!(
            "\n  - {{name: http, protocol: HTTP, port: 80, allowedRoutes: {{namespaces: {{from: All}}, kinds: [{kinds}]}}}}"
        )
    };
    let found = statuses(&[
        gateway("none", &listener("{kind: UnknownRoute}")),
        gateway("some", &listener("{kind: UnknownRoute}, {kind: HTTPRoute}")),
    ]);
    for (gateway, kinds) in [("none", vec![]), ("some", vec![String::from("HTTPRoute")])] {
        assert_eq!(found.of_listener(gateway, "http", "ResolvedRefs"), "False InvalidRouteKinds");
        assert_eq!(found.kinds(gateway, "http"), kinds);
        assert_eq!(found.attached(gateway), 0);
    }
}

/// A route is attached to the listeners that accept it, whatever else is wrong with it or with them.
#[tokio::test]
async fn gateway_with_attached_routes() {
    let by_name = "allowedRoutes: {kinds: [{kind: HTTPRoute}], namespaces: {from: Selector, selector: \
                   {matchLabels: {kubernetes.io/metadata.name: gateway-conformance-infra}}}}";
    let to_v1 = &format!("\n  - {TO_V1}");
    let missing = "\n  - backendRefs: [{name: no-such-service, port: 8080}]";
    let tls = "tls: {mode: Terminate, certificateRefs: [{name: no-such-certificate}]}";
    let found = statuses(&[
        gateway("one", &format!("\n  - {{name: http, protocol: HTTP, port: 80, {by_name}}}")),
        gateway(
            "two",
            &format!("\n  - {{name: http, protocol: HTTP, port: 80, hostname: shop.example, {by_name}}}"),
        ),
        gateway("unresolved", &format!("\n  - {{name: tls, protocol: HTTPS, port: 443, {tls}, {by_name}}}")),
        gateway(
            "two-listeners",
            "\n  - {name: other, protocol: HTTP, port: 8080}\n  - {name: http, protocol: HTTP, port: 80}",
        ),
        route("first", "one", to_v1),
        route("second", "two", to_v1),
        route("third", "two", to_v1),
        http_route(INFRA, "stranger", "{name: two}", "blog.example", to_v1),
        http_route(INFRA, "fourth", "{name: unresolved, sectionName: tls}", "", missing),
        http_route(INFRA, "fifth", "{name: two-listeners, sectionName: http}", "", to_v1),
    ]);
    for (gateway, listener, attached) in
        [("one", "http", 1), ("two", "http", 2), ("two-listeners", "other", 0), ("two-listeners", "http", 1)]
    {
        assert_eq!(found.attached_to(gateway, listener), attached, "{gateway}/{listener}");
        assert_eq!(found.of_listener(gateway, listener, "Accepted"), "True Accepted");
        assert_eq!(found.of_listener(gateway, listener, "ResolvedRefs"), "True ResolvedRefs");
    }
    assert_eq!(found.of_route(INFRA, "stranger", "Accepted"), ["False NoMatchingListenerHostname"]);
    assert_eq!(found.attached_to("unresolved", "tls"), 1);
    for condition in ["Programmed", "ResolvedRefs"] {
        let told = found.of_listener("unresolved", "tls", condition);
        assert!(told.starts_with("False "), "{condition}: {told}");
    }
    let told = found.of_route(INFRA, "fourth", "ResolvedRefs");
    assert!(told.iter().all(|told| told.starts_with("False ")), "{told:?}");
}

/// The longest name that Kubernetes has is one.
#[tokio::test]
async fn gateway_name_maximum_length() {
    let name = format!("longest-{}", "a".repeat(245));
    let documents = [
        gateway(&name, "\n  - {name: http, protocol: HTTP, port: 80}"),
        route("route", &name, &format!("\n  - {TO_V1}")),
    ];
    let replay = Replay::start(&documents).await;
    replay.check(&name, 80, &[get("/").reaches(V1)]).await;
}

/// Listeners come and go between two renderings, and the routes of the others stay.
#[tokio::test]
async fn gateway_modify_listeners() {
    let secret = "tls: {certificateRefs: [{name: tls-validity-checks-certificate}]}";
    let https = format!(
        "\n  - {{name: https, protocol: HTTPS, port: 443, hostname: second-example.org, {secret}, \
         allowedRoutes: {{namespaces: {{from: All}}}}}}"
    );
    let http = "\n  - {name: http, protocol: HTTP, port: 80, hostname: data.example, allowedRoutes: {namespaces: {from: All}}}";
    let route = route("route", "changing", &format!("\n  - {TO_V1}"));
    let secured = [("second-example.org", get("/").reaches(V1))];
    let plain = [get("/").host("data.example").reaches(V1)];

    let before = Replay::start(&[gateway("changing", &https), route.clone()]).await;
    before.check_tls("changing", 443, &secured).await;
    assert_eq!(before.listener("changing", 80), None);

    let added = Replay::start(&[gateway("changing", &format!("{https}{http}")), route.clone()]).await;
    added.check_tls("changing", 443, &secured).await;
    added.check("changing", 80, &plain).await;
    for listener in ["https", "http"] {
        assert_eq!(added.statuses.attached_to("changing", listener), 1);
    }

    let removed = Replay::start(&[gateway("changing", http), route]).await;
    removed.check("changing", 80, &plain).await;
    assert_eq!(removed.listener("changing", 443), None);
    assert_eq!(removed.statuses.attached("changing"), 1);
}

/// An address of a type that nobody knows is refused; one without a value asks for any.
#[tokio::test]
async fn gateway_static_addresses() {
    let listener = |addresses: &str| {
        format!("\n  - {{name: http, protocol: HTTP, port: 8080}}\n  addresses: [{addresses}]")
    };
    let found = statuses(&[
        gateway("unknown", &listener("{type: unknown.example/type, value: somewhere}, {value: 127.0.0.9}")),
        gateway("any", &listener("{type: IPAddress}")),
    ]);
    assert_eq!(found.of_gateway("unknown", "Accepted"), "False UnsupportedAddress");
    assert_eq!(found.of_gateway("any", "Accepted"), "True Accepted");
}
