//! Requests of a session reach the pod that started it.

use std::collections::BTreeSet;

use integration::backend::Backend;
use integration::harness::client::Protocol;
use integration::harness::keys;

use crate::setup::{
    COOKIE, HEADER, address, browser, client, deployment, get_with_cookie, manifests, pod, pods,
    pods_of_new_sessions, serve, start, token,
};

#[tokio::test]
async fn requests_with_the_session_cookie_reach_one_pod() {
    let pods = pods::<4>();
    let envoy = start(&deployment(&manifests(&pods, COOKIE)).with_workers(2)).await;
    let browser = browser(&envoy);
    let first = pod(&browser.get("/get").await.unwrap());
    for _ in 0..50 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
    }
}

#[tokio::test]
async fn requests_with_the_session_header_reach_one_pod() {
    let pods = pods::<4>();
    let envoy = start(&deployment(&manifests(&pods, HEADER)).with_workers(2)).await;
    let client = client(&envoy);
    let answer = client.get("/get").await.unwrap();
    let (first, token) = (pod(&answer), answer.value("session").unwrap());
    for _ in 0..50 {
        assert_eq!(pod(&client.get_with("/get", &[("session", &token)]).await.unwrap()), first);
    }
}

#[tokio::test]
async fn requests_over_http_2_reach_one_pod() {
    let pods = pods::<4>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let browser = browser(&envoy).speaking(Protocol::Http2);
    let first = pod(&browser.get("/get").await.unwrap());
    for _ in 0..50 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
    }
}

#[tokio::test]
async fn requests_without_a_session_are_load_balanced() {
    let pods = pods::<4>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let reached: BTreeSet<_> = pods_of_new_sessions(&client(&envoy), 8).await.into_iter().collect();
    assert_eq!(reached.len(), 4);
}

#[tokio::test]
async fn only_new_sessions_get_a_token() {
    let pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let (one, two) = (client.get("/get").await.unwrap(), client.get("/get").await.unwrap());
    let (one, two) = (token(&one).unwrap(), token(&two).unwrap());
    assert_ne!(one, two);
    assert!(get_with_cookie(&client, &one).await.values("set-cookie").is_empty());
}

#[tokio::test]
async fn sessions_continue_on_another_envoy_with_the_same_keys() {
    let pods = pods::<4>();
    let keys = keys::fresh().unwrap();
    let here = start(&deployment(&manifests(&pods, COOKIE)).with_keys(&keys)).await;
    let there = start(&deployment(&manifests(&pods, COOKIE)).with_keys(&keys)).await;
    for _ in 0..4 {
        let browser = browser(&here);
        let first = pod(&browser.get("/get").await.unwrap());
        let browser = browser.moved_to(address(&there));
        assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
    }
}

#[tokio::test]
async fn sessions_survive_a_restart_with_reordered_endpoints() {
    let pods = pods::<4>();
    let keys = keys::fresh().unwrap();
    let before = start(&deployment(&manifests(&pods, COOKIE)).with_keys(&keys)).await;
    let mut browsers = Vec::new();
    for _ in 0..4 {
        let browser = browser(&before);
        browsers.push((pod(&browser.get("/get").await.unwrap()), browser));
    }
    drop(before);
    let after = start(&deployment(&manifests(pods.iter().rev(), COOKIE)).with_keys(&keys)).await;
    for (first, browser) in browsers {
        let browser = browser.moved_to(address(&after));
        assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
    }
}

#[tokio::test]
async fn scaling_up_moves_no_session() {
    let pods = pods::<5>();
    let keys = keys::fresh().unwrap();
    let mut browsers = Vec::new();
    for count in [1, 2, 5] {
        let envoy = start(&deployment(&manifests(pods.iter().take(count), COOKIE)).with_keys(&keys)).await;
        let mut moved = Vec::new();
        for (first, browser) in browsers {
            let browser = integration::harness::client::Client::moved_to(browser, address(&envoy));
            assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
            moved.push((first, browser));
        }
        browsers = moved;
        for _ in 0..count {
            let browser = browser(&envoy);
            browsers.push((pod(&browser.get("/get").await.unwrap()), browser));
        }
    }
    let reached: BTreeSet<_> = browsers.iter().map(|(first, _)| first.clone()).collect();
    let all: BTreeSet<_> = pods.iter().map(|pod: &Backend| pod.pod().pod.clone()).collect();
    assert_eq!(reached, all);
}
