//! Precedence between routes and between rules that match the same requests.

use hyper::Method;
use integration::harness::client::Protocol;

use crate::case::{Ask, ask, get};
use crate::documents::{INFRA_PARENT, gateway, http_route, route};
use crate::grpc::{call, grpc_route};
use crate::infrastructure::{INFRA, SAME_NAMESPACE, V1, V2};
use crate::replay::Replay;

/// Of rules with the same matches, the first one serves all requests, even if its backend does not exist.
#[tokio::test]
async fn httproute_rule_order() {
    let rule = |path: &str, headers: &str, backend: &str| {
        format!(
            "\n  - matches: [{{path: {{type: Exact, value: {path}}}, headers: [{headers}]}}]\n    \
             backendRefs: [{{name: {backend}, port: 8080}}]"
        )
    };
    let (colour, size) = ("{name: colour, value: red}", "{name: size, value: large}");
    let ordered = rule("/order", &format!("{size}, {colour}"), "infra-backend-v1")
        + &rule("/order", &format!("{colour}, {size}"), "infra-backend-v2");
    let missing = rule("/missing", "", "no-such-service") + &rule("/missing", "", "infra-backend-v2");
    let documents =
        [route("order", SAME_NAMESPACE, &ordered), http_route(INFRA, "missing", INFRA_PARENT, "", &missing)];
    let faulty = ["HTTPRoute gateway-conformance-infra/missing"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    let told = |route: &str, condition: &str| replay.statuses.of_route(INFRA, route, condition);
    assert_eq!(told("order", "ResolvedRefs"), ["True ResolvedRefs"]);
    assert_eq!(told("missing", "Accepted"), ["True Accepted"]);
    assert_eq!(told("missing", "ResolvedRefs"), ["False BackendNotFound"]);
    let cases = [
        get("/order").header("colour", "red").header("size", "large").reaches(V1),
        get("/missing").answers(500),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Gateways with the hostnames of the tests below, and two routes on each: the older one has the less specific hostname.
fn intersections(route: impl Fn(&str, &str, &str, &str) -> String) -> Vec<String> {
    let listener =
        |hostname: &str| format!("\n  - {{name: http, protocol: HTTP, port: 80, hostname: {hostname}}}");
    let route = |name: &str, gateway: &str, hostname: &str, backend: &str, day: u32| {
        let text = route(name, gateway, hostname, backend);
        text.replacen(
            &format!("name: {name},"),
            &format!("name: {name}, creationTimestamp: \"2026-01-0{day}T00:00:00Z\","),
            1,
        )
    };
    vec![
        gateway("exact", &listener("abc.example.com")),
        gateway("wildcard", &listener("'*.example.com'")),
        route("wildcard-older", "exact", "'*.example.com'", "infra-backend-v1", 1),
        route("exact-newer", "exact", "abc.example.com", "infra-backend-v2", 2),
        route("less-specific-older", "wildcard", "'*.com'", "infra-backend-v1", 1),
        route("more-specific-newer", "wildcard", "'*.example.com'", "infra-backend-v2", 2),
    ]
}

/// Serves these documents, and expects the route with the more specific hostname to serve a request on both Gateways.
async fn check_original_hostnames(documents: &[String], protocols: &[Protocol], ask: Ask) {
    let replay = Replay::start(documents).await;
    for gateway in ["exact", "wildcard"] {
        let cases = [ask.clone().host("abc.example.com").reaches(V2)];
        replay.check_over(protocols, gateway, 80, &cases).await;
    }
    // The older route does serve, where its hostname is the only one.
    let cases = [ask.host("abc.example.com").reaches(V1)];
    let older = documents.iter().filter(|document| !document.contains("newer"));
    let replay = Replay::start(&older.cloned().collect::<Vec<_>>()).await;
    replay.check_over(protocols, "wildcard", 80, &cases).await;
}

/// The hostnames that routes are written with decide, not those that they have in common with the listener.
#[tokio::test]
async fn httproute_multiple_routes_attachment_same_hostname_intersection() {
    let documents = intersections(|name, gateway, hostname, backend| {
        let rules = format!("\n  - backendRefs: [{{name: {backend}, port: 8080}}]");
        http_route(INFRA, name, &format!("{{name: {gateway}}}"), hostname, &rules)
    });
    let request = ask(Method::GET, "/");
    check_original_hostnames(&documents, &[Protocol::Http1, Protocol::Http2], request).await;
}

/// The same for GRPCRoutes.
#[tokio::test]
async fn grpcroute_multiple_routes_attachment_same_hostname_intersection() {
    let documents = intersections(|name, gateway, hostname, backend| {
        let rules =
            format!("\n  - backendRefs: [{{name: {backend}, port: 8081}}]\n  hostnames: [{hostname}]");
        grpc_route(name, &format!("{{name: {gateway}}}"), &rules)
    });
    check_original_hostnames(&documents, &[Protocol::Http2], call("Pick")).await;
}
