//! Strict sessions whose endpoint drains, leaves and comes back, perhaps at another address; and a policy that comes and goes.

use integration::backend::{Backend, Pod};
use integration::harness::client::Client;
use integration::harness::manifests::{EndpointState, Manifests};

use super::watched::Watched;
use super::{cookie, endpoints, new_session, pods, route, services, watched_cart_and_desk};
use crate::setup::{pod, pods_of, token};
use crate::strict::strict;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_sessions_wait_until_their_endpoint_comes_back() {
    let pods = pods_of::<3>("old");
    let (all, new) = (endpoints(&pods), endpoints(&pods_of::<1>("new")));
    let services = |endpoints: &[_]| services(endpoints, &new, &new).text().to_owned();
    let watched = watched_cart_and_desk(&services(&all)).await;
    let client = Client::new(watched.http);
    // Sessions that began before the policy was there.
    let mut sessions = Vec::new();
    for (path, name) in [("/cart", "cookie"), ("/desk", "session")] {
        let token = loop {
            let first = client.get(path).await.unwrap();
            if pod(&first) == "old-0" {
                break token(&first).unwrap();
            }
        };
        let value = if name == "cookie" { format!("session={token}") } else { token };
        sessions.push((path, name, value));
    }
    let answers = async || {
        let mut answers = Vec::new();
        for (path, name, value) in &sessions {
            let answer = client.get_with(path, &[(name, value)]).await.unwrap();
            assert_eq!(token(&answer), None, "{answer:?}");
            let reached = if answer.status == 200 { answer.pod() } else { None };
            answers.push((answer.status, reached));
        }
        answers
    };
    let home = || vec![(200, Some(String::from("old-0"))); 2];
    let rejected = || vec![(503, None); 2];

    watched.put("policy.yaml", &strict("kind: HTTPRoute, name: shop"));
    let is_strict = async || {
        let dump = watched.envoy.admin().config_dump().await;
        assert_eq!(answers().await, home());
        dump.is_ok_and(|dump| dump.matches("\"strict\": true").count() >= 2)
    };
    watched.until("the policy is not used", is_strict).await;
    assert_eq!(answers().await, home());

    // Draining: it keeps its sessions and gets no new ones.
    let [first, others @ ..] = all.as_slice() else { panic!("{all:?}") };
    watched.put("services.yaml", &services(&[&[first.in_state(EndpointState::Draining)], others].concat()));
    let mut in_a_row = 0;
    let is_drained = async || {
        in_a_row = if new_session(&watched, "/cart").await == "old-0" { 0 } else { in_a_row + 1 };
        in_a_row > 9
    };
    watched.until("a draining endpoint gets new sessions", is_drained).await;
    assert_eq!(answers().await, home());

    // Gone: it still runs, but no request of its sessions reaches it, or another one.
    watched.put("services.yaml", &services(others));
    watched.until("sessions do not get 503", async || answers().await == rejected()).await;
    let before: u64 = pods.iter().map(Backend::requests).sum();
    for _ in 0..10 {
        assert_eq!(answers().await, rejected());
    }
    assert_eq!(pods.iter().map(Backend::requests).sum::<u64>(), before);
    let (path, name, value) = &sessions[0];
    let answer = client.get_with(path, &[(name, value)]).await.unwrap();
    assert_eq!(answer.values("retry-after"), ["5"]);

    watched.put("services.yaml", &services(&all));
    watched.until("sessions do not continue", async || answers().await == home()).await;

    // Without the policy, they move when their endpoint leaves.
    watched.put("policy.yaml", "");
    let is_loose = async || {
        let dump = watched.envoy.admin().config_dump().await;
        assert_eq!(answers().await, home());
        dump.is_ok_and(|dump| !dump.contains("\"strict\": true"))
    };
    watched.until("the policy is still used", is_loose).await;
    watched.put("services.yaml", &services(others));
    let has_moved = async || {
        let answer = client.get_with(path, &[(name, value)]).await.unwrap();
        assert_eq!(answer.status, 200, "{answer:?}");
        pod(&answer) != "old-0" && token(&answer).is_some()
    };
    watched.until("sessions do not move", has_moved).await;
}

/// Neither another pod nor one that has got the address of a pod that is gone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strict_sessions_wait_for_their_pod_and_follow_it() {
    const READY: EndpointState = EndpointState::Ready;
    let [zero, one] = pods_of::<2>("game");
    let others = ("game-1", one.address(), READY);
    let gateway = Manifests::gateway();
    let rule = format!(
        "{{matches: [{{path: {{value: /cart}}}}], backendRefs: [{{name: game, port: 3000}}]{}}}",
        cookie("absoluteTimeout: 1h")
    );
    let watched = Watched::start(
        &[
            ("gateway.yaml", gateway.text()),
            ("services.yaml", &pods::services(&[("game-0", zero.address(), READY), others])),
            ("routes.yaml", &route(&[rule])),
            ("policy.yaml", &strict("kind: HTTPRoute, name: shop")),
        ],
        &[],
    )
    .await;
    let client = Client::new(watched.http);
    let first = loop {
        let first = client.get("/cart").await.unwrap();
        if pod(&first) == "game-0" {
            break first;
        }
    };
    let held = format!("session={}", token(&first).unwrap());
    let ask = async || client.get_with("/cart", &[("cookie", &held)]).await.unwrap();

    // A stranger has the address. It drains, so that only a session could reach it.
    let stranger = ("stranger", zero.address(), EndpointState::Draining);
    watched.put("services.yaml", &pods::services(&[stranger, others]));
    watched.until("a session is not lost", async || ask().await.status == 503).await;
    let before = [zero.requests(), one.requests()];
    for _ in 0..10 {
        let answer = ask().await;
        assert_eq!((answer.status, token(&answer)), (503, None), "{answer:?}");
        assert_eq!(answer.values("retry-after"), ["5"]);
    }
    assert_eq!([zero.requests(), one.requests()], before);

    let again = Backend::start(Pod::new("game", "game-0")).unwrap();
    watched.put("services.yaml", &pods::services(&[stranger, others, ("game-0", again.address(), READY)]));
    watched.until("a session does not continue", async || ask().await.status == 200).await;
    let answer = ask().await;
    assert_eq!(pod(&answer), "game-0");
    assert!(token(&answer).is_some(), "the token gets the new address");
    assert_eq!([zero.requests(), one.requests()], before);
}
