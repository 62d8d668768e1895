//! Session persistence from a policy of a backend (`XBackendTrafficPolicy`, GEP-1619 "Edge Case Behavior").

use integration::backend::Backend;
use integration::harness::client::Client;
use integration::harness::manifests::Manifests;

use crate::setup::{
    COOKIE, HEADER, browser, client, plain_rule, pod, pods, pods_of, route, rule, serve, token,
};

/// A policy of this name for a Service, with more of its metadata.
fn policy(name: &str, metadata: &str, service: &str, persistence: &str) -> String {
    format!(
        "apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackendTrafficPolicy\n\
         metadata: {{name: {name}{metadata}}}\n\
         spec:\n  targetRefs: [{{group: '', kind: Service, name: {service}}}]\n  sessionPersistence: {persistence}\n"
    )
}

/// Two rules without sessions of their own, `/a` and `/b`, and a policy for the Service of both.
fn two_rules(pods: &[Backend], persistence: &str) -> Manifests {
    let rules = ["/a", "/b"].map(|prefix| plain_rule(prefix, "backend"));
    let policy = policy("sticky", "", "backend", persistence);
    Manifests::gateway().service("backend", pods).with(&route("route", &rules)).with(&policy)
}

/// Asserts that a path reaches one pod only and issues one token; returns the pod.
async fn assert_stays(browser: &Client, path: &str) -> String {
    let first = browser.get(path).await.unwrap();
    let pinned = pod(&first);
    for _ in 0..8 {
        let answer = browser.get(path).await.unwrap();
        assert_eq!(pod(&answer), pinned, "{path}");
        assert_eq!(answer.values("set-cookie"), [""; 0], "{path}");
    }
    pinned
}

#[tokio::test]
async fn policies_apply_to_every_rule_of_their_service() {
    let pods = pods::<4>();
    let envoy = serve(&two_rules(&pods, "{absoluteTimeout: 1h, cookie: {}}")).await;
    for _ in 0..4 {
        let browser = browser(&envoy);
        let a = assert_stays(&browser, "/a").await;
        let b = assert_stays(&browser, "/b").await;
        // Each has a cookie of its own, so neither ended the other.
        assert_eq!(pod(&browser.get("/a").await.unwrap()), a);
        assert_eq!(pod(&browser.get("/b").await.unwrap()), b);
    }
}

#[tokio::test]
async fn rules_of_one_policy_have_separate_sessions() {
    let pods = pods::<4>();
    let envoy = serve(&two_rules(&pods, COOKIE)).await;
    let client = client(&envoy);
    let of_a = token(&client.get("/a").await.unwrap()).unwrap();
    let sent = format!("session={of_a}");
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..8 {
        let answer = client.get_with("/b", &[("cookie", &sent)]).await.unwrap();
        reached.insert(pod(&answer));
        assert!(token(&answer).is_some_and(|new| new != of_a), "a session of its own");
        assert!(token(&client.get_with("/a", &[("cookie", &sent)]).await.unwrap()).is_none());
    }
    assert!(reached.len() > 1, "the token of /a pinned /b to {reached:?}");
}

#[tokio::test]
async fn session_persistence_of_a_rule_overrides_the_policy() {
    let pods = pods::<2>();
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], HEADER)]))
        .with(&policy("sticky", "", "backend", "{cookie: {name: of-the-policy}}"));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let answer = client.get("/get").await.unwrap();
    let token = answer.value("session").unwrap();
    assert_eq!(answer.cookie("of-the-policy"), None);
    for _ in 0..4 {
        let next = client.get_with("/get", &[("session", &token)]).await.unwrap();
        assert_eq!(pod(&next), pod(&answer));
    }
}

#[tokio::test]
async fn oldest_policy_of_a_service_wins() {
    let pods = pods::<2>();
    let created = |day| format!(", creationTimestamp: '2026-01-0{day}T00:00:00Z'");
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &[plain_rule("/", "backend")]))
        .with(&policy("a", &created(2), "backend", "{cookie: {name: younger}}"))
        .with(&policy("b", &created(1), "backend", "{cookie: {name: older}}"));
    let envoy = serve(&manifests).await;
    let answer = client(&envoy).get("/get").await.unwrap();
    assert!(answer.cookie("older").is_some(), "{answer:?}");
    assert!(answer.cookie("younger").is_none(), "{answer:?}");
}

#[tokio::test]
async fn policy_of_one_backend_applies_to_the_whole_split() {
    let ([with], [without]) = (pods_of("with"), pods_of("without"));
    let split =
        "{backendRefs: [{name: with, port: 3000, weight: 1}, {name: without, port: 3000, weight: 1}]}";
    let manifests = Manifests::gateway()
        .service("with", [&with])
        .service("without", [&without])
        .with(&route("route", &[split.to_owned()]))
        .with(&policy("sticky", "", "with", "{cookie: {}}"));
    let envoy = serve(&manifests).await;
    let mut reached = std::collections::BTreeSet::new();
    for _ in 0..6 {
        reached.insert(assert_stays(&browser(&envoy), "/get").await);
    }
    assert_eq!(reached.len(), 2, "new sessions follow the weights");
}
