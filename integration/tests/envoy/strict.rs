//! Strict sessions (`onEndpointLost: Reject`): requests of a session get 503 while its endpoint cannot serve, are never sent to
//! another one, and the session continues with the same token when the endpoint is back.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hyper::Method;
use hyper::body::Bytes;
use integration::backend::{Backend, Behaviour};
use integration::harness::client::{Answer, Client};
use integration::harness::deadline::until;
use integration::harness::keys;
use integration::harness::manifests::{Endpoint, Manifests, SERVICE_PORT};
use session_persistence::names::OVERRIDE_HOST_HEADER;

use crate::closing_backend::ClosingPod;
use crate::health::{self, ACTIVE, ask, begin, patients, session, until_healthy};
use crate::setup::{
    COOKIE, HEADER, Mint, client, deployment, pod, pods, pods_of, pods_of_new_sessions, route, rule, serve,
    start, token,
};

/// How long a state is waited for.
const LIMIT: Duration = Duration::from_secs(20);

/// A policy with these fields for the sessions of this target.
pub(crate) fn settings(target: &str, fields: &str) -> String {
    format!(
        "apiVersion: session-persistence.dev/v1alpha1\nkind: SessionPersistencePolicy\nmetadata: {{name: settings}}\n\
         spec: {{targetRefs: [{{group: gateway.networking.k8s.io, {target}}}], {fields}}}\n"
    )
}

/// A policy that makes the sessions of this target strict.
pub(crate) fn strict(target: &str) -> String {
    settings(target, "onEndpointLost: Reject")
}

const ROUTE: &str = "kind: HTTPRoute, name: route";

/// A route with strict sessions for all requests to these pods; `fields` are more fields of its rule.
fn with(persistence: &str, fields: &str, pods: impl IntoIterator<Item = impl Into<Endpoint>>) -> Manifests {
    let rule = format!(
        "{{backendRefs: [{{name: backend, port: {SERVICE_PORT}}}], sessionPersistence: {persistence}{fields}}}"
    );
    Manifests::gateway().service("backend", pods).with(&route("route", &[rule])).with(&strict(ROUTE))
}

/// Asserts that the endpoint of a session serves it, without a new token.
async fn assert_goes_on(client: &Client, (home, token_header): &(String, (&'static str, String))) {
    let again = ask(client, "/get", token_header).await;
    assert_eq!((&pod(&again), token(&again)), (home, None), "{again:?}");
}

/// Asserts that an answer tells the client to try again with the token that it has.
#[track_caller]
fn assert_rejected(answer: &Answer) {
    assert_eq!((answer.status, token(answer)), (503, None), "{answer:?}");
    assert_eq!(answer.values("retry-after"), ["5"], "{answer:?}");
    assert!(answer.values("set-cookie").is_empty() && answer.values("session").is_empty(), "{answer:?}");
}

fn of<'p>(pods: &'p mut [Backend], name: &str) -> &'p mut Backend {
    pods.iter_mut().find(|one| one.pod().pod == name).unwrap()
}

/// How many requests reached the other pods.
fn elsewhere(pods: &[Backend], home: &str) -> u64 {
    pods.iter().filter(|one| one.pod().pod != home).map(Backend::requests).sum()
}

/// Whatever the rule says about retries.
#[tokio::test]
async fn sessions_wait_for_an_endpoint_that_refuses_connections() {
    for fields in ["", ", retry: {codes: [500, 503], attempts: 5}", ", timeouts: {backendRequest: 5s}"] {
        for persistence in [COOKIE, HEADER] {
            let mut pods = pods::<3>();
            let envoy = serve(&with(persistence, fields, &pods)).await;
            let client = client(&envoy);
            let begun = begin(&client, persistence).await;
            let (home, (name, value)) = &begun;
            of(&mut pods, home).kill().await.unwrap();
            let before = elsewhere(&pods, home);
            for _ in 0..6 {
                assert_rejected(&ask(&client, "/get", &begun.1).await);
                let body = Bytes::from(vec![b'x'; 3 << 20]);
                let upload = client.upload(Method::POST, "/upload", &[(name, value)], body).await.unwrap();
                assert_rejected(&upload);
            }
            assert_eq!(elsewhere(&pods, home), before, "{fields} {persistence}");
            // Requests without a session have no state yet, so they fail over.
            let new = pods_of_new_sessions(&client, 12).await;
            assert!(!new.contains(home), "{new:?}");
            of(&mut pods, home).revive().unwrap();
            assert_goes_on(&client, &begun).await;
        }
    }
}

