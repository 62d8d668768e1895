//! The alternative pin: Envoy's `stateful_session` filter in header mode, behind this project's, in place of request metadata.

use std::collections::BTreeSet;

use integration::harness::client::Client;
use integration::harness::deployment::Deployment;
use integration::harness::keys;
use integration::harness::manifests::{Endpoint, EndpointState, Manifests};
use serde_json::{Value, json};
use session_persistence::config::Pin;
use session_persistence::names::OVERRIDE_HOST_HEADER;

use crate::setup::{
    COOKIE, HEADER, Mint, client, manifests, pod, pods, pods_of, pods_of_new_sessions, route, rule, start,
    token,
};

fn deployment(manifests: &Manifests) -> Deployment {
    Deployment::pinned_by(Pin::StatefulSession, manifests).unwrap_or_else(|error| panic!("{error}"))
}

/// The token as a request header, by the kind of session.
fn session(persistence: &str, token: &str) -> (&'static str, String) {
    if persistence == COOKIE { ("cookie", format!("session={token}")) } else { ("session", token.to_owned()) }
}

async fn get(client: &Client, path: &str, (name, value): &(&str, String)) -> (String, Option<String>) {
    let answer = client.get_with(path, &[(name, value)]).await.unwrap();
    assert!(answer.values(OVERRIDE_HOST_HEADER).is_empty(), "{answer:?}");
    assert!(answer.echoed("X-Session-Persistence-Override-Host").is_empty(), "{answer:?}");
    (pod(&answer), token(&answer))
}

#[tokio::test]
async fn a_session_stays_with_its_endpoint_and_moves_when_that_is_gone() {
    for persistence in [COOKIE, HEADER] {
        let mut pods = pods::<3>();
        let envoy = start(&deployment(&manifests(&pods, persistence))).await;
        let client = client(&envoy);
        let first = client.get("/get").await.unwrap();
        assert!(first.values(OVERRIDE_HOST_HEADER).is_empty(), "{first:?}");
        let (home, session) = (pod(&first), session(persistence, &token(&first).unwrap()));
        for _ in 0..6 {
            assert_eq!(get(&client, "/get", &session).await, (home.clone(), None), "{persistence}");
        }
        let served = pods.iter_mut().find(|pod| pod.pod().pod == home).unwrap();
        served.kill().await.unwrap();
        let (elsewhere, new) = get(&client, "/get", &session).await;
        assert_ne!(elsewhere, home);
        let session = self::session(persistence, &new.unwrap());
        for _ in 0..6 {
            assert_eq!(get(&client, "/get", &session).await, (elsewhere.clone(), None), "{persistence}");
        }
    }
}

#[tokio::test]
async fn a_forged_header_pins_nothing_on_either_way() {
    let pods = pods::<2>();
    let envoy = start(&deployment(&manifests(&pods, COOKIE))).await;
    let client = client(&envoy);
    let mut served = BTreeSet::new();
    for _ in 0..4 {
        // base64 of an address of no backend, and what the backend itself may send.
        let headers = [
            (OVERRIDE_HOST_HEADER, "MTAuMC4wLjE6ODA="),
            ("x-echo-set-header", "x-session-persistence-override-host: MTAuMC4wLjE6ODA="),
        ];
        let answer = client.get_with("/get", &headers).await.unwrap();
        assert!(answer.values(OVERRIDE_HOST_HEADER).is_empty(), "{answer:?}");
        served.insert(pod(&answer));
        // Nor does it move a session.
        let cookie = format!("session={}", token(&answer).unwrap());
        let again = client.get_with("/get", &[headers[1], ("cookie", &cookie)]).await.unwrap();
        assert_eq!((pod(&again), token(&again)), (pod(&answer), None));
    }
    assert_eq!(served.len(), 2);
}

#[tokio::test]
async fn a_draining_endpoint_keeps_its_sessions_and_an_unhealthy_one_loses_them() {
    let pods = pods::<2>();
    let [first, ready] = pods.each_ref().map(Endpoint::from);
    let slices = Manifests::gateway()
        .service("backend", [first.in_state(EndpointState::Draining), ready])
        .with(&route("route", &[rule("/", &[("backend", 1)], COOKIE)]));
    let keys = keys::fresh().unwrap();
    let token = Mint::new(&slices, "default/route/0/0", &keys).fresh(first.address);
    let draining = deployment(&slices);
    let mut bootstrap: Value = serde_saphyr::from_str(draining.bootstrap()).unwrap();
    let endpoints = "/static_resources/clusters/0/load_assignment/endpoints/0/lb_endpoints";
    let endpoints = bootstrap.pointer_mut(endpoints).and_then(Value::as_array_mut).unwrap();
    // They are in the order of their addresses.
    let of_the_session =
        endpoints.iter_mut().find(|endpoint| endpoint["health_status"] == "DRAINING").unwrap();
    of_the_session["health_status"] = json!("UNHEALTHY");
    let unhealthy = Deployment::of_bootstrap(bootstrap.to_string()).unwrap();
    for (deployment, expected) in [(draining, "backend-0"), (unhealthy, "backend-1")] {
        let envoy = start(&deployment.with_keys(&keys)).await;
        let client = client(&envoy);
        let (served, moved) = get(&client, "/get", &session(COOKIE, &token)).await;
        assert_eq!((served.as_str(), moved.is_some()), (expected, expected == "backend-1"));
        assert_eq!(pods_of_new_sessions(&client, 2).await, ["backend-1"; 2]);
    }
}

#[tokio::test]
async fn sessions_of_a_backend_of_weight_zero_stay_there() {
    let (one, two) = (pods_of::<1>("one"), pods_of::<1>("two"));
    let keys = keys::fresh().unwrap();
    let served = |weights: [u32; 2]| {
        let rule = rule("/", &[("one", weights[0]), ("two", weights[1])], HEADER);
        let manifests = Manifests::gateway().service("one", &one).service("two", &two);
        deployment(&manifests.with(&route("route", &[rule]))).with_keys(&keys)
    };
    let before = start(&served([1, 0])).await;
    let first = client(&before).get("/get").await.unwrap();
    let session = session(HEADER, &token(&first).unwrap());
    let after = start(&served([0, 1])).await;
    let client = client(&after);
    assert_eq!(get(&client, "/get", &session).await, ("one-0".to_owned(), None));
    assert_eq!(pod(&client.get("/get").await.unwrap()), "two-0");
}
