//! Health checks and outlier detection of a `BackendTrafficPolicy`: an endpoint that Envoy finds unhealthy loses its sessions to
//! another one in the same answer, without an error; a draining one keeps them.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use integration::backend::{Backend, Overlaid, Overlay, Pod};
use integration::harness::client::{Answer, Client};
use integration::harness::deadline::until;
use integration::harness::envoy::Process;
use integration::harness::keys;
use integration::harness::manifests::{Endpoint, EndpointState, Manifests, SERVICE_PORT};
use session_persistence::names::OVERRIDE_HOST_HEADER;

use crate::setup::{
    COOKIE, HEADER, Mint, client, deployment, pod, pods, pods_of, pods_of_new_sessions, route, rule, serve,
    start, token,
};
use crate::traffic_policies::policy;

/// How long a state is waited for.
const LIMIT: Duration = Duration::from_secs(20);

/// Envoy asks for `/healthz` ten times a second.
pub(crate) const ACTIVE: &str =
    "healthCheck: {active: {type: HTTP, interval: 100ms, unhealthyThreshold: 1, http: {path: /healthz}}}";

/// Two errors in a row eject an endpoint.
const PASSIVE: &str = "healthCheck: {passive: {consecutive5XxErrors: 2, interval: 100ms, baseEjectionTime: 300s, \
                       maxEjectionPercent: 100}}";

/// Whether a pod fails its health checks; it answers all other requests.
#[derive(Debug, Default)]
struct Sickness(AtomicBool);

impl Overlay for Sickness {
    fn answer<'a>(&'a self, request: &'a Request<Incoming>, _: &'a Pod) -> Overlaid<'a> {
        Box::pin(async {
            let mut response = Response::default();
            if self.0.load(Ordering::Relaxed) {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
            (request.uri().path() == "/healthz").then_some(response)
        })
    }
}

/// A pod, and whether it fails its health checks.
pub(crate) struct Patient {
    pub(crate) backend: Backend,
    sickness: Arc<Sickness>,
}

impl Patient {
    pub(crate) fn fails(&self, fails: bool) {
        self.sickness.0.store(fails, Ordering::Relaxed);
    }
}

impl From<&Patient> for Endpoint {
    fn from(patient: &Patient) -> Self {
        Self::from(&patient.backend)
    }
}

pub(crate) fn patients<const N: usize>() -> [Patient; N] {
    std::array::from_fn(|number| {
        let (address, sickness) = (SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), Arc::new(Sickness::default()));
        let pod = Pod::new("backend", &format!("backend-{number}"));
        let backend = Backend::start_with(address, pod, Some(Arc::clone(&sickness) as Arc<dyn Overlay>));
        Patient { backend: backend.unwrap(), sickness }
    })
}

/// A route for all requests to these pods, with this policy.
pub(crate) fn with(
    fields: &str,
    persistence: &str,
    pods: impl IntoIterator<Item = impl Into<Endpoint>>,
) -> Manifests {
    Manifests::gateway()
        .service("backend", pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], persistence)]))
        .with(&policy("policy", "kind: HTTPRoute, name: route", fields))
}

/// Waits until Envoy finds this number of endpoints healthy.
pub(crate) async fn until_healthy(envoy: &Process, expected: u64) {
    let reached = async || {
        let found = envoy.admin().stats("membership_healthy").await.unwrap();
        (found.values().sum::<u64>() == expected).then_some(())
    };
    until(LIMIT, reached).await.unwrap();
}

/// The token as a request header, by the kind of session.
pub(crate) fn session(persistence: &str, token: &str) -> (&'static str, String) {
    if persistence == COOKIE { ("cookie", format!("session={token}")) } else { ("session", token.to_owned()) }
}

pub(crate) async fn ask(client: &Client, path: &str, (name, value): &(&str, String)) -> Answer {
    let answer = client.get_with(path, &[(name, value)]).await.unwrap();
    assert!(answer.values(OVERRIDE_HOST_HEADER).is_empty(), "{answer:?}");
    answer
}