/// The rule's own retries apply to requests without a session.
#[tokio::test]
async fn only_requests_without_a_session_are_retried_for_a_status() {
    let pods = pods::<2>();
    let envoy = serve(&with(COOKIE, ", retry: {codes: [500], attempts: 2}", &pods)).await;
    let client = client(&envoy);
    let begun = begin(&client, COOKIE).await;
    let before: u64 = pods.iter().map(Backend::requests).sum();
    assert_eq!(ask(&client, "/status/500", &begun.1).await.status, 500);
    assert_eq!(pods.iter().map(Backend::requests).sum::<u64>(), before + 1);
    assert_eq!(client.get("/status/500").await.unwrap().status, 500);
    assert_eq!(pods.iter().map(Backend::requests).sum::<u64>(), before + 4);
    // A cookie that is no session does not count as one.
    let expired = ("cookie", String::from("session=AAAA"));
    assert_eq!(ask(&client, "/status/500", &expired).await.status, 500);
    assert_eq!(pods.iter().map(Backend::requests).sum::<u64>(), before + 7);
}

/// Envoy sends safe methods again if a connection closes without an answer, but here it could not to the same endpoint.
#[tokio::test]
async fn requests_are_not_repeated_elsewhere_after_a_reset() {
    for persistence in [COOKIE, HEADER] {
        let pods = ClosingPod::start_all::<4>().await;
        let envoy = serve(&with(persistence, "", &pods)).await;
        let client = client(&envoy);
        let first = client.get("/").await.unwrap();
        let (home, header) = (pod(&first), session(persistence, &token(&first).unwrap()));
        let mut reset = 0;
        for number in 0..20 {
            let path = format!("/{number}");
            let answer = ask(&client, &path, &header).await;
            assert_eq!(pods.iter().map(|pod| pod.count(&format!("GET {path}"))).sum::<u32>(), 1);
            if answer.status == 503 {
                assert_rejected(&answer);
                reset += 1;
            } else {
                assert_eq!((pod(&answer), token(&answer)), (home.clone(), None));
            }
        }
        assert!(reset > 0);
    }
}

#[tokio::test]
async fn sessions_wait_for_an_unhealthy_endpoint() {
    for persistence in [COOKIE, HEADER] {
        let pods = patients::<3>();
        let envoy = serve(&health::with(ACTIVE, persistence, &pods).with(&strict(ROUTE))).await;
        until_healthy(&envoy, 3).await;
        let client = client(&envoy);
        let begun = begin(&client, persistence).await;
        let sick = pods.iter().find(|one| one.backend.pod().pod == begun.0).unwrap();
        sick.fails(true);
        until_healthy(&envoy, 2).await;
        // Workers learn of it a little later.
        let rejected = async || {
            let answer = ask(&client, "/get", &begun.1).await;
            (answer.status == 503).then_some(answer)
        };
        assert_rejected(&until(LIMIT, rejected).await.unwrap());
        let before = sick.backend.requests();
        for _ in 0..6 {
            assert_rejected(&ask(&client, "/get", &begun.1).await);
        }
        assert!(sick.backend.requests() - before < 100, "only health checks reach it");
        // The balancer learns of it last.
        let avoided = async || {
            let new = pods_of_new_sessions(&client, 9).await;
            (!new.contains(&begun.0)).then_some(())
        };
        until(LIMIT, avoided).await.unwrap();
        assert_rejected(&ask(&client, "/get", &begun.1).await);
        sick.fails(false);
        until_healthy(&envoy, 3).await;
        let back = async || (ask(&client, "/get", &begun.1).await.status == 200).then_some(());
        until(LIMIT, back).await.unwrap();
        assert_goes_on(&client, &begun).await;
    }
}

