//! `watch` follows the Pods that an XBackend selects.

use std::collections::BTreeSet;

use integration::backend::Backend;
use integration::harness::client::Client;
use integration::harness::manifests::{Manifests, pod as pod_object};

use super::watched::Watched;
use crate::setup::{pod, route};
use crate::xbackends::{game, pods_of_game, rule};

/// The Pods, each with more metadata.
fn pods_file(pods: &[(&Backend, &str)]) -> String {
    pods.iter().map(|(pod, more)| pod_object(pod, more)).collect::<Vec<_>>().join("---\n")
}

/// Pods that new sessions get.
async fn new_sessions(watched: &Watched) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    for _ in 0..20 {
        seen.insert(pod(&Client::new(watched.http).get("/").await.unwrap()));
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watch_follows_the_pods_of_an_xbackend() {
    let [zero, mut one, two] = pods_of_game::<3>();
    let port = zero.address().port();
    let game = game(port, "sessionPersistence: {cookie: {name: session}, absoluteTimeout: 1h}");
    let watched = Watched::start(
        &[
            ("gateway.yaml", Manifests::gateway().text()),
            ("game.yaml", &game),
            ("pods.yaml", &pods_file(&[(&zero, ""), (&one, "")])),
            ("routes.yaml", &route("play", &[rule("/")])),
        ],
        &[],
    )
    .await;
    let client = Client::new(watched.http);
    let answer = loop {
        let answer = client.get("/").await.unwrap();
        if pod(&answer) == "game-1" {
            break answer;
        }
    };
    let cookie = format!("session={}", answer.cookie("session").unwrap());
    let again = async || client.get_with("/", &[("cookie", &cookie)]).await.unwrap();

    // A pod starts.
    watched.put("pods.yaml", &pods_file(&[(&zero, ""), (&one, ""), (&two, "")]));
    let new_one = async || new_sessions(&watched).await.contains("game-2");
    watched.until("the new Pod gets no sessions", new_one).await;
    assert_eq!(pod(&again().await), "game-1");

    // A pod is deleted, and still serves.
    let terminating = ", deletionTimestamp: \"2026-11-01T00:00:00Z\"";
    watched.put("pods.yaml", &pods_file(&[(&zero, ""), (&one, terminating), (&two, "")]));
    let drains = async || !new_sessions(&watched).await.contains("game-1");
    watched.until("the terminating Pod gets new sessions", drains).await;
    for _ in 0..5 {
        let answer = again().await;
        assert_eq!((pod(&answer), answer.cookie("session")), ("game-1".to_owned(), None));
    }

    // It is gone.
    one.kill().await.unwrap();
    watched.put("pods.yaml", &pods_file(&[(&zero, ""), (&two, "")]));
    let removed = async || watched.sum("membership_total").await == 2;
    watched.until("the Pod stays an endpoint", removed).await;
    let answer = again().await;
    assert_ne!(pod(&answer), "game-1");
    assert!(answer.cookie("session").is_some(), "the session moves");
    assert_eq!(watched.errors(), [""; 0]);
}
