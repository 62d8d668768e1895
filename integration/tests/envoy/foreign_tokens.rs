//! Tokens that are forged, or issued for something else: each is rejected, and the response carries a new one.

use integration::harness::keys;
use integration::harness::manifests::Manifests;

use crate::setup::{
    COOKIE, Mint, assert_no_session, client, deployment, get_with_cookie, manifests, pod, pods, route, rule,
    serve, start, token,
};

const ROUTE: &str = "default/route/0/0";

#[tokio::test]
async fn tampered_tokens_are_rejected() {
    let pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let good = token(&client.get("/get").await.unwrap()).unwrap();
    for position in 0..good.len() {
        let mut bytes = good.clone().into_bytes();
        bytes[position] = if bytes[position] == b'A' { b'B' } else { b'A' };
        let bad = String::from_utf8(bytes).unwrap();
        assert_no_session(&client, &bad, &format!("changed at {position}")).await;
    }
    assert_eq!(token(&get_with_cookie(&client, &good).await), None);
}

#[tokio::test]
async fn truncated_and_oversized_tokens_are_rejected() {
    let pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let good = token(&client.get("/get").await.unwrap()).unwrap();
    for length in (0..good.len()).step_by(3) {
        assert_no_session(&client, good.get(..length).unwrap(), &format!("cut to {length}")).await;
    }
    for longer in [format!("{good}A"), format!("{good}{good}"), format!("{good}="), "A".repeat(20_000)] {
        assert_no_session(&client, &longer, &format!("{} characters", longer.len())).await;
    }
}

#[tokio::test]
async fn tokens_sealed_by_unknown_keys_are_rejected() {
    let pods = pods::<2>();
    let manifests = manifests(&pods, COOKIE);
    let envoy = serve(&manifests).await;
    let mint = Mint::new(&manifests, ROUTE, &keys::fresh().unwrap());
    assert_no_session(&client(&envoy), &mint.fresh(pods[0].address()), "another key").await;
}

#[tokio::test]
async fn tokens_of_another_rule_are_rejected() {
    let pods = pods::<2>();
    let rules = ["/a", "/b"].map(|prefix| rule(prefix, &[("backend", 1)], COOKIE));
    let envoy = serve(&Manifests::gateway().service("backend", &pods).with(&route("route", &rules))).await;
    let client = client(&envoy);
    let token = token(&client.get("/a/get").await.unwrap()).unwrap();
    let cookie = format!("session={token}");
    let with_token = [("cookie", cookie.as_str())];
    assert_eq!(client.get_with("/a/get", &with_token).await.unwrap().cookie("session"), None);
    let answer = client.get_with("/b/get", &with_token).await.unwrap();
    assert!(answer.cookie("session").is_some());
}

#[tokio::test]
async fn tokens_of_another_carrier_are_rejected() {
    let pods = pods::<2>();
    let keys = keys::fresh().unwrap();
    let in_header = manifests(&pods, "{sessionName: session, type: Header}");
    let in_cookie = manifests(&pods, "{sessionName: session, type: Cookie}");
    let envoy = start(&deployment(&in_cookie).with_keys(&keys)).await;
    let client = client(&envoy);
    let token = Mint::new(&in_cookie, ROUTE, &keys).fresh(pods[0].address());
    assert_eq!(crate::setup::token(&get_with_cookie(&client, &token).await), None);
    let token = Mint::new(&in_header, ROUTE, &keys).fresh(pods[0].address());
    assert_no_session(&client, &token, "a header's token in a cookie").await;
}

#[tokio::test]
async fn tokens_cannot_reach_endpoints_outside_the_service() {
    let pods = pods::<2>();
    let [outsider] = crate::setup::pods_of("outsider");
    let manifests = manifests(&pods, COOKIE);
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
    let token = Mint::new(&manifests, ROUTE, &keys).fresh(outsider.address());
    let answer = get_with_cookie(&client(&envoy), &token).await;
    assert!(pod(&answer).starts_with("backend-"));
    assert!(answer.cookie("session").is_some());
    assert_eq!(outsider.requests(), 0);
}