#[tokio::test]
async fn sessions_wait_for_an_ejected_endpoint() {
    let passive = "healthCheck: {passive: {consecutive5XxErrors: 2, interval: 100ms, baseEjectionTime: 2s, \
                   maxEjectionPercent: 100}}";
    for persistence in [COOKIE, HEADER] {
        let pods = pods::<3>();
        let envoy = serve(&health::with(passive, persistence, &pods).with(&strict(ROUTE))).await;
        let client = client(&envoy);
        let begun = begin(&client, persistence).await;
        let before = elsewhere(&pods, &begun.0);
        for _ in 0..2 {
            let failed = ask(&client, "/status/503", &begun.1).await;
            assert_eq!((failed.status, failed.values("retry-after").len()), (503, 0), "{failed:?}");
        }
        let rejected = async || {
            let answer = ask(&client, "/get", &begun.1).await;
            (answer.status == 503).then_some(answer)
        };
        assert_rejected(&until(LIMIT, rejected).await.unwrap());
        let back = async || (ask(&client, "/get", &begun.1).await.status == 200).then_some(());
        until(LIMIT, back).await.unwrap();
        assert_goes_on(&client, &begun).await;
        assert_eq!(elsewhere(&pods, &begun.0), before);
    }
}

/// The reset comes after the request was sent, so the endpoint may have served it.
#[tokio::test]
async fn uploads_to_an_endpoint_that_hangs_up_keep_the_session() {
    let pods = pods::<2>();
    let envoy = serve(&with(COOKIE, "", &pods)).await;
    let client = client(&envoy);
    let begun = begin(&client, COOKIE).await;
    let home = pods.iter().find(|one| one.pod().pod == begun.0).unwrap();
    home.behave(Behaviour::HangUp);
    let (name, value) = &begun.1;
    let body = Bytes::from(vec![b'x'; 3 << 20]);
    assert_rejected(&client.upload(Method::POST, "/upload", &[(name, value)], body).await.unwrap());
    assert_rejected(&ask(&client, "/get", &begun.1).await);
    home.behave(Behaviour::Answer);
    assert_goes_on(&client, &begun).await;
}

/// Each Envoy decides by the token alone.
#[tokio::test]
async fn two_envoys_agree() {
    let mut pods = pods::<3>();
    let manifests = with(COOKIE, "", &pods);
    let keys = keys::fresh().unwrap();
    let deployment = deployment(&manifests).with_keys(&keys);
    let envoys = [start(&deployment).await, start(&deployment).await];
    let clients = envoys.each_ref().map(client);
    let begun = begin(&clients[0], COOKIE).await;
    assert_goes_on(&clients[1], &begun).await;
    of(&mut pods, &begun.0).kill().await.unwrap();
    for client in &clients {
        assert_rejected(&ask(client, "/get", &begun.1).await);
    }
    of(&mut pods, &begun.0).revive().unwrap();
    for client in &clients {
        assert_goes_on(client, &begun).await;
    }
}

