//! Endpoints that fail, drain, or are not ready.

use std::time::Duration;

use integration::backend::{Backend, Behaviour};
use integration::harness::manifests::{Endpoint, EndpointState, Manifests};
use integration::harness::{deadline, keys};

use crate::setup::{
    COOKIE, HEADER, Mint, client, deployment, get_with_cookie, manifests, pod, pods, pods_of_new_sessions,
    route, rule, serve, start, token,
};

#[tokio::test]
async fn failover_issues_a_new_cookie_in_the_same_response() {
    let mut pods = pods::<3>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let answer = client.get("/get").await.unwrap();
    let (first, token) = (pod(&answer), token(&answer).unwrap());
    named(&mut pods, &first).kill().await.unwrap();

    let answer = get_with_cookie(&client, &token).await;
    let second = pod(&answer);
    assert_ne!(second, first);
    let token = answer.cookie("session").unwrap();
    for _ in 0..10 {
        let answer = get_with_cookie(&client, &token).await;
        assert_eq!((pod(&answer), answer.cookie("session")), (second.clone(), None));
    }
}

#[tokio::test]
async fn failover_issues_a_new_session_header_in_the_same_response() {
    let mut pods = pods::<3>();
    let envoy = serve(&manifests(&pods, HEADER)).await;
    let client = client(&envoy);
    let answer = client.get("/get").await.unwrap();
    let (first, token) = (pod(&answer), answer.value("session").unwrap());
    named(&mut pods, &first).kill().await.unwrap();

    let answer = client.get_with("/get", &[("session", &token)]).await.unwrap();
    assert_ne!(pod(&answer), first);
    let token = answer.value("session").unwrap();
    let again = client.get_with("/get", &[("session", &token)]).await.unwrap();
    assert_eq!((pod(&again), again.value("session")), (pod(&answer), None));
}

#[tokio::test]
async fn moved_sessions_stay_when_the_first_endpoint_returns() {
    let mut pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let answer = client.get("/get").await.unwrap();
    let first = pod(&answer);
    let dead = named(&mut pods, &first);
    dead.kill().await.unwrap();
    let answer = get_with_cookie(&client, &token(&answer).unwrap()).await;
    dead.revive().unwrap();
    for _ in 0..5 {
        assert_eq!(pod(&get_with_cookie(&client, &token(&answer).unwrap()).await), pod(&answer));
    }
}

#[tokio::test]
async fn draining_endpoints_keep_sessions_and_get_no_new_ones() {
    let pods = pods::<2>();
    let [draining, ready] = pods.each_ref().map(Endpoint::from);
    let manifests = service([draining.in_state(EndpointState::Draining), ready]);
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
    let client = client(&envoy);
    let token = Mint::new(&manifests, "default/route/0/0", &keys).fresh(draining.address);
    for _ in 0..10 {
        let answer = get_with_cookie(&client, &token).await;
        assert_eq!((pod(&answer).as_str(), answer.cookie("session")), ("backend-0", None));
        assert_eq!(pods_of_new_sessions(&client, 2).await, ["backend-1"; 2]);
    }
}

#[tokio::test]
async fn unready_endpoints_get_no_requests_and_their_sessions_move() {
    let pods = pods::<2>();
    let [unready, ready] = pods.each_ref().map(Endpoint::from);
    let manifests = service([unready.in_state(EndpointState::Unready), ready]);
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
    let client = client(&envoy);
    let token = Mint::new(&manifests, "default/route/0/0", &keys).fresh(unready.address);
    let answer = get_with_cookie(&client, &token).await;
    assert_eq!(pod(&answer), "backend-1");
    assert!(answer.cookie("session").is_some());
    assert_eq!(pods_of_new_sessions(&client, 4).await, ["backend-1"; 4]);
}

#[tokio::test]
async fn local_replies_issue_no_token_without_endpoints() {
    let envoy = serve(&manifests(&[], COOKIE)).await;
    let answer = client(&envoy).get("/get").await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.values("set-cookie").is_empty());
}

#[tokio::test]
async fn local_replies_issue_no_token_when_all_endpoints_are_down() {
    let mut pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    for pod in &mut pods {
        pod.kill().await.unwrap();
    }
    let answer = client(&envoy).get("/get").await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.values("set-cookie").is_empty());
}

#[tokio::test]
async fn local_replies_issue_no_token_when_the_endpoint_resets() {
    let pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let session = token(&client.get("/get").await.unwrap()).unwrap();
    for pod in &pods {
        pod.behave(Behaviour::HangUp);
    }
    for answer in [client.get("/get").await.unwrap(), get_with_cookie(&client, &session).await] {
        assert_eq!(answer.status, 503);
        assert!(answer.values("set-cookie").is_empty(), "{answer:?}");
    }
}

#[tokio::test]
async fn slow_endpoints_keep_their_sessions() {
    let pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let answer = client.get("/get").await.unwrap();
    let slow = pods.iter().find(|found| found.pod().pod == pod(&answer)).unwrap();
    let before = slow.requests();
    slow.behave(Behaviour::Pause);
    let session = token(&answer).unwrap();
    let (again, ()) = tokio::join!(get_with_cookie(&client, &session), async {
        let arrived = async || (slow.requests() > before).then_some(());
        deadline::until(Duration::from_secs(30), arrived).await.unwrap();
        slow.behave(Behaviour::Answer);
    });
    assert_eq!((pod(&again), again.cookie("session")), (pod(&answer), None));
}

#[tokio::test]
async fn backend_errors_start_sessions() {
    let pods = pods::<2>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let answer = client(&envoy).get("/status/503").await.unwrap();
    assert_eq!(answer.status, 503);
    assert!(answer.cookie("session").is_some());
}

fn named<'a>(pods: &'a mut [Backend], name: &str) -> &'a mut Backend {
    pods.iter_mut().find(|pod| pod.pod().pod == name).unwrap()
}

fn service(endpoints: [Endpoint; 2]) -> Manifests {
    let rule = rule("/", &[("backend", 1)], COOKIE);
    Manifests::gateway().service("backend", endpoints).with(&route("route", &[rule]))
}