/// A new session: its pod, and its token as a request header.
pub(crate) async fn begin(client: &Client, persistence: &str) -> (String, (&'static str, String)) {
    let first = client.get("/get").await.unwrap();
    let begun = (pod(&first), session(persistence, &token(&first).unwrap()));
    for _ in 0..6 {
        let again = ask(client, "/get", &begun.1).await;
        assert_eq!((pod(&again), token(&again)), (begun.0.clone(), None), "{persistence}");
    }
    begun
}

/// Asserts that a session moves to another endpoint in an answer that has a token for that, after none but answers of its own
/// endpoint; and that it stays there. (Workers learn of an unhealthy endpoint a little after it is counted.)
async fn assert_moves(
    client: &Client,
    persistence: &str,
    home: &str,
    old: &(&'static str, String),
) -> (&'static str, String) {
    let moved = async || {
        let answer = ask(client, "/get", old).await;
        let is_moved = pod(&answer) != home;
        assert_eq!(token(&answer).is_some(), is_moved, "{persistence}: {answer:?}");
        is_moved.then_some(answer)
    };
    let moved = until(LIMIT, moved).await.unwrap();
    let (elsewhere, new) = (pod(&moved), session(persistence, &token(&moved).unwrap()));
    for _ in 0..6 {
        let again = ask(client, "/get", &new).await;
        assert_eq!((pod(&again), token(&again)), (elsewhere.clone(), None), "{persistence}");
    }
    new
}

/// Waits until nine new sessions in a row begin at this pod or not.
async fn until_chosen(client: &Client, pod: &str, expected: bool) {
    let chosen = async || {
        let pods = pods_of_new_sessions(client, 9).await;
        (pods.iter().any(|one| one == pod) == expected).then_some(())
    };
    until(LIMIT, chosen).await.unwrap();
}

#[tokio::test]
async fn an_endpoint_that_fails_its_health_check_loses_its_sessions_in_the_same_answer() {
    for persistence in [COOKIE, HEADER] {
        let pods = patients::<3>();
        let envoy = serve(&with(ACTIVE, persistence, &pods)).await;
        until_healthy(&envoy, 3).await;
        let client = client(&envoy);
        let (home, old) = begin(&client, persistence).await;
        let sick = pods.iter().find(|one| one.backend.pod().pod == home).unwrap();
        sick.fails(true);
        until_healthy(&envoy, 2).await;
        let new = assert_moves(&client, persistence, &home, &old).await;
        until_chosen(&client, &home, false).await;
        // When it is healthy again, it gets new sessions, and the old one stays where it is.
        sick.fails(false);
        until_healthy(&envoy, 3).await;
        until_chosen(&client, &home, true).await;
        assert_ne!(pod(&ask(&client, "/get", &new).await), home, "{persistence}");
    }
}

#[tokio::test]
async fn an_ejected_endpoint_loses_its_sessions_in_the_same_answer() {
    for persistence in [COOKIE, HEADER] {
        let pods = pods::<3>();
        let envoy = serve(&with(PASSIVE, persistence, &pods)).await;
        let client = client(&envoy);
        let (home, old) = begin(&client, persistence).await;
        for _ in 0..2 {
            let failed = ask(&client, "/status/503", &old).await;
            assert_eq!((failed.status, token(&failed)), (503, None), "{persistence}");
        }
        until_healthy(&envoy, 2).await;
        assert_moves(&client, persistence, &home, &old).await;
        until_chosen(&client, &home, false).await;
    }
}

/// Ten percent of three endpoints are none.
#[tokio::test]
async fn the_limit_of_ejections_is_that_of_the_policy() {
    for (more, is_ejected) in [("", false), (", alwaysEjectOneEndpoint: true", true)] {
        let pods = pods::<3>();
        let fields = format!("healthCheck: {{passive: {{consecutive5XxErrors: 2{more}}}}}");
        let envoy = serve(&with(&fields, COOKIE, &pods)).await;
        let client = client(&envoy);
        let (home, old) = begin(&client, COOKIE).await;
        for _ in 0..2 {
            assert_eq!(ask(&client, "/status/500", &old).await.status, 500);
        }
        let decided = if is_ejected { "ejections_enforced_total" } else { "ejections_overflow" };
        let counted = async || {
            let found = envoy.admin().stats(decided).await.unwrap();
            (found.values().sum::<u64>() > 0).then_some(())
        };
        until(LIMIT, counted).await.unwrap();
        if is_ejected {
            assert_moves(&client, COOKIE, &home, &old).await;
        } else {
            assert_eq!(pod(&ask(&client, "/get", &old).await), home);
        }
    }
}

#[tokio::test]
async fn a_draining_endpoint_keeps_its_sessions_until_it_is_unhealthy() {
    for persistence in [COOKIE, HEADER] {
        for fields in [ACTIVE, PASSIVE] {
            let pods = patients::<3>();
            let [first, second, third] = pods.each_ref().map(Endpoint::from);
            let endpoints = [first.in_state(EndpointState::Draining), second, third];
            let manifests = with(fields, persistence, endpoints);
            let keys = keys::fresh().unwrap();
            let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
            // A draining endpoint is not counted.
            until_healthy(&envoy, 2).await;
            let client = client(&envoy);
            let old = Mint::new(&manifests, "default/route/0/0", &keys).fresh(first.address);
            let old = session(persistence, &old);
            for _ in 0..6 {
                let answer = ask(&client, "/get", &old).await;
                assert_eq!(
                    (pod(&answer), token(&answer)),
                    (String::from("backend-0"), None),
                    "{persistence}"
                );
            }
            until_chosen(&client, "backend-0", false).await;
            assert!(!pods_of_new_sessions(&client, 9).await.contains(&String::from("backend-0")));
            if fields == ACTIVE {
                pods[0].fails(true);
                assert_moves(&client, persistence, "backend-0", &old).await;
            }
        }
    }
}

/// The endpoint that answers with an error in place of such a backend would be ejected, and its share of the requests would go to the
/// other backend.
#[tokio::test]
async fn a_backend_without_endpoints_keeps_its_share_of_errors() {
    for fields in [PASSIVE, ACTIVE] {
        let pods = patients::<2>();
        let manifests = Manifests::gateway()
            .service("backend", &pods)
            .service("empty", [Endpoint::from(&pods[0]).in_state(EndpointState::Unready)])
            .with(&route("route", &[rule("/", &[("backend", 1), ("empty", 1)], COOKIE)]))
            .with(&policy("policy", "kind: HTTPRoute, name: route", fields));
        let envoy = serve(&manifests).await;
        let client = client(&envoy);
        let mut errors = 0;
        let mut begun = None;
        for _ in 0..200 {
            let answer = client.get("/get").await.unwrap();
            if answer.status == 503 { errors += 1 } else { begun = begun.or_else(|| token(&answer)) }
        }
        assert!((60..140).contains(&errors), "{fields}: {errors} of 200");
        let begun = session(COOKIE, &begun.unwrap());
        for _ in 0..20 {
            pod(&ask(&client, "/get", &begun).await);
        }
    }
}

#[tokio::test]
async fn tcp_checks_find_endpoints_that_refuse_connections() {
    let mut pods = pods::<3>();
    let fields = "healthCheck: {active: {type: TCP, interval: 100ms, unhealthyThreshold: 1, tcp: {}}}";
    let envoy = serve(&with(fields, COOKIE, &pods)).await;
    until_healthy(&envoy, 3).await;
    let client = client(&envoy);
    let (home, old) = begin(&client, COOKIE).await;
    pods.iter_mut().find(|one| one.pod().pod == home).unwrap().kill().await.unwrap();
    until_healthy(&envoy, 2).await;
    assert_moves(&client, COOKIE, &home, &old).await;
}

/// The checks of both pods go to a third one. When it is gone, no endpoint is healthy, and the panic threshold says that then none gets
/// requests.
#[tokio::test]
async fn checks_go_to_the_port_of_the_policy_and_panic_can_be_off() {
    let pods = pods::<2>();
    let [mut checked] = pods_of::<1>("checked");
    let fields = |panic: &str| {
        format!(
            "healthCheck: {{{panic}active: {{type: TCP, interval: 100ms, unhealthyThreshold: 1, tcp: {{}}, \
             overrides: {{port: {}}}}}}}",
            checked.address().port()
        )
    };
    let (with_panic, without) = (fields(""), fields("panicThreshold: 0, "));
    let with_panic = serve(&with(&with_panic, COOKIE, &pods)).await;
    let without = serve(&with(&without, COOKIE, &pods)).await;
    for envoy in [&with_panic, &without] {
        until_healthy(envoy, 2).await;
        pod(&client(envoy).get("/get").await.unwrap());
    }
    checked.kill().await.unwrap();
    for (envoy, expected) in [(&with_panic, 200), (&without, 503)] {
        until_healthy(envoy, 0).await;
        let client = client(envoy);
        let answered = async || (client.get("/get").await.unwrap().status == expected).then_some(());
        until(LIMIT, answered).await.unwrap();
    }
}

#[tokio::test]
async fn http_checks_ask_as_the_policy_says() {
    for (fields, host, method) in [
        ("path: /healthz", "backend.default", "GET"),
        ("path: /healthz, method: head, hostname: health.example.com", "health.example.com", "HEAD"),
    ] {
        let pods = patients::<1>();
        let mut arrivals = pods[0].backend.arrivals();
        let check = format!("healthCheck: {{active: {{type: HTTP, interval: 100ms, http: {{{fields}}}}}}}");
        let _envoy = serve(&with(&check, COOKIE, &pods)).await;
        let arrival = tokio::time::timeout(LIMIT, arrivals.recv()).await.unwrap().unwrap();
        assert_eq!((arrival.method.as_str(), arrival.path.as_str()), (method, "/healthz"));
        assert_eq!(arrival.headers["host"], host);
    }
}

/// Each backendRef of a split rule has a cluster of its own.
#[tokio::test]
async fn sessions_of_a_split_rule_leave_an_ejected_endpoint() {
    for persistence in [COOKIE, HEADER] {
        let (one, two) = (pods_of::<2>("one"), pods_of::<2>("two"));
        let filter = "filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: x-share, value: two}]}}]";
        let rule = format!(
            "{{backendRefs: [{{name: one, port: {SERVICE_PORT}}}, {{name: two, port: {SERVICE_PORT}, {filter}}}], \
             sessionPersistence: {persistence}}}"
        );
        let manifests = Manifests::gateway()
            .service("one", &one)
            .service("two", &two)
            .with(&route("route", &[rule]))
            .with(&policy("policy", "kind: HTTPRoute, name: route", PASSIVE));
        let envoy = serve(&manifests).await;
        let client = client(&envoy);
        let (home, old) = begin(&client, persistence).await;
        for _ in 0..2 {
            assert_eq!(ask(&client, "/status/500", &old).await.status, 500);
        }
        until_healthy(&envoy, 3).await;
        let new = assert_moves(&client, persistence, &home, &old).await;
        let share = home.split('-').next().unwrap();
        assert!(pod(&ask(&client, "/get", &new).await).starts_with(share), "{home}");
    }
}

/// The pods with which sessions begin, with another rule that has no policy beside it: that one keeps the other pin.
#[tokio::test]
async fn rules_with_and_without_health_checks_stand_side_by_side() {
    let pods = pods::<3>();
    let named = |name: &str| {
        format!(
            "{{name: {name}, matches: [{{path: {{type: PathPrefix, value: /{name}}}}}], \
             backendRefs: [{{name: backend, port: {SERVICE_PORT}}}], sessionPersistence: {HEADER}}}"
        )
    };
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &[named("judged"), named("plain")]))
        .with(&policy("policy", "kind: HTTPRoute, name: route, sectionName: judged", PASSIVE));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let mut homes = BTreeSet::new();
    for path in ["/judged", "/plain"] {
        for _ in 0..3 {
            let first = client.get(path).await.unwrap();
            let own = session(HEADER, &token(&first).unwrap());
            for _ in 0..4 {
                let again = ask(&client, path, &own).await;
                assert_eq!((pod(&again), token(&again)), (pod(&first), None), "{path}");
            }
            homes.insert((path, pod(&first)));
        }
    }
    assert_eq!(homes.len(), 6);
}
