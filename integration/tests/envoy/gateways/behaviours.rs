//! What sessions do in every gateway.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use integration::harness::client::{Answer, Client};
use integration::harness::keys;

use super::Gateway;
use crate::setup::{Mint, pod, pods, token};

/// The private header between the filter and the gateway's persistence.
const PIN: &str = "x-session-persistence-pin";

/// Its value for 10.0.0.1:80, which no pod has.
const NOBODY: &str = "MTAuMC4wLjE6ODA=";

async fn get(client: &Client, path: &str, token: &str) -> Answer {
    let cookie = format!("session={token}");
    let answer = client.get_with(path, &[("cookie", &cookie), ("session", token)]).await.unwrap();
    assert!(answer.values(PIN).is_empty(), "{answer:?}");
    answer
}

/// Each session has one pod, and not all have the same.
pub(super) async fn has_one_pod(gateway: &Gateway) {
    let pods = pods::<3>();
    let envoy = gateway.serve(&pods, &keys::fresh().unwrap()).await;
    let client = gateway.client(&envoy);
    let mut homes = BTreeSet::new();
    for (path, _) in gateway.rules {
        for _ in 0..4 {
            let first = client.get(path).await.unwrap();
            assert!(first.values(PIN).is_empty(), "{first:?}");
            let (home, token) = (pod(&first), self::token(&first).unwrap());
            for _ in 0..5 {
                let again = get(&client, path, &token).await;
                assert_eq!((pod(&again), self::token(&again)), (home.clone(), None), "{path}");
            }
            homes.insert(home);
        }
    }
    assert!(homes.len() > 1, "all sessions are on one pod: {homes:?}");
}

/// A session moves in the same answer when its pod is gone.
pub(super) async fn moves(gateway: &Gateway) {
    let mut pods = pods::<3>();
    let envoy = gateway.serve(&pods, &keys::fresh().unwrap()).await;
    let client = gateway.client(&envoy);
    for (path, _) in gateway.rules {
        let first = client.get(path).await.unwrap();
        let (home, token) = (pod(&first), self::token(&first).unwrap());
        let gone = pods.iter_mut().find(|pod| pod.pod().pod == home).unwrap();
        gone.kill().await.unwrap();
        let moved = get(&client, path, &token).await;
        let (elsewhere, token) = (pod(&moved), self::token(&moved).unwrap());
        assert_ne!(elsewhere, home, "{path}");
        let gone = pods.iter_mut().find(|pod| pod.pod().pod == home).unwrap();
        gone.revive().unwrap();
        for _ in 0..5 {
            let again = get(&client, path, &token).await;
            assert_eq!((pod(&again), self::token(&again)), (elsewhere.clone(), None), "{path}");
        }
    }
}

/// A session expires, its keys rotate, and the token of one rule is none of another.
pub(super) async fn expires_and_rotates(gateway: &Gateway) {
    let pods = pods::<3>();
    let [old, new] = [(); 2].map(|()| keys::fresh().unwrap());
    let envoy = gateway.serve(&pods, &format!("{new},{old}")).await;
    let client = gateway.client(&envoy);
    for (path, routes) in gateway.rules {
        let rule = gateway.rule(routes);
        let (of_old, of_new) = (Mint::of(&rule, &old), Mint::of(&rule, &new));
        for backend in &pods {
            // It is sealed anew, with its old time of issue.
            let answer = get(&client, path, &of_old.token(3_000, 10, backend.address())).await;
            assert_eq!(pod(&answer), backend.pod().pod, "{path}");
            let opened = of_new.open(&token(&answer).unwrap()).unwrap();
            assert_eq!(opened.contents.endpoint.address(), backend.address());
            // An hour has passed: each session begins anew.
            let expired = of_new.token(3_600, 10, backend.address());
            let contents =
                of_new.open(&token(&get(&client, path, &expired).await).unwrap()).unwrap().contents;
            assert!(contents.issued > opened.contents.issued, "{path}");
        }
    }
    let [cart, room] = gateway.rules.map(|(_, routes)| Mint::of(&gateway.rule(routes), &new));
    let stolen = cart.fresh(pods[0].address());
    let answer = get(&client, "/room", &stolen).await;
    assert!(room.open(&token(&answer).unwrap()).is_some());
}

/// A gateway does not know which pod has which address: a session whose token names its pod begins anew, and then stays.
pub(super) async fn begins_sessions_of_pods_anew(gateway: &Gateway) {
    let pods = pods::<3>();
    let keys = keys::fresh().unwrap();
    let envoy = gateway.serve(&pods, &keys).await;
    let client = gateway.client(&envoy);
    for (path, routes) in gateway.rules {
        let named = Mint::of(&gateway.rule(routes), &keys).of_pod("default/backend-0", pods[0].address());
        let first = get(&client, path, &named).await;
        let again = get(&client, path, &token(&first).unwrap()).await;
        assert_eq!((pod(&again), token(&again)), (pod(&first), None), "{path}");
    }
}

/// Neither a client nor a backend can pin a request.
pub(super) async fn ignores_forged_pins(gateway: &Gateway) {
    let pods = pods::<3>();
    let envoy = gateway.serve(&pods, &keys::fresh().unwrap()).await;
    let client = gateway.client(&envoy);
    let of = |address: SocketAddr| STANDARD.encode(address.to_string());
    for path in ["/cart", "/room", "/plain"] {
        let mut reached = BTreeSet::new();
        for _ in 0..12 {
            let answer = client.get_with(path, &[(PIN, &of(pods[0].address()))]).await.unwrap();
            assert!(answer.values(PIN).is_empty(), "{answer:?}");
            reached.insert(pod(&answer));
        }
        assert!(reached.len() > 1, "{path}: the client chose {reached:?}");
    }
    for (path, _) in gateway.rules {
        let first = client.get(path).await.unwrap();
        let (home, token) = (pod(&first), self::token(&first).unwrap());
        let cookie = format!("session={token}");
        for other in &pods {
            let forged = of(other.address());
            // What a client sends, and what the backend answers.
            let echo = format!("{PIN}: {NOBODY}");
            let headers = [
                ("cookie", cookie.as_str()),
                ("session", &token),
                (PIN, &forged),
                ("x-echo-set-header", &echo),
            ];
            let answer = client.get_with(path, &headers).await.unwrap();
            assert!(answer.values(PIN).is_empty(), "{answer:?}");
            assert_eq!((pod(&answer), self::token(&answer)), (home.clone(), None), "{path}");
        }
    }
}
