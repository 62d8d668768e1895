//! Timeouts and retries together with sessions.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use integration::backend::{Backend, Behaviour};
use integration::harness::client::{Answer, Client};
use integration::harness::envoy::Process;
use integration::harness::keys;
use integration::harness::manifests::{Endpoint, EndpointState, Manifests, SERVICE_PORT};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

use crate::setup::{
    COOKIE, Mint, client, deployment, get_with_cookie, pod, pods, route, serve, serve_valid_parts, start,
    token,
};

/// A route with one rule of these fields, and these pods.
fn with<'a>(fields: &str, pods: impl IntoIterator<Item = &'a Backend>) -> Manifests {
    let rule = format!("{{backendRefs: [{{name: backend, port: {SERVICE_PORT}}}], {fields}}}");
    Manifests::gateway().service("backend", pods).with(&route("route", &[rule]))
}

/// The response to a request that the backend delays.
async fn delayed(client: &Client, delay: &str) -> Answer {
    client.get(&format!("/get?delay={delay}")).await.unwrap()
}

/// The status of a request that fails this number of times before it succeeds: with this status or, without one, by a closed
/// connection.
async fn after(client: &Client, failures: u32, status: Option<u16>) -> u16 {
    failing(client, failures, status).await.status
}

async fn failing(client: &Client, failures: u32, status: Option<u16>) -> Answer {
    let mut number = [0; 16];
    getrandom::fill(&mut number).unwrap();
    let uuid = u128::from_ne_bytes(number);
    let status = status.map(|status| format!("&responseCode={status}")).unwrap_or_default();
    client.get(&format!("/retry/x?uuid={uuid}&succeedAfter={failures}{status}")).await.unwrap()
}

#[tokio::test]
async fn timeouts_answer_504_without_a_retry() {
    for timeouts in ["request: 200ms", "backendRequest: 200ms", "request: 400ms, backendRequest: 200ms"] {
        let pods = pods::<1>();
        let envoy = serve(&with(&format!("timeouts: {{{timeouts}}}"), &pods)).await;
        let client = client(&envoy);
        assert_eq!(delayed(&client, "0ms").await.status, 200, "{timeouts}");
        let start = Instant::now();
        assert_eq!(delayed(&client, "2s").await.status, 504, "{timeouts}");
        assert!(start.elapsed() < Duration::from_secs(2), "{timeouts}");
        assert_eq!(pods[0].requests(), 2, "timeouts are not retried without `retry`");
    }
}

#[tokio::test]
async fn sessions_fail_over_within_the_timeout() {
    for timeouts in ["request: 1s", "backendRequest: 500ms", "request: 1s, backendRequest: 500ms"] {
        let mut pods = pods::<3>();
        let envoy =
            serve(&with(&format!("timeouts: {{{timeouts}}}, sessionPersistence: {COOKIE}"), &pods)).await;
        assert_moves_once(&envoy, &mut pods).await;
    }
}

#[tokio::test]
async fn sessions_fail_over_with_a_single_retry() {
    for retry in ["{attempts: 1}", "{codes: [500], attempts: 1}", "{codes: [503]}", "{}"] {
        let mut pods = pods::<2>();
        let envoy = serve(&with(&format!("retry: {retry}, sessionPersistence: {COOKIE}"), &pods)).await;
        assert_moves_once(&envoy, &mut pods).await;
    }
}

/// Asserts that the session of a killed pod moves to another one with a new token, and stays there.
async fn assert_moves_once(envoy: &Process, pods: &mut [Backend]) {
    let client = client(envoy);
    let answer = client.get("/get").await.unwrap();
    let (first, old) = (pod(&answer), token(&answer).unwrap());
    pods.iter_mut().find(|one| one.pod().pod == first).unwrap().kill().await.unwrap();
    let answer = get_with_cookie(&client, &old).await;
    let (second, new) = (pod(&answer), token(&answer).unwrap());
    assert_ne!(second, first);
    for _ in 0..5 {
        assert_eq!(pod(&get_with_cookie(&client, &new).await), second);
    }
}

