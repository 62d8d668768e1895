//! The load balancer of a `BackendTrafficPolicy`: where requests without a session go, with both pins.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use integration::backend::Backend;
use integration::harness::client::Client;
use integration::harness::deadline::until;
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use integration::harness::manifests::{Manifests, SERVICE_PORT};
use session_persistence::config::Pin;

use crate::setup::{
    COOKIE, HEADER, browser, client, pod, pods, pods_of, pods_of_new_sessions, route, rule, serve, start,
    token,
};
use crate::traffic_policies::policy;

const BY_USER: &str =
    "loadBalancer: {type: ConsistentHash, consistentHash: {type: Header, header: {name: x-user}}}";

/// A route for all requests, with this load balancer.
fn with(balancer: &str, persistence: &str, pods: &[Backend]) -> Manifests {
    let rule = match persistence {
        "" => format!("{{backendRefs: [{{name: backend, port: {SERVICE_PORT}}}]}}"),
        persistence => rule("/", &[("backend", 1)], persistence),
    };
    Manifests::gateway().service("backend", pods).with(&route("route", &[rule])).with(&policy(
        "policy",
        "kind: HTTPRoute, name: route",
        balancer,
    ))
}

async fn served_by(pin: Pin, manifests: &Manifests) -> Process {
    start(&Deployment::pinned_by(pin, manifests).unwrap_or_else(|error| panic!("{error}"))).await
}

/// The pods of 30 users, each of which asks four times without a session.
async fn pods_of_users(client: &Client) -> BTreeMap<String, String> {
    let mut homes = BTreeMap::new();
    for number in 0..30 {
        let user = format!("user-{number}");
        for _ in 0..4 {
            let served = pod(&client.get_with("/get", &[("x-user", &user)]).await.unwrap());
            assert_eq!(*homes.entry(user.clone()).or_insert_with(|| served.clone()), served, "{user}");
        }
    }
    homes
}

#[tokio::test]
async fn a_consistent_hash_places_clients_without_a_session() {
    for persistence in ["", COOKIE, HEADER] {
        for pin in [Pin::Metadata, Pin::StatefulSession] {
            let pods = pods::<3>();
            let envoy = served_by(pin, &with(BY_USER, persistence, &pods)).await;
            let homes = pods_of_users(&client(&envoy)).await;
            let used: BTreeSet<&String> = homes.values().collect();
            assert_eq!(used.len(), 3, "{persistence} {pin:?}: {homes:?}");
            // Another Envoy chooses the same pods.
            let other = served_by(pin, &with(BY_USER, persistence, &pods)).await;
            assert_eq!(pods_of_users(&client(&other)).await, homes, "{persistence} {pin:?}");
        }
    }
}

#[tokio::test]
async fn a_session_takes_precedence_over_the_hash() {
    for pin in [Pin::Metadata, Pin::StatefulSession] {
        let pods = pods::<3>();
        let envoy = served_by(pin, &with(BY_USER, HEADER, &pods)).await;
        let client = client(&envoy);
        let homes = pods_of_users(&client).await;
        let first = client.get_with("/get", &[("x-user", "user-0")]).await.unwrap();
        let (home, session) = (pod(&first), token(&first).unwrap());
        let (elsewhere, _) = homes.iter().find(|(_, other)| **other != home).unwrap();
        for _ in 0..4 {
            let headers = [("x-user", elsewhere.as_str()), ("session", &session)];
            let answer = client.get_with("/get", &headers).await.unwrap();
            assert_eq!((pod(&answer), token(&answer)), (home.clone(), None), "{pin:?}");
        }
    }
}

#[tokio::test]
async fn a_consistent_hash_respects_weights() {
    let (one, two) = (pods_of::<2>("one"), pods_of::<2>("two"));
    for (weights, expected) in [([1, 0], &["one-0", "one-1"]), ([0, 1], &["two-0", "two-1"])] {
        let rule = rule("/", &[("one", weights[0]), ("two", weights[1])], COOKIE);
        let manifests = Manifests::gateway()
            .service("one", &one)
            .service("two", &two)
            .with(&route("route", &[rule]))
            .with(&policy("policy", "kind: HTTPRoute, name: route", BY_USER));
        let envoy = serve(&manifests).await;
        let homes = pods_of_users(&client(&envoy)).await;
        assert_eq!(homes.values().collect::<BTreeSet<_>>(), expected.map(String::from).iter().collect());
    }
}

