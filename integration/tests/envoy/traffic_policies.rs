//! Envoy Gateway's `BackendTrafficPolicy`: which policy applies, and its limits, timeouts and retries.

use std::time::{Duration, Instant};

use integration::backend::Backend;
use integration::harness::client::Client;
use integration::harness::manifests::{Manifests, SERVICE_PORT};

use crate::setup::{COOKIE, client, get_with_cookie, pod, pods, route, rule, serve, token};

/// A policy with these fields for an HTTPRoute, or for one of its rules.
pub(crate) fn policy(name: &str, target: &str, fields: &str) -> String {
    format!(
        "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: BackendTrafficPolicy\nmetadata: {{name: {name}}}\n\
         spec:\n  targetRefs: [{{group: gateway.networking.k8s.io, {target}}}]\n  {fields}\n"
    )
}

const ROUTE: &str = "kind: HTTPRoute, name: route";
const GATEWAY: &str = "kind: Gateway, name: eg";

/// A route with a rule of these fields for all requests, and a policy with these fields.
fn with(rule: &str, fields: &str, pods: &[Backend]) -> Manifests {
    let rule = format!("{{backendRefs: [{{name: backend, port: {SERVICE_PORT}}}], {rule}}}");
    Manifests::gateway()
        .service("backend", pods)
        .with(&route("route", &[rule]))
        .with(&policy("policy", ROUTE, fields))
}

/// The path of a request that fails this number of times with this status before it succeeds.
fn failing(failures: u32, status: u16) -> String {
    let mut number = [0; 16];
    getrandom::fill(&mut number).unwrap();
    let uuid = u128::from_ne_bytes(number);
    format!("/retry/x?uuid={uuid}&succeedAfter={failures}&responseCode={status}")
}

async fn status(client: &Client, path: &str) -> u16 {
    client.get(path).await.unwrap().status
}

/// Rules that the policy of the Gateway would not serve at all: a more specific policy replaces it as a whole.
#[tokio::test]
async fn the_most_specific_policy_of_a_rule_applies() {
    let none = "circuitBreaker: {maxParallelRequests: 0}";
    let pods = pods::<1>();
    let named = |name: &str| {
        format!(
            "{{name: {name}, matches: [{{path: {{type: PathPrefix, value: /{name}}}}}], \
             backendRefs: [{{name: backend, port: {SERVICE_PORT}}}]}}"
        )
    };
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &[named("own"), named("other")]))
        .with(&route("plain", &[named("plain")]))
        .with(&policy("gateway", GATEWAY, none))
        .with(&policy("route", ROUTE, "circuitBreaker: {}"))
        .with(&policy("rule", &format!("{ROUTE}, sectionName: own"), none));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    assert_eq!(status(&client, "/plain").await, 503, "the policy of the Gateway");
    assert_eq!(status(&client, "/other").await, 200, "the policy of the route");
    assert_eq!(status(&client, "/own").await, 503, "the policy of the rule");
}

/// One route on two listeners with different policies.
#[tokio::test]
async fn each_listener_has_its_own_policy() {
    let pods = pods::<2>();
    let listeners =
        "listeners: [{name: http, protocol: HTTP, port: 80}, {name: closed, protocol: HTTP, port: 81}]";
    let closed = policy(
        "closed",
        &format!("{GATEWAY}, sectionName: closed"),
        "circuitBreaker: {maxParallelRequests: 0}",
    );
    let manifests = Manifests::gateway_with(listeners)
        .service("backend", &pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], COOKIE)]))
        .with(&closed);
    let envoy = serve(&manifests).await;
    let open = client(&envoy);
    let first = open.get("/get").await.unwrap();
    let (home, token) = (pod(&first), token(&first).unwrap());
    assert_eq!(pod(&get_with_cookie(&open, &token).await), home);
    let closed = Client::new(envoy.listener("default/eg/81").unwrap());
    assert_eq!(status(&closed, "/get").await, 503);
}

