//! GRPCRoutes: matches, header modifiers, weights, and calls that no rule matches.
//!
//! The backends are the echo backends of the other tests over HTTP/2: they report the call as they received it.

use std::collections::BTreeMap;

use hyper::Method;
use integration::harness::client::Protocol;

use crate::case::{Ask, Case, ask};
use crate::documents::gateway;
use crate::infrastructure::{ALL_NAMESPACES, INFRA, SAME_NAMESPACE, V1, V2, V3};
use crate::replay::Replay;

/// UNIMPLEMENTED: the status of calls that no rule matches.
const UNIMPLEMENTED: &str = "12";

/// UNAVAILABLE: the status of calls that cannot be forwarded.
const UNAVAILABLE: &str = "14";

/// A GRPCRoute: its parents and its rules in YAML.
pub(crate) fn grpc_route(name: &str, parents: &str, rules: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\n\
         metadata: {{name: {name}, namespace: {INFRA}}}\nspec:\n  parentRefs: [{parents}]\n  rules:{rules}\n"
    )
}

/// A call of a method of the service `fruit.Basket`.
pub(crate) fn call(method: &str) -> Ask {
    let path = format!("/fruit.Basket/{method}");
    ask(Method::POST, &path).header("content-type", "application/grpc").header("te", "trailers")
}

/// A call that no rule matches.
fn unknown(ask: Ask) -> Case {
    ask.answers(200).answering("grpc-status", UNIMPLEMENTED)
}

/// Makes calls to a Gateway and checks the responses.
async fn check(replay: &Replay, gateway: &str, cases: &[Case]) {
    replay.check_over(&[Protocol::Http2], gateway, 80, cases).await;
}

/// A rule for one method, and the rest of it in YAML.
pub(crate) fn method_rule(method: &str, rest: &str) -> String {
    format!("\n  - matches: [{{method: {{service: fruit.Basket, method: {method}}}}}]\n    {rest}")
}

const TO_V1: &str = "backendRefs: [{name: infra-backend-v1, port: 8081}]";
const TO_V2: &str = "backendRefs: [{name: infra-backend-v2, port: 8081}]";
const TO_V3: &str = "backendRefs: [{name: infra-backend-v3, port: 8081}]";

/// Methods match exactly.
#[tokio::test]
async fn grpcroute_exact_method_matching() {
    let rules = method_rule("Pick", TO_V1) + &method_rule("Drop", TO_V2);
    let replay = Replay::start(&[grpc_route("methods", "{name: same-namespace}", &rules)]).await;
    let cases = [call("Pick").reaches(V1), call("Drop").reaches(V2), unknown(call("Count"))];
    check(&replay, SAME_NAMESPACE, &cases).await;
}

/// All headers of a match must match; any match of a rule is enough; more headers take precedence.
#[tokio::test]
async fn grpcroute_header_matching() {
    let headers = |headers: &[(&str, &str)]| {
        let headers: Vec<_> =
            headers.iter().map(|(name, value)| format!("{{name: {name}, value: {value}}}")).collect();
        format!("{{headers: [{}]}}", headers.join(", "))
    };
    let rule = |matches: &[String], to: &str| format!("\n  - matches: [{}]\n    {to}", matches.join(", "));
    let rules = [
        rule(&[headers(&[("release", "old")])], TO_V1),
        rule(&[headers(&[("release", "new")])], TO_V2),
        rule(&[headers(&[("release", "new"), ("taste", "sweet")])], TO_V1),
        rule(&[headers(&[("taste", "sour")]), headers(&[("taste", "salty")])], TO_V1),
        rule(&[headers(&[("taste", "bitter")]), headers(&[("taste", "umami")])], TO_V2),
    ];
    let replay = Replay::start(&[grpc_route("headers", "{name: same-namespace}", &rules.concat())]).await;
    let with = |headers: &[(&str, &str)]| {
        headers.iter().fold(call("Pick"), |call, (name, value)| call.header(name, value))
    };
    let cases = [
        with(&[("release", "old")]).reaches(V1),
        with(&[("release", "new")]).reaches(V2),
        with(&[("release", "new"), ("taste", "sweet")]).reaches(V1),
        with(&[("release", "new"), ("taste", "sour")]).reaches(V2),
        unknown(with(&[("taste", "sweet")])),
        unknown(with(&[("flavour", "old")])),
        with(&[("taste", "sour")]).reaches(V1),
        with(&[("taste", "salty")]).reaches(V1),
        with(&[("taste", "bitter")]).reaches(V2),
        with(&[("taste", "umami")]).reaches(V2),
        unknown(with(&[("taste", "hot")])),
    ];
    check(&replay, SAME_NAMESPACE, &cases).await;
}

/// Only the most specific listener of a port serves a call.
#[tokio::test]
async fn grpcroute_listener_hostname_matching() {
    let parent = |section: &str| format!("{{name: hostnames, sectionName: {section}}}");
    let rules = |to: &str| format!("\n  - {to}");
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
        grpc_route("first", &parent("one"), &rules(TO_V1)),
        grpc_route("second", &parent("two"), &rules(TO_V2)),
        grpc_route("third", &both, &rules(TO_V3)),
    ])
    .await;
    let cases = [
        call("Pick").host("shop.example").reaches(V1),
        call("Pick").host("a.shop.example").reaches(V2),
        call("Pick").host("b.shop.example").reaches(V3),
        call("Pick").host("c.shop.example").reaches(V3),
        call("Pick").host("several.labels.shop.example").reaches(V3),
        call("Pick").host("several.labels.blog.example").reaches(V3),
        unknown(call("Pick").host("blog.example")),
        unknown(call("Pick").host("no.such.example")),
    ];
    check(&replay, "hostnames", &cases).await;
}