#[tokio::test]
async fn hashed_clients_of_a_dead_endpoint_reach_another_one() {
    for persistence in ["", COOKIE] {
        let mut pods = pods::<3>();
        let envoy = serve(&with(BY_USER, persistence, &pods)).await;
        let client = client(&envoy);
        let before = pods_of_users(&client).await;
        pods[0].kill().await.unwrap();
        let after = pods_of_users(&client).await;
        for (user, home) in before {
            assert!(home == "backend-0" || after[&user] == home, "{user}");
        }
    }
}

#[tokio::test]
async fn envoy_sets_the_cookie_that_it_hashes() {
    let pods = pods::<4>();
    let cookie = "{name: place, ttl: 1h, attributes: {SameSite: Lax}}";
    let balancer =
        format!("loadBalancer: {{type: ConsistentHash, consistentHash: {{type: Cookie, cookie: {cookie}}}}}");
    let envoy = serve(&with(&balancer, "", &pods)).await;
    let browser = browser(&envoy);
    let first = browser.get("/get").await.unwrap();
    assert!(first.cookie("place").is_some(), "{first:?}");
    assert!(first.values("set-cookie")[0].contains("SameSite=Lax"), "{first:?}");
    for _ in 0..8 {
        let answer = browser.get("/get").await.unwrap();
        assert_eq!((pod(&answer), answer.cookie("place")), (pod(&first), None));
    }
}

#[tokio::test]
async fn round_robin_uses_each_endpoint_in_turn() {
    for balancer in ["{type: RoundRobin}", "{type: RoundRobin, slowStart: {window: 1ms}}"] {
        let pods = pods::<3>();
        let envoy = serve(&with(&format!("loadBalancer: {balancer}"), COOKIE, &pods)).await;
        let served = pods_of_new_sessions(&client(&envoy), 9).await;
        for round in served.chunks(3) {
            assert_eq!(round.iter().collect::<BTreeSet<_>>().len(), 3, "{balancer}: {served:?}");
        }
    }
}

/// With two endpoints, one of which has a request that takes long.
#[tokio::test]
async fn least_request_prefers_the_endpoint_with_fewer_requests() {
    let pods = pods::<2>();
    let balancer = "loadBalancer: {type: LeastRequest, slowStart: {window: 1ms}}";
    let envoy = serve(&with(balancer, COOKIE, &pods)).await;
    let (client, slow) = (client(&envoy), Client::new(envoy.listener("default/eg/80").unwrap()));
    let waiting = async { pod(&slow.get("/get?delay=5s").await.unwrap()) };
    let others = async {
        let arrived = async || (pods.iter().map(Backend::requests).sum::<u64>() > 0).then_some(());
        until(Duration::from_secs(10), arrived).await.unwrap();
        pods_of_new_sessions(&client, 200).await
    };
    let (busy, served) = tokio::join!(waiting, others);
    let at_busy = served.iter().filter(|pod| **pod == busy).count();
    // Both of two random choices are the busy endpoint in a quarter of the cases; in turn or at random it would be half.
    assert!((25..75).contains(&at_busy), "{at_busy} of 200");
}

#[tokio::test]
async fn random_uses_all_endpoints_in_no_order() {
    let pods = pods::<3>();
    let envoy = serve(&with("loadBalancer: {type: Random}", COOKIE, &pods)).await;
    let served = pods_of_new_sessions(&client(&envoy), 60).await;
    assert_eq!(served.iter().collect::<BTreeSet<_>>().len(), 3);
    // In turn, each three in a row would differ: at random, two of nine.
    let all_differ = |round: &[String]| round.iter().collect::<BTreeSet<_>>().len() == 3;
    assert!(!served.chunks(3).all(all_differ), "{served:?}");
}
