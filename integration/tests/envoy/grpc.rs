//! GRPCRoutes, with a real gRPC client and server.

mod caller;
mod pod;

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use integration::harness::deadline;
use integration::harness::envoy::Process;
use integration::harness::manifests::Manifests;
use tonic::Code;
use tonic::metadata::MetadataMap;

use self::caller::{Caller, pod, token};
use self::pod::{GrpcPod, SICK};
use crate::setup::{COOKIE, HEADER, address, rule_matching, serve, serve_valid_parts};
use crate::strict::strict;
use crate::traffic_policies::policy;

fn pods<const N: usize>() -> [GrpcPod; N] {
    pods_of("backend")
}

fn pods_of<const N: usize>(service: &str) -> [GrpcPod; N] {
    std::array::from_fn(|number| GrpcPod::start(&format!("{service}-{number}")))
}

/// A GRPCRoute of the Gateway `eg` with these rules.
fn route(rules: &[&str]) -> String {
    let rules = rules.join("\n  - ");
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {{name: route}}\n\
         spec:\n  parentRefs: [{{name: eg}}]\n  rules:\n  - {rules}\n"
    )
}

/// One rule for all calls, and these pods.
fn manifests(pods: &[GrpcPod], persistence: &str) -> Manifests {
    let rule = format!("{{backendRefs: [{{name: backend, port: 3000}}], sessionPersistence: {persistence}}}");
    Manifests::gateway().service("backend", pods).with(&route(&[&rule]))
}

async fn caller(envoy: &Process) -> Caller {
    Caller::new(address(envoy)).await
}

fn names(pods: &[GrpcPod]) -> BTreeSet<&str> {
    pods.iter().map(GrpcPod::name).collect()
}

/// A caller that continues the session of a response.
fn resumed(caller: &Caller, metadata: &MetadataMap) -> Caller {
    let token = token(metadata).unwrap();
    if metadata.contains_key("session") {
        caller.with("session", &token)
    } else {
        caller.with("cookie", &format!("session={token}"))
    }
}

#[tokio::test]
async fn calls_with_the_session_header_reach_one_pod() {
    fifty_calls_reach_one_pod(HEADER).await;
}

#[tokio::test]
async fn calls_with_the_session_cookie_reach_one_pod() {
    fifty_calls_reach_one_pod(COOKIE).await;
}

async fn fifty_calls_reach_one_pod(persistence: &str) {
    let pods = pods::<4>();
    let envoy = serve(&manifests(&pods, persistence)).await;
    let new = caller(&envoy).await;
    let mut reached = BTreeSet::new();
    for _ in 0..4 {
        let answer = new.call("/shop.Cart/Say").await.unwrap();
        let first = pod(&answer).to_owned();
        let caller = resumed(&new, answer.metadata());
        for _ in 0..50 {
            let answer = caller.call("/shop.Cart/Say").await.unwrap();
            assert_eq!(pod(&answer), first);
            assert_eq!(token(answer.metadata()), None, "the session goes on with its token");
        }
        reached.insert(first);
    }
    assert_eq!(reached.iter().map(String::as_str).collect::<BTreeSet<_>>(), names(&pods));
}

#[tokio::test]
async fn grpc_session_cookies_have_no_expires_or_max_age() {
    let pods = pods::<1>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let answer = caller(&envoy).await.call("/shop.Cart/Say").await.unwrap();
    let cookie = answer.metadata().get("set-cookie").unwrap().to_str().unwrap().to_ascii_lowercase();
    assert!(cookie.contains("path=/;") && cookie.contains("httponly"), "{cookie}");
    assert!(!cookie.contains("expires") && !cookie.contains("max-age"), "{cookie}");
}

#[tokio::test]
async fn rules_have_separate_sessions() {
    let pods = pods::<4>();
    let session = |service: &str| {
        format!(
            "{{matches: [{{method: {{service: {service}}}}}], backendRefs: [{{name: backend, port: 3000}}], \
             sessionPersistence: {HEADER}}}"
        )
    };
    let route = route(&[&session("shop.Cart"), &session("shop.Orders")]);
    let envoy = serve(&Manifests::gateway().service("backend", &pods).with(&route)).await;
    let caller = caller(&envoy).await;
    let cart = caller.call("/shop.Cart/Say").await.unwrap();
    // Each rule begins its round at a pod of its own choice.
    let orders = loop {
        let orders = caller.call("/shop.Orders/Say").await.unwrap();
        if pod(&orders) != pod(&cart) {
            break orders;
        }
    };
    let in_cart = resumed(&caller, cart.metadata());
    assert_eq!(pod(&in_cart.call("/shop.Cart/SayMore").await.unwrap()), pod(&cart));
    let stranger = in_cart.call("/shop.Orders/Say").await.unwrap();
    assert!(token(stranger.metadata()).is_some(), "the other rule begins a session of its own");
    let in_orders = resumed(&caller, orders.metadata());
    assert_eq!(pod(&in_orders.call("/shop.Orders/Say").await.unwrap()), pod(&orders));
}

