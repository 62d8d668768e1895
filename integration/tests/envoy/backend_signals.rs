//! Sessions that start and end with those of the backend (`startOn` and `endOn` of a `SessionPersistencePolicy`).

use std::collections::BTreeSet;

use integration::backend::Backend;
use integration::harness::client::{Answer, Client};
use integration::harness::manifests::Manifests;

use crate::setup::{COOKIE, HEADER, client, pod, pods, route, rule, serve, token};
use crate::strict::settings;

const ROUTE: &str = "kind: HTTPRoute, name: route";

fn manifests(pods: &[Backend], persistence: &str, fields: &str) -> Manifests {
    Manifests::gateway()
        .service("backend", pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], persistence)]))
        .with(&settings(ROUTE, fields))
}

/// A request whose backend sets these headers, with a token unless that is empty.
async fn ask(client: &Client, token: &str, set: &str) -> Answer {
    let cookie = format!("session={token}");
    let mut headers = vec![("x-echo-set-header", set)];
    if !token.is_empty() {
        headers.extend([("cookie", cookie.as_str()), ("session", token)]);
    }
    client.get_with("/get", &headers).await.unwrap()
}

#[tokio::test]
async fn a_session_starts_only_when_the_backend_sets_its_cookie_or_header() {
    let cookie = "startOn: {backendCookie: {name: JSESSIONID}}";
    let header = "startOn: {backendHeader: {name: X-Room}}";
    for (persistence, fields, starts, others) in [
        (
            COOKIE,
            cookie,
            "set-cookie: theme=dark, set-cookie: JSESSIONID=1; Path=/",
            &["set-cookie: theme=JSESSIONID=1", "set-cookie: JSESSIONID=; Max-Age=0", "JSESSIONID: 1"][..],
        ),
        (HEADER, cookie, "set-cookie: JSESSIONID=1", &["set-cookie: jsessionid=1"]),
        (COOKIE, header, "x-room: 7", &["x-rooms: 7"]),
        (HEADER, header, "x-room:", &["set-cookie: x-room=1"]),
    ] {
        let pods = pods::<3>();
        let envoy = serve(&manifests(&pods, persistence, fields)).await;
        let client = client(&envoy);
        let mut reached = BTreeSet::new();
        for _ in 0..4 {
            for set in ["", others[0], others[others.len() - 1], others[others.len() / 2]] {
                let answer = ask(&client, "", set).await;
                assert_eq!(token(&answer), None, "{fields} {set:?}");
                assert_eq!(answer.value("cache-control"), None);
                reached.insert(pod(&answer));
            }
        }
        assert_eq!(reached.len(), 3, "{fields}");
        let first = ask(&client, "", starts).await;
        let started = token(&first).unwrap_or_else(|| panic!("{fields}: {first:?}"));
        for _ in 0..6 {
            let again = ask(&client, &started, "").await;
            assert_eq!((pod(&again), token(&again)), (pod(&first), None), "{fields}");
        }
        let events = async |event| envoy.admin().session_events(event).await.unwrap();
        assert_eq!((events("not_started.backend").await, events("started").await), (16, 1), "{fields}");
    }
}

#[tokio::test]
async fn a_session_moves_although_the_new_endpoint_does_not_set_the_cookie() {
    let mut pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE, "startOn: {backendCookie: {name: JSESSIONID}}")).await;
    let client = client(&envoy);
    let first = ask(&client, "", "set-cookie: JSESSIONID=1").await;
    let (served, other) = if pod(&first) == pods[0].pod().pod { (0, 1) } else { (1, 0) };
    pods[served].kill().await.unwrap();
    let moved = ask(&client, &token(&first).unwrap(), "").await;
    assert_eq!(pod(&moved), pods[other].pod().pod);
    let again = ask(&client, &token(&moved).unwrap(), "").await;
    assert_eq!((pod(&again), token(&again)), (pod(&moved), None));
}

#[tokio::test]
async fn the_backend_ends_a_session_and_the_client_loses_its_token() {
    for (persistence, fields) in [
        (COOKIE, "endOn: {backendHeader: {name: X-Logout}}"),
        (HEADER, "endOn: {backendHeader: {name: X-Logout}}"),
        (COOKIE, "onEndpointLost: Reject, endOn: {backendHeader: {name: X-Logout}}"),
    ] {
        let pods = pods::<2>();
        let envoy = serve(&manifests(&pods, persistence, fields)).await;
        let client = client(&envoy);
        let first = ask(&client, "", "").await;
        let ours = token(&first).unwrap();
        let last = ask(&client, &ours, "x-logout: 1").await;
        assert_eq!((pod(&last), token(&last).as_deref()), (pod(&first), Some("")), "{fields}");
        assert_eq!(last.value("x-logout").as_deref(), Some("1"), "the client sees it");
        if let Some(cookie) = last.set_cookie("session") {
            assert!(cookie.contains("; Max-Age=0; "), "{cookie}");
        }
        // Without a session, there is nothing to end, and none starts.
        assert_eq!(token(&ask(&client, "", "x-logout:").await), None, "{fields}");
        let events = async |event| envoy.admin().session_events(event).await.unwrap();
        assert_eq!((events("ended.backend").await, events("started").await), (1, 1), "{fields}");
    }
}
