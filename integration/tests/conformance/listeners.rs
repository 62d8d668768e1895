//! Attachment of routes to listeners: hostnames, ports, namespaces, kinds.

use crate::case::{Case, get};
use crate::documents::{gateway, http_route, route};
use crate::infrastructure::{
    ALL_NAMESPACES, BACKEND_NAMESPACES, INFRA, SAME_NAMESPACE, Target, V1, V2, V3, WEB, WEB_BACKEND,
};
use crate::replay::Replay;

/// A route without hostnames and matches serves all requests of its Gateway.
#[tokio::test]
async fn httproute_simple_same_namespace() {
    let rules = "\n  - backendRefs: [{name: infra-backend-v1, port: 8080}]";
    let replay = Replay::start(&[route("simple", SAME_NAMESPACE, rules)]).await;
    replay.check(SAME_NAMESPACE, 80, &[get("/").reaches(V1)]).await;
}

/// A route can attach to a Gateway of another namespace that allows it.
#[tokio::test]
async fn httproute_cross_namespace() {
    let parent = "{name: backend-namespaces, namespace: gateway-conformance-infra}";
    let rules = "\n  - backendRefs: [{name: web-backend, port: 8080}]";
    let replay = Replay::start(&[http_route(WEB, "from-elsewhere", parent, "", rules)]).await;
    replay.check(BACKEND_NAMESPACES, 80, &[get("/").reaches(WEB_BACKEND)]).await;
}