/// Rules are served with and without a name.
#[tokio::test]
async fn grpcroute_named_rule() {
    let named = method_rule("Pick", TO_V1).replacen("- matches", "- name: a-name\n    matches", 1);
    let rules = named + &method_rule("Drop", TO_V2);
    let replay = Replay::start(&[grpc_route("names", "{name: same-namespace}", &rules)]).await;
    check(&replay, SAME_NAMESPACE, &[call("Pick").reaches(V1), call("Drop").reaches(V2)]).await;
}

/// Header modifiers set, add and remove metadata, whatever the case of names.
#[tokio::test]
async fn grpcroute_request_header_modifier() {
    let rule = |method: &str, change: &str, to: &str| {
        let filter = format!("filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {change}}}]");
        method_rule(method, &format!("{filter}\n    {to}"))
    };
    let several = "{set: [{name: X-Set-1, value: set-1}, {name: X-Set-2, value: set-2}], \
                   add: [{name: X-Add-1, value: add-1}, {name: X-Add-2, value: add-2}], \
                   remove: [X-Remove-1, X-Remove-2]}";
    let rules = [
        rule("Set", "{set: [{name: X-Set, value: ours}]}", TO_V1),
        rule("Add", "{add: [{name: X-Add, value: more}]}", TO_V1),
        rule("Remove", "{remove: [X-Remove]}", TO_V1),
        rule("Several", several, TO_V2),
    ];
    let replay = Replay::start(&[grpc_route("metadata", "{name: same-namespace}", &rules.concat())]).await;
    let plain = |method: &str| call(method).header("Some-Other", "same");
    let cases = [
        plain("Set").reaches(V1).with("Some-Other", "same").with("X-Set", "ours"),
        plain("Set").header("X-Set", "theirs").reaches(V1).with("Some-Other", "same").with("X-Set", "ours"),
        plain("Add").reaches(V1).with("Some-Other", "same").with("X-Add", "more"),
        plain("Add")
            .header("X-Add", "some")
            .reaches(V1)
            .with("Some-Other", "same")
            .with("X-Add", "some,more"),
        call("Remove").header("X-Remove", "any").reaches(V1).without("X-Remove"),
        plain("Several")
            .header("X-Set-2", "theirs")
            .header("X-Add-2", "some")
            .header("X-Remove-2", "any")
            .reaches(V2)
            .with("X-Set-1", "set-1")
            .with("X-Set-2", "set-2")
            .with("X-Add-1", "add-1")
            .with("X-Add-2", "some,add-2")
            .with("Some-Other", "same")
            .without("X-Remove-2"),
        call("Several")
            .header("x-set-1", "theirs")
            .header("x-add-1", "some")
            .header("x-remove-1", "any")
            .reaches(V2)
            .with("X-Set-1", "set-1")
            .with("X-Set-2", "set-2")
            .with("X-Add-1", "some,add-1")
            .with("X-Add-2", "add-2")
            .without("X-Remove-1"),
    ];
    check(&replay, SAME_NAMESPACE, &cases).await;
}

/// Calls are split by weight; weight zero gets none.
#[tokio::test]
async fn grpcroute_weight() {
    let refs = "\n  - backendRefs: [{name: infra-backend-v1, port: 8081, weight: 70}, \
                {name: infra-backend-v2, port: 8081, weight: 30}, {name: infra-backend-v3, port: 8081, weight: 0}]";
    let replay = Replay::start(&[grpc_route("weights", "{name: same-namespace}", refs)]).await;
    let mut counts = BTreeMap::<_, u32>::new();
    for _ in 0..500 {
        let answer = replay.answer(SAME_NAMESPACE, 80, &call("Pick"), Protocol::Http2).await.unwrap();
        let service = answer.echo().unwrap()["service"].as_str().unwrap().to_owned();
        *counts.entry(service).or_default() += 1;
    }
    let share = |service: &str| counts.get(service).copied().unwrap_or_default();
    assert!((325..=375).contains(&share("infra-backend-v1")), "{counts:?}");
    assert_eq!(share("infra-backend-v1") + share("infra-backend-v2"), 500, "{counts:?}");
}

/// A route with two parents serves both Gateways; that of one parent serves that Gateway alone.
#[tokio::test]
async fn grpcroute_multiple_gateways() {
    let parents = "{name: same-namespace}, {name: all-namespaces}";
    let replay = Replay::start(&[
        grpc_route("shared", parents, &method_rule("Pick", TO_V1)),
        grpc_route("own-of-the-one", "{name: same-namespace}", &method_rule("Drop", TO_V2)),
        grpc_route("own-of-the-other", "{name: all-namespaces}", &method_rule("Drop", TO_V3)),
    ])
    .await;
    check(&replay, SAME_NAMESPACE, &[call("Pick").reaches(V1), call("Drop").reaches(V2)]).await;
    check(&replay, ALL_NAMESPACES, &[call("Pick").reaches(V1), call("Drop").reaches(V3)]).await;
}

/// Calls of a rule in which no backend has a weight are answered `UNAVAILABLE`.
#[tokio::test]
async fn grpcroute_all_backends_weight_zero() {
    let refs = "\n  - backendRefs: [{name: infra-backend-v1, port: 8081, weight: 0}, \
                {name: infra-backend-v2, port: 8081, weight: 0}]";
    let replay = Replay::start(&[grpc_route("no-weights", "{name: same-namespace}", refs)]).await;
    let unavailable = call("Pick").answers(200).answering("grpc-status", UNAVAILABLE);
    check(&replay, SAME_NAMESPACE, &[unavailable]).await;
}
