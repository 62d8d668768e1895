//! When sessions end.
//!
//! Most tests seal tokens of a given age, so that they need not wait.

use std::time::Duration;

use integration::backend::Backend;
use integration::harness::client::Answer;
use integration::harness::{deadline, keys};
use session_persistence::token::Contents;

use crate::setup::{
    Mint, client, deployment, get_with_cookie, manifests, now, pod, pods, serve, start, token,
};

const ROUTE: &str = "default/route/0/0";

#[tokio::test]
async fn absolute_timeouts_end_sessions_in_real_time() {
    let pods = pods::<2>();
    for persistence in [
        "{sessionName: session, type: Cookie, absoluteTimeout: 2s, cookieConfig: {lifetimeType: Permanent}}",
        "{sessionName: session, type: Cookie, absoluteTimeout: 2s}",
        "{sessionName: session, type: Header, absoluteTimeout: 2s}",
    ] {
        let envoy = serve(&manifests(&pods, persistence)).await;
        let client = client(&envoy);
        let began = now();
        let first = token(&client.get("/get").await.unwrap()).unwrap();
        let cookie = format!("session={first}");
        let renewed = deadline::until(Duration::from_secs(30), async || {
            let answer = client.get_with("/get", &[("cookie", &cookie), ("session", &first)]).await.unwrap();
            token(&answer)
        });
        assert_ne!(renewed.await.unwrap(), first, "{persistence}");
        // It began in the second `began` at the earliest.
        assert!(now() >= began + 2, "{persistence}: it ended too early");
    }
}

/// An Envoy, and tokens of any age for it.
struct AgedTokens {
    pods: [Backend; 2],
    envoy: integration::harness::envoy::Process,
    mint: Mint,
}

impl AgedTokens {
    async fn start(persistence: &str) -> Self {
        let pods = pods::<2>();
        let manifests = manifests(&pods, persistence);
        let keys = keys::fresh().unwrap();
        let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
        Self { envoy, mint: Mint::new(&manifests, ROUTE, &keys), pods }
    }

    /// The answers to five requests with a token for the first pod, issued and last seen so many seconds ago.
    async fn answers(&self, issued_ago: i64, seen_ago: i64) -> Vec<Answer> {
        let token = self.mint.token(issued_ago, seen_ago, self.pods[0].address());
        let mut answers = Vec::new();
        for _ in 0..5 {
            answers.push(get_with_cookie(&client(&self.envoy), &token).await);
        }
        answers
    }

    async fn assert_ended(&self, issued_ago: i64, seen_ago: i64) {
        let case = format!("issued {issued_ago} s, seen {seen_ago} s ago");
        let before = now();
        for answer in self.answers(issued_ago, seen_ago).await {
            pod(&answer);
            let contents = self.contents(&answer);
            assert!((before..=now()).contains(&contents.issued.unix_seconds()), "{case}: {contents:?}");
        }
    }

    fn contents(&self, answer: &Answer) -> Contents {
        let token = token(answer).expect("a new token");
        self.mint.open(&token).unwrap().contents
    }
}

#[tokio::test]
async fn absolute_timeouts_count_from_the_first_token() {
    let tokens = AgedTokens::start("{sessionName: session, absoluteTimeout: 1h}").await;
    for answer in tokens.answers(3500, 3500).await {
        assert_eq!((pod(&answer).as_str(), token(&answer)), ("backend-0", None));
    }
    tokens.assert_ended(3601, 3601).await;
    tokens.assert_ended(3601, 0).await;
}

#[tokio::test]
async fn idle_timeouts_end_idle_sessions_and_refresh_active_ones() {
    let tokens = AgedTokens::start("{sessionName: session, idleTimeout: 10m}").await;
    tokens.assert_ended(10_000, 601).await;
    for answer in tokens.answers(10_000, 300).await {
        assert_eq!(pod(&answer), "backend-0");
        let contents = tokens.contents(&answer);
        assert!(contents.issued.unix_seconds() <= now() - 10_000, "its beginning is kept");
        assert!(contents.last_seen.unix_seconds() >= now() - 30, "its last use is now");
    }
}

#[tokio::test]
async fn recently_used_sessions_get_no_new_token() {
    let tokens = AgedTokens::start("{sessionName: session, idleTimeout: 1h}").await;
    for answer in tokens.answers(10_000, 60).await {
        assert_eq!((pod(&answer).as_str(), token(&answer)), ("backend-0", None));
    }
}

#[tokio::test]
async fn active_sessions_end_at_the_absolute_timeout() {
    let tokens = AgedTokens::start(
        "{sessionName: session, absoluteTimeout: 1h, idleTimeout: 1m, cookieConfig: {lifetimeType: Permanent}}",
    )
    .await;
    tokens.assert_ended(3601, 1).await;
    for answer in tokens.answers(3000, 30).await {
        assert_eq!(pod(&answer), "backend-0");
        let line = answer.set_cookie("session").unwrap();
        let left = line.split("; ").find_map(|part| part.strip_prefix("Max-Age=")).unwrap();
        let left: u64 = left.parse().unwrap();
        assert!((570..=600).contains(&left), "Max-Age is what is left of the hour, not {left}");
    }
}

#[tokio::test]
async fn sessions_without_timeouts_do_not_expire() {
    let tokens = AgedTokens::start("{sessionName: session}").await;
    for answer in tokens.answers(300_000_000, 300_000_000).await {
        assert_eq!((pod(&answer).as_str(), token(&answer)), ("backend-0", None));
    }
}

#[tokio::test]
async fn small_clock_skew_is_tolerated_and_large_skew_is_rejected() {
    let tokens = AgedTokens::start("{sessionName: session, absoluteTimeout: 1h}").await;
    for answer in tokens.answers(-30, -30).await {
        assert_eq!((pod(&answer).as_str(), token(&answer)), ("backend-0", None));
    }
    tokens.assert_ended(-120, -120).await;
}