#[tokio::test]
async fn tokens_of_other_endpoints_get_503_and_expired_ones_a_new_session() {
    let pods = pods::<2>();
    let manifests = with(COOKIE, "", &pods);
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
    let (client, mint) = (client(&envoy), Mint::new(&manifests, "default/route/0/0", &keys));
    let cookie = |token: &str| session(COOKIE, token);
    assert_rejected(&ask(&client, "/get", &cookie(&mint.fresh("10.9.9.9:80".parse().unwrap()))).await);
    for bad in [mint.token(3_600, 3_600, pods[0].address()), String::from("AAAA")] {
        let new = ask(&client, "/get", &cookie(&bad)).await;
        pod(&new);
        assert!(token(&new).is_some(), "{new:?}");
    }
    // A client cannot take the route of sessions, or pin, by itself.
    for forged in [STANDARD.encode(pods[0].address().to_string()), STANDARD.encode("10.9.9.9:80")] {
        let mut reached = BTreeSet::new();
        for _ in 0..6 {
            let answer = client.get_with("/get", &[(OVERRIDE_HOST_HEADER, &forged)]).await.unwrap();
            assert!(token(&answer).is_some(), "{answer:?}");
            reached.insert(pod(&answer));
        }
        assert_eq!(reached.len(), 2);
    }
}

/// Each backendRef has a route and a cluster.
#[tokio::test]
async fn sessions_of_split_rules_wait_on_their_share() {
    let filter =
        "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-one, value: a}]}}]";
    let rule = format!(
        "{{backendRefs: [{{name: one, port: {SERVICE_PORT}, {filter}}}, {{name: two, port: {SERVICE_PORT}}}], \
         sessionPersistence: {COOKIE}, retry: {{codes: [500], attempts: 3}}}}"
    );
    let with = |one: &[Backend], two: &[Backend]| {
        let services = Manifests::gateway().service("one", one).service("two", two);
        services.with(&route("route", std::slice::from_ref(&rule))).with(&strict(ROUTE))
    };
    let (mut one, two) = (pods_of::<2>("one"), pods_of::<2>("two"));
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&with(&one, &two)).with_keys(&keys)).await;
    let client = client(&envoy);
    let begun = loop {
        let begun = begin(&client, COOKIE).await;
        if begun.0.starts_with("one") {
            break begun;
        }
    };
    let before = elsewhere(&two, "") + elsewhere(&one, &begun.0);
    of(&mut one, &begun.0).kill().await.unwrap();
    for _ in 0..20 {
        assert_rejected(&ask(&client, "/get", &begun.1).await);
    }
    assert_eq!(elsewhere(&two, "") + elsewhere(&one, &begun.0), before);
    // The same when the backend has no endpoints at all.
    let envoy = start(&deployment(&with(&[], &two)).with_keys(&keys)).await;
    let client = crate::setup::client(&envoy);
    for _ in 0..20 {
        assert_rejected(&ask(&client, "/get", &begun.1).await);
    }
    assert_eq!(elsewhere(&two, "") + elsewhere(&one, &begun.0), before);
    let again = start(&deployment(&with(&one, &two)).with_keys(&keys)).await;
    of(&mut one, &begun.0).revive().unwrap();
    assert_goes_on(&crate::setup::client(&again), &begun).await;
}

/// A route of two listeners, one of which has a policy.
#[tokio::test]
async fn each_listener_has_its_own_policy() {
    let mut pods = pods::<2>();
    let listeners =
        "listeners: [{name: http, protocol: HTTP, port: 80}, {name: loose, protocol: HTTP, port: 81}]";
    let manifests = Manifests::gateway_with(listeners)
        .service("backend", &pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], COOKIE)]))
        .with(&strict("kind: Gateway, name: eg, sectionName: http"));
    let envoy = serve(&manifests).await;
    let held = client(&envoy);
    let loose = Client::new(envoy.listener("default/eg/81").unwrap());
    let begun = begin(&held, COOKIE).await;
    assert_goes_on(&loose, &begun).await;
    of(&mut pods, &begun.0).kill().await.unwrap();
    assert_rejected(&ask(&held, "/get", &begun.1).await);
    let moved = ask(&loose, "/get", &begun.1).await;
    assert_ne!(pod(&moved), begun.0);
    assert!(token(&moved).is_some());
}