#[tokio::test]
async fn listed_statuses_are_retried_up_to_the_number_of_attempts() {
    let pods = pods::<1>();
    let envoy = serve(&with("retry: {codes: [500, 429], attempts: 3}", &pods)).await;
    let client = client(&envoy);
    for status in [500, 429] {
        assert_eq!(after(&client, 3, Some(status)).await, 200);
        assert_eq!(after(&client, 4, Some(status)).await, status);
    }
    for status in [503, 404] {
        assert_eq!(after(&client, 1, Some(status)).await, status, "this status is not listed");
    }
}

#[tokio::test]
async fn connection_failures_are_retried_by_rules_with_retry() {
    let pods = pods::<1>();
    let envoy = serve(&with("retry: {attempts: 3}", &pods)).await;
    let client = client(&envoy);
    assert_eq!(after(&client, 3, None).await, 200);
    assert_eq!(after(&client, 4, None).await, 503);
    assert_eq!(after(&client, 1, Some(500)).await, 500);
}

/// Gateway API 1.7, `HTTPRouteRetry`: the default of `attempts` is 1.
#[tokio::test]
async fn a_rule_with_retry_retries_once_by_default() {
    let pods = pods::<1>();
    let envoy = serve(&with("retry: {codes: [500]}", &pods)).await;
    let client = client(&envoy);
    for failure in [None, Some(500)] {
        assert_eq!(after(&client, 1, failure).await, 200);
        assert_eq!(after(&client, 2, failure).await, failure.unwrap_or(503));
    }
}

#[tokio::test]
async fn posts_are_not_repeated_without_retry() {
    let pods = pods::<1>();
    let envoy = serve(&with("timeouts: {request: 5s}", &pods)).await;
    let answer = client(&envoy).post("/retry/x?uuid=1&succeedAfter=1").await.unwrap();
    assert_eq!((answer.status, pods[0].requests()), (503, 1));
}

/// Envoy would retry on the other pod, which does not have the session.
#[tokio::test]
async fn requests_with_a_session_are_not_retried_on_another_endpoint() {
    let pods = pods::<2>();
    let fields = format!("retry: {{codes: [500], attempts: 2}}, sessionPersistence: {COOKIE}");
    let envoy = serve(&with(&fields, &pods)).await;
    let client = client(&envoy);
    let answer = client.get("/get").await.unwrap();
    let (first, old) = (pod(&answer), token(&answer).unwrap());
    let other = pods.iter().find(|one| one.pod().pod != first).unwrap();
    let before = other.requests();
    for _ in 0..4 {
        let cookie = format!("session={old}");
        let answer = client.get_with("/status/500", &[("cookie", &cookie)]).await.unwrap();
        assert_eq!((answer.status, token(&answer)), (500, None));
    }
    assert_eq!(other.requests(), before);
    assert_eq!(pod(&get_with_cookie(&client, &old).await), first);
}

#[tokio::test]
async fn new_sessions_start_at_the_endpoint_that_finally_answers() {
    let pods = pods::<2>();
    let fields = format!("retry: {{codes: [500], attempts: 3}}, sessionPersistence: {COOKIE}");
    let envoy = serve(&with(&fields, &pods)).await;
    let client = client(&envoy);
    for _ in 0..4 {
        let answer = failing(&client, 1, Some(500)).await;
        let (reached, token) = (pod(&answer), token(&answer).unwrap());
        assert_eq!(pod(&get_with_cookie(&client, &token).await), reached);
    }
    assert!(pods.iter().all(|one| one.requests() > 0), "retries go to the other pod");
}

#[tokio::test]
async fn sessions_fail_over_when_an_attempt_times_out() {
    let pods = pods::<2>();
    let fields =
        format!("retry: {{attempts: 1}}, timeouts: {{backendRequest: 300ms}}, sessionPersistence: {COOKIE}");
    let envoy = serve(&with(&fields, &pods)).await;
    let client = client(&envoy);
    let answer = client.get("/get").await.unwrap();
    let (first, old) = (pod(&answer), token(&answer).unwrap());
    pods.iter().find(|one| one.pod().pod == first).unwrap().behave(Behaviour::Pause);
    let answer = get_with_cookie(&client, &old).await;
    assert_ne!(pod(&answer), first);
    assert!(token(&answer).is_some());
}