/// A route serves the intersection of its hostnames with the listener's.
#[tokio::test]
async fn httproute_hostname_intersection() {
    let on = |name: &str, hostnames: &str, path: &str, target: Target| {
        let rules = format!(
            "\n  - matches: [{{path: {{type: PathPrefix, value: {path}}}}}]\n    \
             backendRefs: [{{name: {}, port: 8080}}]",
            target.service
        );
        http_route(INFRA, name, "{name: hostnames}", hostnames, &rules)
    };
    let documents = [
        gateway(
            "hostnames",
            "
  - {name: one, protocol: HTTP, port: 80, hostname: very.particular.example}
  - {name: two, protocol: HTTP, port: 80, hostname: '*.wild.example'}
  - {name: three, protocol: HTTP, port: 80, hostname: '*.wilder.example'}",
        ),
        gateway("any-hostname", "\n  - {name: http, protocol: HTTP, port: 80}"),
        on(
            "particular-on-particular",
            "not.here.example, '*.not.example', very.particular.example",
            "/one",
            V1,
        ),
        on(
            "particular-on-wildcard",
            "not.here.example, wild.example, a.wild.example, b.wild.example, a.b.wild.example",
            "/two",
            V2,
        ),
        on("wildcard-on-particular", "not.here.example, '*.particular.example'", "/three", V3),
        on("wildcard-on-wildcard", "'*.wilder.example'", "/four", V1),
        on("nothing-in-common", "nearly.particular.example, wild.example", "/five", V2),
        http_route(
            INFRA,
            "hostnames-of-its-own",
            "{name: any-hostname}",
            "one.example, sub.one.example, two.example, sub.two.example",
            "\n  - backendRefs: [{name: infra-backend-v2, port: 8080}]",
        ),
    ];
    let faulty = ["HTTPRoute gateway-conformance-infra/nothing-in-common"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    let accepted = |route: &str| replay.statuses.of_route(INFRA, route, "Accepted");
    assert_eq!(accepted("nothing-in-common"), ["False NoMatchingListenerHostname"]);
    for route in ["particular-on-particular", "particular-on-wildcard", "wildcard-on-particular"] {
        assert_eq!(accepted(route), ["True Accepted"], "{route}");
    }

    let at = |host: &str, path: &str| get(path).host(host);
    let cases = [
        at("very.particular.example", "/one").reaches(V1),
        at("very.particular.example:1234", "/one").reaches(V1),
        at("not.here.example", "/one").answers(404),
        at("a.not.example", "/one").answers(404),
        at("a.wild.example", "/one").answers(404),
        at("very.particular.example", "/no-rule").answers(404),
        at("a.wild.example", "/two").reaches(V2),
        at("b.wild.example", "/two").reaches(V2),
        at("a.b.wild.example", "/two").reaches(V2),
        at("not.here.example", "/two").answers(404),
        at("wild.example", "/two").answers(404),
        at("very.particular.example", "/two").answers(404),
        at("a.wild.example", "/no-rule").answers(404),
        at("very.particular.example", "/three").reaches(V3),
        at("not.here.example", "/three").answers(404),
        at("a.particular.example", "/three").answers(404),
        at("a.wild.example", "/three").answers(404),
        at("a.wilder.example", "/four").reaches(V1),
        at("b.wilder.example", "/four").reaches(V1),
        at("a.b.wilder.example", "/four").reaches(V1),
        at("wilder.example", "/four").answers(404),
        at("a.wild.example", "/four").answers(404),
        at("very.particular.example", "/four").answers(404),
        at("a.wilder.example", "/no-rule").answers(404),
        at("nearly.particular.example", "/five").answers(404),
        at("wild.example", "/five").answers(404),
        at("very.particular.example", "/five").answers(404),
    ];
    replay.check("hostnames", 80, &cases).await;

    let cases = [
        at("one.example", "/").reaches(V2),
        at("sub.one.example", "/").reaches(V2),
        at("two.example", "/").reaches(V2),
        at("sub.two.example", "/").reaches(V2),
        at("other.example", "/").answers(404),
        at("sub.other.example", "/").answers(404),
        at("sub.sub.one.example", "/").answers(404),
    ];
    replay.check("any-hostname", 80, &cases).await;
}

/// Of the listeners on one port the one with the closest hostname takes a request, and only its routes serve it.
#[tokio::test]
async fn httproute_listener_hostname_matching() {
    let parent = |section: &str| format!("{{name: hostnames, sectionName: {section}}}");
    let rules = |backend: &str| format!("\n  - backendRefs: [{{name: {backend}, port: 8080}}]");
    let both = format!("{}, {}", parent("three"), parent("four"));
    let replay = Replay::start(&[
        gateway(
            "hostnames",
            "
  - {name: one, protocol: HTTP, port: 80, hostname: shop.example}
  - {name: two, protocol: HTTP, port: 80, hostname: a.shop.example}
  - {name: three, protocol: HTTP, port: 80, hostname: '*.shop.example'}
  - {name: four, protocol: HTTP, port: 80, hostname: '*.blog.example'}",
        ),
        http_route(INFRA, "first", &parent("one"), "", &rules("infra-backend-v1")),
        http_route(INFRA, "second", &parent("two"), "", &rules("infra-backend-v2")),
        http_route(INFRA, "third", &both, "", &rules("infra-backend-v3")),
    ])
    .await;
    let cases = [
        get("/").host("shop.example").reaches(V1),
        get("/").host("a.shop.example").reaches(V2),
        get("/").host("b.shop.example").reaches(V3),
        get("/").host("c.shop.example").reaches(V3),
        get("/").host("several.labels.shop.example").reaches(V3),
        get("/").host("several.labels.blog.example").reaches(V3),
        get("/").host("blog.example").answers(404),
        get("/").host("no.such.example").answers(404),
    ];
    replay.check("hostnames", 80, &cases).await;
}

/// A parent's port picks the listeners of that port, and with a section the one listener that has both.
#[tokio::test]
async fn httproute_listener_port_matching() {
    let parent = |more: &str| format!("{{name: ports, {more}}}");
    let rules = |backend: &str| format!("\n  - backendRefs: [{{name: {backend}, port: 8080}}]");
    let replay = Replay::start(&[
        gateway(
            "ports",
            "
  - {name: one, protocol: HTTP, port: 80, hostname: shop.example}
  - {name: two, protocol: HTTP, port: 8080, hostname: shop.example}
  - {name: three, protocol: HTTP, port: 8080, hostname: blog.example}
  - {name: four, protocol: HTTP, port: 8090, hostname: shop.example}
  - {name: five, protocol: HTTP, port: 8090, hostname: blog.example}",
        ),
        http_route(INFRA, "first", &parent("port: 80"), "", &rules("infra-backend-v1")),
        http_route(INFRA, "second", &parent("port: 8080"), "", &rules("infra-backend-v2")),
        http_route(INFRA, "third", &parent("port: 8090, sectionName: four"), "", &rules("infra-backend-v3")),
    ])
    .await;
    let cases: [(u16, Case); 5] = [
        (80, get("/").host("shop.example").reaches(V1)),
        (8080, get("/").host("shop.example:8080").reaches(V2)),
        (8080, get("/").host("blog.example:8080").reaches(V2)),
        (8090, get("/").host("shop.example:8090").reaches(V3)),
        (8090, get("/").host("blog.example:8090").answers(404)),
    ];
    for (port, case) in cases {
        replay.check("ports", port, &[case]).await;
    }
}

/// A route with two parents serves both Gateways; that of one parent serves that Gateway alone.
#[tokio::test]
async fn httproute_multiple_gateways() {
    let shared = "
  - matches: [{path: {type: PathPrefix, value: /shared}}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]";
    let parents = "{name: same-namespace}, {name: all-namespaces}";
    let rules = |backend: &str| format!("\n  - backendRefs: [{{name: {backend}, port: 8080}}]");
    let replay = Replay::start(&[
        http_route(INFRA, "shared", parents, "", shared),
        route("own-of-the-one", SAME_NAMESPACE, &rules("infra-backend-v2")),
        route("own-of-the-other", ALL_NAMESPACES, &rules("infra-backend-v3")),
    ])
    .await;
    replay.check(SAME_NAMESPACE, 80, &[get("/shared").reaches(V1), get("/").reaches(V2)]).await;
    replay.check(ALL_NAMESPACES, 80, &[get("/shared").reaches(V1), get("/").reaches(V3)]).await;
}

/// A listener that takes routes of another kind takes none of this one.
#[tokio::test]
async fn httproute_disallowed_kind() {
    let listeners = "
  - name: tls
    protocol: TLS
    port: 443
    tls: {mode: Passthrough}
    allowedRoutes: {kinds: [{kind: TLSRoute}]}";
    let rules = "\n  - backendRefs: [{name: infra-backend-v1, port: 8080}]";
    let documents = [
        gateway("tls-routes-only", listeners),
        route("of-another-kind", "tls-routes-only", rules),
        route("elsewhere", SAME_NAMESPACE, rules),
    ];
    // The route's only fault is the listener's protocol, which is reported at the listener.
    let faulty = ["Gateway gateway-conformance-infra/tls-routes-only"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    let told = |condition: &str| replay.statuses.of_route(INFRA, "of-another-kind", condition);
    assert_eq!(told("Accepted"), ["False NotAllowedByListeners"]);
    assert_eq!(told("ResolvedRefs"), ["True ResolvedRefs"]);
    assert_eq!(replay.statuses.attached("tls-routes-only"), 0);
    assert_eq!(replay.listener("tls-routes-only", 443), None);
    replay.check(SAME_NAMESPACE, 80, &[get("/").reaches(V1)]).await;
}