#[tokio::test]
async fn the_timeout_of_the_rule_takes_precedence() {
    let fields = "timeout: {http: {requestTimeout: 200ms}}";
    for (rule, expected) in [("matches: []", 504), ("timeouts: {request: 20s}", 200)] {
        let pods = pods::<1>();
        let envoy = serve(&with(rule, fields, &pods)).await;
        let start = Instant::now();
        assert_eq!(status(&client(&envoy), "/get?delay=1s").await, expected, "{rule}");
        assert_eq!(start.elapsed() < Duration::from_secs(1), expected == 504, "{rule}");
    }
}

#[tokio::test]
async fn streams_end_when_they_last_or_idle_too_long() {
    for field in ["maxStreamDuration", "streamIdleTimeout"] {
        let pods = pods::<1>();
        let envoy =
            serve(&with("matches: []", &format!("timeout: {{http: {{{field}: 200ms}}}}"), &pods)).await;
        let client = client(&envoy);
        assert_eq!(status(&client, "/get").await, 200, "{field}");
        assert!(matches!(status(&client, "/get?delay=5s").await, 408 | 504), "{field}");
    }
}

#[tokio::test]
async fn triggers_and_the_number_of_retries_are_those_of_the_policy() {
    let pods = pods::<1>();
    let on = |on: &str| format!("retry: {{numRetries: 2, retryOn: {on}}}");
    for (fields, retried, others) in [
        (on("{triggers: [gateway-error]}"), 502, [500, 404]),
        (on("{triggers: [5xx]}"), 500, [409, 404]),
        (on("{triggers: [retriable-4xx]}"), 409, [500, 503]),
        (on("{triggers: [retriable-status-codes], httpStatusCodes: [418]}"), 418, [500, 503]),
        (String::from("retry: {}"), 503, [500, 502]),
    ] {
        let envoy = serve(&with("matches: []", &fields, &pods)).await;
        let client = client(&envoy);
        assert_eq!(status(&client, &failing(2, retried)).await, 200, "{fields}");
        assert_eq!(status(&client, &failing(3, retried)).await, retried, "{fields}");
        for other in others {
            assert_eq!(status(&client, &failing(1, other)).await, other, "{fields}");
        }
    }
}

#[tokio::test]
async fn the_retry_of_the_rule_takes_precedence() {
    let pods = pods::<1>();
    let fields = "retry: {numRetries: 5, retryOn: {triggers: [5xx]}}";
    let envoy = serve(&with("retry: {codes: [503], attempts: 1}", fields, &pods)).await;
    let client = client(&envoy);
    assert_eq!(status(&client, &failing(1, 503)).await, 200);
    assert_eq!(status(&client, &failing(2, 503)).await, 503);
    assert_eq!(status(&client, &failing(1, 500)).await, 500);
}

/// The endpoint of a session has answered; another one does not have the session.
#[tokio::test]
async fn sessions_are_not_retried_for_an_answer() {
    let pods = pods::<2>();
    let fields = "retry: {retryOn: {triggers: [5xx, retriable-status-codes], httpStatusCodes: [500]}}";
    let envoy = serve(&with(&format!("sessionPersistence: {COOKIE}"), fields, &pods)).await;
    let client = client(&envoy);
    // Each of the two pods fails once.
    assert_eq!(status(&client, &failing(1, 500)).await, 200, "without a session");
    let first = client.get("/get").await.unwrap();
    let (home, token) = (pod(&first), token(&first).unwrap());
    let other = pods.iter().find(|one| one.pod().pod != home).unwrap();
    let before = other.requests();
    for _ in 0..4 {
        let cookie = format!("session={token}");
        assert_eq!(client.get_with("/status/500", &[("cookie", &cookie)]).await.unwrap().status, 500);
    }
    assert_eq!(other.requests(), before);
}

#[tokio::test]
async fn without_retries_a_dead_endpoint_is_an_error() {
    for (fields, expected) in [("retry: {numRetries: 0}", 503), ("retry: {numRetries: 1}", 200)] {
        let mut pods = pods::<2>();
        let envoy = serve(&with(&format!("sessionPersistence: {COOKIE}"), fields, &pods)).await;
        let client = client(&envoy);
        let first = client.get("/get").await.unwrap();
        let (home, token) = (pod(&first), token(&first).unwrap());
        pods.iter_mut().find(|one| one.pod().pod == home).unwrap().kill().await.unwrap();
        assert_eq!(get_with_cookie(&client, &token).await.status, expected, "{fields}");
    }
}
