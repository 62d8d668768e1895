//! Sessions follow their pod to another address, and never reach another pod that has got the address.

use std::net::SocketAddr;

use integration::backend::{Backend, Pod};
use integration::harness::client::{Answer, Client};
use integration::harness::manifests::{EndpointState, Manifests};

use super::clients::{Clients, Visit};
use super::watched::Watched;
use super::{HEADER, cookie, places};
use crate::setup::{pod, pods_of};

const ONE_HOUR: u64 = 3_600;

/// A Service with these pods, and one without.
pub(super) fn services(pods: &[(&str, SocketAddr, EndpointState)]) -> String {
    let slice = |(index, &(pod, address, state)): (usize, &(&str, SocketAddr, EndpointState))| {
        let ready = state == EndpointState::Ready;
        format!(
            "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: game-{index}, labels: {{kubernetes.io/service-name: game}}}}\n\
             addressType: IPv4\nports: [{{name: http, port: {port}}}]\n\
             endpoints:\n- addresses: [\"{ip}\"]\n  \
             conditions: {{ready: {ready}, serving: true, terminating: {terminating}}}\n  \
             targetRef: {{kind: Pod, namespace: default, name: {pod}}}\n",
            port = address.port(),
            ip = address.ip(),
            terminating = !ready,
        )
    };
    let none: [Backend; 0] = [];
    let services = Manifests::default().service("game", &none).service("lobby", &none);
    let slices: String = pods.iter().enumerate().map(slice).collect();
    format!("{}{slices}", services.text())
}

/// A rule with sessions in a cookie, one with sessions in a header, and one that is split.
fn routes() -> String {
    let rule = |name: &str, more: &str, session: &str| {
        format!(
            "{{name: {name}, matches: [{{path: {{value: /{name}}}}}], \
             backendRefs: [{{name: game, port: 3000}}{more}]{session}}}"
        )
    };
    let lobby = ", {name: lobby, port: 3000, weight: 0, filters: [{type: RequestHeaderModifier, \
                 requestHeaderModifier: {set: [{name: x-lobby, value: a}]}}]}";
    let permanent = cookie("absoluteTimeout: 1h, cookieConfig: {lifetimeType: Permanent}");
    crate::setup::route(
        "play",
        &[rule("cart", "", &permanent), rule("desk", "", HEADER), rule("split", lobby, &permanent)],
    )
}

/// The seconds that a cookie still lasts.
fn max_age(answer: &Answer) -> u64 {
    let cookie = answer.values("set-cookie").pop().unwrap();
    let (_, rest) = cookie.split_once("Max-Age=").unwrap();
    rest.split(';').next().unwrap().parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_follow_their_pod_and_never_reach_a_stranger() {
    for options in [&["--pin", "metadata"][..], &["--pin", "stateful-session"]] {
        follow(options).await;
    }
}

/// With too many files for Envoy, endpoints are in their clusters, which Envoy replaces.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_follow_their_pod_when_clusters_change() {
    follow(&["--xds-files", "3"]).await;
}

#[allow(clippy::too_many_lines, reason = "a story")]
async fn follow(options: &[&str]) {
    const READY: EndpointState = EndpointState::Ready;
    let [zero, mut one, two] = pods_of::<3>("game");
    let old = [
        ("game-0", zero.address(), READY),
        ("game-1", one.address(), READY),
        ("game-2", two.address(), READY),
    ];
    let gateway = Manifests::gateway();
    let manifests =
        [("gateway.yaml", gateway.text()), ("services.yaml", &services(&old)), ("routes.yaml", &routes())];
    let watched = Watched::start(&manifests, options).await;
    let visit = |number: u32| {
        let path = ["/cart", "/desk", "/split"][number as usize % 3];
        Visit { address: watched.http, tls: false, path, cookie: path != "/desk" }
    };
    let clients = Clients::start((0..120).map(visit));
    let all_have_sessions = async || clients.records().iter().all(|record| !record.pods.is_empty());
    watched.until("clients without a session", all_have_sessions).await;
    let serve_more = async || {
        let sent = clients.requests();
        watched.until("no requests are answered", async || clients.requests() > sent + 360).await;
    };
    let before = clients.records();
    let (on_zero, on_one) = (places(&before)["game-0"] as u64, places(&before)["game-1"] as u64);
    // One more session on `game-0`, whose token comes back later.
    let client = Client::new(watched.http);
    let mut first = client.get("/cart").await.unwrap();
    while pod(&first) != "game-0" {
        first = client.get("/cart").await.unwrap();
    }
    assert_eq!(max_age(&first), ONE_HOUR);
    let token = format!("session={}", first.cookie("session").unwrap());

    let members = watched.sum("membership_total").await;

    // `game-0` restarts at another address. It has both until Envoy knows the new one.
    let again = Backend::start(Pod::new("game", "game-0")).unwrap();
    let restarted = [("game-0", again.address(), READY), old[1], old[2]];
    watched.put("services.yaml", &services(&restarted));
    let counted = async |name: &str| watched.envoy.admin().session_events(name).await.unwrap();
    watched.until("sessions do not follow", async || counted("renewed.pod").await == on_zero).await;
    let is_left = async || watched.sum("membership_total").await == members;
    watched.until("the old address stays", is_left).await;
    let arrived = zero.requests();
    serve_more().await;
    assert_eq!(zero.requests(), arrived, "{options:?}: requests still go to the old address");
    assert!(again.requests() >= on_zero);
    for (before, during) in before.iter().zip(&clients.records()) {
        assert_eq!((&during.pods, &during.failures), (&before.pods, &Vec::new()), "{options:?}");
    }
    assert_eq!(counted("moved").await, 0);
    let answer = client.get_with("/cart", &[("cookie", &token)]).await.unwrap();
    assert_eq!(pod(&answer), "game-0");
    assert!(max_age(&answer) < ONE_HOUR, "{options:?}: following has extended a session");

    // A stranger gets the address of `game-1`. It drains, so that only a session could reach it.
    let address = one.address();
    let stranger = [restarted[0], ("stranger", address, EndpointState::Draining), old[2]];
    watched.put("services.yaml", &services(&stranger));
    let has_moved = async || !places(&clients.records()).contains_key("game-1");
    watched.until("sessions stay on a pod that is gone", has_moved).await;
    one.kill().await.unwrap();
    drop(one);
    let intruder = Backend::start_at(address, Pod::new("game", "stranger")).unwrap();
    serve_more().await;
    assert_eq!(intruder.requests(), 0, "{options:?}: a session has reached a stranger");
    assert_eq!(counted("moved").await, on_one);

    let (requests, records) = (clients.requests(), clients.stop().await);
    for (before, record) in before.iter().zip(records) {
        assert_eq!(record.failures, [""; 0], "{options:?}: {record:?}");
        assert_eq!(record.pods.len(), 1 + usize::from(before.pods[0] == "game-1"), "{options:?}: {record:?}");
    }
    // The admin interface has answered 503 until Envoy was ready.
    let errors = watched.envoy.admin().stats("downstream_rq_5xx").await.unwrap();
    let errors = errors.iter().filter(|(name, count)| !name.contains("admin") && **count > 0);
    assert_eq!(errors.collect::<Vec<_>>(), []);
    println!(
        "{options:?}: {requests} requests of 120 sessions: {on_zero} followed, {on_one} moved, 0 errors"
    );
}