#[tokio::test]
async fn error_status_and_metadata_arrive_in_trailers() {
    let pods = pods::<2>();
    let envoy = serve(&manifests(&pods, HEADER)).await;
    let status = caller(&envoy).await.call("/shop.Cart/Refuse").await.unwrap_err();
    assert_eq!((status.code(), status.message()), (Code::FailedPrecondition, "the cart is empty"));
    assert_eq!(status.metadata().get("x-why").unwrap(), "not yet");
    assert!(token(status.metadata()).is_some(), "a refused call has reached a pod, so it has a session");
}

#[tokio::test]
async fn streams_have_sessions_and_end_with_trailers() {
    let pods = pods::<4>();
    let envoy = serve(&manifests(&pods, HEADER)).await;
    let caller = caller(&envoy).await;
    let mut replies = caller.stream("/shop.Cart/Count", 3).await.unwrap();
    let caller = resumed(&caller, replies.metadata());
    let mut read = Vec::new();
    let end = loop {
        match replies.get_mut().message().await {
            Ok(reply) => read.push(reply.unwrap()),
            Err(status) => break status,
        }
    };
    assert_eq!(read.iter().map(|reply| reply.number).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!((end.code(), end.message()), (Code::OutOfRange, "no more"));
    for _ in 0..10 {
        let sum = caller.all("/shop.Cart/Sum", vec![1, 2, 3]).await.unwrap();
        assert_eq!((pod(&sum), sum.get_ref().number), (read[0].pod.as_str(), 6));
    }
}

#[tokio::test]
async fn calls_fail_over_to_another_pod_with_a_new_token() {
    for persistence in [HEADER, COOKIE] {
        let mut pods = pods::<3>();
        let envoy = serve(&manifests(&pods, persistence)).await;
        let new = caller(&envoy).await;
        let answer = new.call("/shop.Cart/Say").await.unwrap();
        let (old, first) = (resumed(&new, answer.metadata()), pod(&answer).to_owned());
        pods.iter_mut().find(|pod| pod.name() == first).unwrap().kill().await;
        // A call that is on its way when its connection breaks is nobody's to repeat: Envoy has to see the end first.
        let ended = async || {
            let ends = envoy.admin().stats("upstream_cx_destroy_remote").await.ok()?;
            ends.values().any(|&count| count > 0).then_some(())
        };
        deadline::until(Duration::from_secs(30), ended).await.unwrap();
        let moved = old.call("/shop.Cart/Say").await.unwrap();
        let second = pod(&moved).to_owned();
        assert_ne!(second, first);
        let caller = resumed(&new, moved.metadata());
        for _ in 0..20 {
            assert_eq!(pod(&caller.call("/shop.Cart/Say").await.unwrap()), second);
        }
    }
}

#[tokio::test]
async fn strict_sessions_of_calls_wait_for_their_pod() {
    for persistence in [HEADER, COOKIE] {
        let mut pods = pods::<3>();
        let envoy = serve(&manifests(&pods, persistence).with(&strict("kind: GRPCRoute, name: route"))).await;
        let new = caller(&envoy).await;
        let answer = new.call("/shop.Cart/Say").await.unwrap();
        let (held, first) = (resumed(&new, answer.metadata()), pod(&answer).to_owned());
        pods.iter_mut().find(|pod| pod.name() == first).unwrap().kill().await;
        let calls = |pods: &[GrpcPod]| pods.iter().map(GrpcPod::calls).sum::<u64>();
        let before = calls(&pods);
        for _ in 0..6 {
            let status = held.call("/shop.Cart/Say").await.unwrap_err();
            assert_eq!(status.code(), Code::Unavailable);
            let value = |name| status.metadata().get(name).map(|value| value.to_str().unwrap());
            assert_eq!((value("grpc-retry-pushback-ms"), value("retry-after")), (Some("5000"), Some("5")));
            assert_eq!(token(status.metadata()), None);
        }
        assert_eq!(calls(&pods), before, "no call reaches another pod");
        for _ in 0..9 {
            assert_ne!(pod(&new.call("/shop.Cart/Say").await.unwrap()), first);
        }
        pods.iter_mut().find(|pod| pod.name() == first).unwrap().revive();
        let again = held.call("/shop.Cart/Say").await.unwrap();
        assert_eq!((pod(&again), token(again.metadata())), (first.as_str(), None));
    }
}

/// The Service that a call reaches, or its error status.
async fn reached(caller: &Caller, path: &'static str) -> String {
    match caller.call(path).await {
        Ok(answer) => pod(&answer).split_once('-').unwrap().0.to_owned(),
        Err(status) => format!("{:?}", status.code()),
    }
}

#[tokio::test]
async fn calls_match_service_method_and_header() {
    let (one, two) = (pods_of::<1>("one"), pods_of::<1>("two"));
    let route = route(&[
        &rule_matching("{method: {service: shop.Cart}}", "one"),
        &rule_matching("{method: {service: shop.Cart, method: SayMore}}", "two"),
        &rule_matching(
            "{method: {type: RegularExpression, service: '^shop\\..*', method: 'Say|Count'}}",
            "two",
        ),
        &rule_matching("{method: {service: shop.Cart}, headers: [{name: X-Tenant, value: blue}]}", "two"),
        &rule_matching("{method: {method: SayMore}}", "one"),
    ]);
    let envoy = serve(&Manifests::gateway().service("one", &one).service("two", &two).with(&route)).await;
    let caller = caller(&envoy).await;
    assert_eq!(reached(&caller, "/shop.Cart/Say").await, "one");
    assert_eq!(reached(&caller, "/shop.Cart/SayMore").await, "two");
    assert_eq!(reached(&caller, "/shop.Orders/Say").await, "two");
    assert_eq!(reached(&caller.with("x-tenant", "blue"), "/shop.Cart/Say").await, "two");
    assert_eq!(reached(&caller.with("x-tenant", "blue, green"), "/shop.Cart/Say").await, "one");
    assert_eq!(reached(&caller, "/other.Service/SayMore").await, "one");
    for unmatched in ["/other.Service/Say", "/Shop.Cart/Say", "/shops/Say", "/shop.Orders/SaySay"] {
        assert_eq!(reached(&caller, unmatched).await, "Unimplemented", "{unmatched}");
    }
}

#[tokio::test]
async fn route_hostnames_restrict_calls() {
    let pods = pods::<1>();
    let route = route(&[&rule_matching("{}", "backend")])
        .replace("spec:\n", "spec:\n  hostnames: ['*.example.com']\n");
    let envoy = serve(&Manifests::gateway().service("backend", &pods).with(&route)).await;
    for (host, expected) in
        [("a.example.com", "backend"), ("a.b.example.com", "backend"), ("example.com", "Unimplemented")]
    {
        let caller = Caller::asking_for(address(&envoy), host).await;
        assert_eq!(reached(&caller, "/shop.Cart/Say").await, expected, "{host}");
    }
}

#[tokio::test]
async fn missing_backends_answer_unavailable() {
    let pods = pods::<1>();
    let route = route(&[
        "{matches: [{method: {service: half}}], backendRefs: [{name: backend, port: 3000}, {name: none, port: 3000}]}",
        &rule_matching("{method: {service: none}}", "none"),
        "{matches: [{method: {service: empty}}]}",
    ]);
    let envoy = serve_valid_parts(&Manifests::gateway().service("backend", &pods).with(&route)).await;
    let caller = caller(&envoy).await;
    for path in ["/none/Say", "/empty/Say"] {
        assert_eq!(reached(&caller, path).await, "Unavailable", "{path}");
    }
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    for _ in 0..20 {
        *counts.entry(reached(&caller, "/half/Say").await).or_default() += 1;
    }
    assert_eq!(counts.into_iter().collect::<Vec<_>>(), [("Unavailable".into(), 10), ("backend".into(), 10)]);
}

#[tokio::test]
async fn header_modifiers_change_call_metadata() {
    let pods = pods::<1>();
    let rule = "{filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, value: b}], \
                add: [{name: X-Add, value: b}], remove: [X-Remove]}}, {type: ResponseHeaderModifier, \
                responseHeaderModifier: {set: [{name: X-Answer, value: c}]}}], \
                backendRefs: [{name: backend, port: 3000}]}";
    let envoy = serve(&Manifests::gateway().service("backend", &pods).with(&route(&[rule]))).await;
    let caller = caller(&envoy).await.with("x-set", "a").with("x-add", "a").with("x-remove", "a");
    let answer = caller.call("/shop.Cart/Say").await.unwrap();
    let mut changed: Vec<_> = answer.get_ref().metadata.clone();
    changed.retain(|line| ["x-set", "x-add", "x-remove"].iter().any(|name| line.starts_with(name)));
    changed.sort();
    assert_eq!(changed, ["x-add: a", "x-add: b", "x-set: b"]);
    assert_eq!(answer.metadata().get("x-answer").unwrap(), "c");
}

#[tokio::test]
async fn backend_filters_apply_to_one_backend_and_sessions_persist() {
    let (one, two) = (pods_of::<2>("one"), pods_of::<2>("two"));
    let rule = format!(
        "{{backendRefs: [{{name: one, port: 3000, filters: [{{type: RequestHeaderModifier, requestHeaderModifier: \
         {{set: [{{name: x-backend, value: one}}]}}}}]}}, {{name: two, port: 3000}}], sessionPersistence: {HEADER}}}"
    );
    let manifests = Manifests::gateway().service("one", &one).service("two", &two);
    let envoy = serve(&manifests.with(&route(&[&rule]))).await;
    let new = caller(&envoy).await;
    let mut reached = BTreeSet::new();
    for _ in 0..20 {
        let first = new.call("/shop.Cart/Say").await.unwrap();
        let caller = resumed(&new, first.metadata());
        for _ in 0..5 {
            let again = caller.call("/shop.Cart/Say").await.unwrap();
            assert_eq!(pod(&again), pod(&first));
            let changed = again.get_ref().metadata.contains(&String::from("x-backend: one"));
            assert_eq!(changed, pod(&again).starts_with("one"), "{:?}", again.get_ref());
        }
        reached.insert(pod(&first).split_once('-').unwrap().0.to_owned());
    }
    assert_eq!(reached.len(), 2, "both backends get sessions");
}

#[tokio::test]
async fn mirror_responses_are_discarded() {
    let (one, mut mirror) = (pods_of::<1>("one"), pods_of::<1>("mirror"));
    let rule = "{filters: [{type: RequestMirror, requestMirror: {backendRef: {name: mirror, port: 3000}}}], \
                backendRefs: [{name: one, port: 3000}]}";
    let manifests = Manifests::gateway().service("one", &one).service("mirror", &mirror);
    let envoy = serve(&manifests.with(&route(&[rule]))).await;
    let caller = caller(&envoy).await;
    for _ in 0..5 {
        assert_eq!(reached(&caller, "/shop.Cart/Say").await, "one");
    }
    deadline::until(Duration::from_secs(30), async || (mirror[0].calls() >= 5).then_some(())).await.unwrap();
    mirror[0].kill().await;
    assert_eq!(reached(&caller, "/shop.Cart/Say").await, "one");
}

#[tokio::test]
async fn pods_that_fail_grpc_health_checks_get_no_calls() {
    let pods = [GrpcPod::start("backend-0"), GrpcPod::start(SICK), GrpcPod::start("backend-2")];
    let fields = "healthCheck: {active: {type: GRPC, interval: 100ms, unhealthyThreshold: 1}}";
    let policy = policy("policy", "kind: GRPCRoute, name: route", fields);
    let envoy = serve(&manifests(&pods, HEADER).with(&policy)).await;
    let caller = caller(&envoy).await;
    let healthy = async || {
        let mut reached = BTreeSet::new();
        for _ in 0..9 {
            reached.insert(pod(&caller.call("/shop.Cart/Say").await.unwrap()).to_owned());
        }
        (!reached.contains(SICK)).then_some(reached)
    };
    let reached = deadline::until(Duration::from_secs(20), healthy).await.unwrap();
    assert_eq!(reached.into_iter().collect::<Vec<_>>(), ["backend-0", "backend-2"]);
    // A session stays, with the pin that respects health.
    let answer = caller.call("/shop.Cart/Say").await.unwrap();
    let (first, caller) = (pod(&answer).to_owned(), resumed(&caller, answer.metadata()));
    for _ in 0..6 {
        let again = caller.call("/shop.Cart/Say").await.unwrap();
        assert_eq!((pod(&again), token(again.metadata())), (first.as_str(), None));
    }
}