#[tokio::test]
async fn clients_cannot_change_timeouts_or_retries() {
    let pods = pods::<1>();
    let envoy = serve(&with("timeouts: {request: 10s}", &pods)).await;
    let client = client(&envoy);
    for (name, value) in
        [("x-envoy-upstream-rq-timeout-ms", "100"), ("x-envoy-expected-rq-timeout-ms", "100")]
    {
        assert_eq!(
            client.get_with("/get?delay=500ms", &[(name, value)]).await.unwrap().status,
            200,
            "{name}"
        );
    }
    let before = pods[0].requests();
    let retries = [("x-envoy-retry-on", "5xx"), ("x-envoy-max-retries", "5")];
    assert_eq!(client.get_with("/status/500", &retries).await.unwrap().status, 500);
    assert_eq!(pods[0].requests(), before + 1);
}

/// The 500 for a missing backend is final: no other backend is tried.
#[tokio::test]
async fn retries_do_not_replace_a_missing_backend() {
    let pods = pods::<1>();
    let session = ", sessionPersistence: {sessionName: session, absoluteTimeout: 1h}";
    for (retry, persistence) in [
        (", retry: {codes: [500], attempts: 5}", ""),
        (", retry: {codes: [500], attempts: 5}", session),
        ("", ""),
    ] {
        let refs =
            format!("backendRefs: [{{name: backend, port: {SERVICE_PORT}}}, {{name: none, port: 80}}]");
        let rule = format!("{{{refs}{retry}{persistence}}}");
        let manifests = Manifests::gateway().service("backend", &pods).with(&route("route", &[rule]));
        let envoy = serve_valid_parts(&manifests).await;
        let client = client(&envoy);
        let mut refused = 0;
        for _ in 0..20 {
            let answer = client.get("/get").await.unwrap();
            assert!(answer.headers.iter().all(|(name, _)| name != "server" && !name.starts_with("x-envoy")));
            refused += u32::from(answer.status == 500);
        }
        assert_eq!(refused, 10, "{persistence}");
    }
}

#[tokio::test]
async fn envoy_accepts_the_extreme_durations_of_the_api() {
    for time in ["99999h99999h99999h99999h", "1ms", "0ms"] {
        let pods = pods::<1>();
        let retry = format!("retry: {{codes: [500], attempts: 1, backoff: {time}}}");
        let timeouts = format!("timeouts: {{request: {time}, backendRequest: {time}}}");
        let envoy = serve(&with(&format!("{retry}, {timeouts}"), &pods)).await;
        assert!(client(&envoy).get("/get").await.is_ok(), "{time}");
    }
}

/// A lost node does not even refuse connections.
#[tokio::test]
async fn sessions_fail_over_when_connections_time_out() {
    let pods = pods::<1>();
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap();
    let (gone, mut waiting) = (socket.listen(1).unwrap(), Vec::new());
    let address = gone.local_addr().unwrap();
    // These are never accepted; once the backlog is full, the system drops further connections.
    while let Ok(connected) = timeout(Duration::from_millis(300), TcpStream::connect(address)).await {
        waiting.push(connected.unwrap());
    }
    let rule = format!(
        "{{backendRefs: [{{name: backend, port: {SERVICE_PORT}}}, {{name: gone, port: {SERVICE_PORT}}}], \
         timeouts: {{request: 1s}}, sessionPersistence: {COOKIE}}}"
    );
    let lost = Endpoint { address, state: EndpointState::Ready };
    let manifests = Manifests::gateway().service("backend", &pods).service("gone", [lost]);
    let manifests = manifests.with(&route("route", &[rule]));
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
    let old = Mint::new(&manifests, "default/route/0/0", &keys).fresh(address);
    let answer = get_with_cookie(&client(&envoy), &old).await;
    assert_eq!(pod(&answer), pods[0].pod().pod);
    assert!(token(&answer).is_some());
}
