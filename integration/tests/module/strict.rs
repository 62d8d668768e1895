//! Strict rules: a session stays on its endpoint, whatever happens to it, and its client keeps the token.

use crate::exchange::{Request, Response};
use crate::plugin::Plugin;
use crate::sample::{BLUE, GREEN, KEY, START};

const RULE: &str = r#"{"rule": {
    "id": "i", "header": {"name": "session"}, "absolute_timeout": "3600s", "idle_timeout": "100s",
    "pin": "stateful_session", "on_endpoint_lost": "reject"
}}"#;

/// The base64 of the address.
const ON_BLUE: &str = "MTAuMC4wLjE6MzAwMA==";
const ON_GREEN: &str = "MTAuMC4wLjI6MzAwMA==";

/// The header in which Envoy says that another endpoint served.
const SERVED_BY: &str = "x-session-persistence-override-host";

/// A plugin and the token of a session on [`BLUE`].
fn begin() -> (Plugin, String) {
    let mut plugin = Plugin::start(Some(KEY), RULE, START).unwrap();
    let served = Response::from_endpoint(BLUE).header(SERVED_BY, ON_BLUE);
    let (forwarded, answer) = plugin.exchange(Request::to(""), served);
    assert_eq!(forwarded.pin(), None);
    assert!(!answer.filter_state.contains_key("session_persistence_share"));
    let token = answer.values("session").concat();
    assert!(!token.is_empty());
    (plugin, token)
}

fn back(token: &str) -> Request {
    Request::to("").header("session", token)
}

#[test]
fn requests_of_a_session_have_a_route_of_their_own() {
    let (mut plugin, token) = begin();
    let (forwarded, answer) = plugin.exchange(back(&token), Response::from_endpoint(BLUE));
    assert_eq!(forwarded.pin().as_deref(), Some(ON_BLUE));
    assert_eq!(answer.filter_state["session_persistence_share"], b"*");
    assert!(answer.values("session").is_empty() && answer.values("retry-after").is_empty());
}

#[test]
fn an_answer_of_envoy_itself_says_when_to_try_again_and_keeps_the_token() {
    let (mut plugin, token) = begin();
    for response in [Response::local(), Response::local_after(BLUE), Response::unreachable(BLUE)] {
        for request in [back(&token), back(&token).with_body()] {
            let (_, answer) = plugin.exchange(request, response.clone());
            assert_eq!(answer.values("retry-after"), ["5"]);
            assert!(answer.values("session").is_empty(), "{answer:?}");
            assert!(answer.values("grpc-retry-pushback-ms").is_empty());
            assert_eq!(answer.filter_state["session_persistence"], BLUE.as_bytes());
        }
    }
    assert_eq!(plugin.counted("ended"), 0);
    // Its own answer is not touched, whatever it is.
    let own = Response::from_endpoint(BLUE).header("retry-after", "7");
    assert_eq!(plugin.exchange(back(&token), own).1.values("retry-after"), ["7"]);
}

#[test]
fn grpc_clients_are_told_when_to_try_again() {
    let (mut plugin, token) = begin();
    let unavailable = Response::local().header("grpc-status", "14");
    let (_, answer) = plugin.exchange(back(&token), unavailable);
    assert_eq!(answer.values("grpc-retry-pushback-ms"), ["5000"]);
    assert_eq!(answer.values("retry-after"), ["5"]);
    let other = Response::local().header("grpc-status", "4");
    let (_, answer) = plugin.exchange(back(&token), other);
    assert!(answer.values("grpc-retry-pushback-ms").is_empty() && answer.values("retry-after").is_empty());
}

#[test]
fn requests_without_a_session_get_no_promise() {
    let (mut plugin, token) = begin();
    let new = plugin.exchange(Request::to(""), Response::local()).1;
    assert!(new.values("retry-after").is_empty());
    plugin.wait(100);
    let (forwarded, answer) = plugin.exchange(back(&token), Response::local());
    assert_eq!(forwarded.pin(), None);
    assert!(answer.values("retry-after").is_empty());
}

/// Envoy's `strict` prevents this.
#[test]
fn a_session_does_not_move_even_if_another_endpoint_serves_it() {
    let (mut plugin, token) = begin();
    let elsewhere = Response::from_endpoint(GREEN).header(SERVED_BY, ON_GREEN);
    let (_, answer) = plugin.exchange(back(&token), elsewhere);
    assert!(answer.values("session").is_empty() && answer.values(SERVED_BY).is_empty());
}

#[test]
fn a_session_whose_pod_is_gone_is_sent_nowhere_and_keeps_its_token() {
    let with_pods = |pods: &str| {
        Plugin::start(Some(KEY), RULE.replace("\"id\"", &format!("\"pods\": {pods}, \"id\"")), START)
    };
    let mut before = with_pods(r#"{"game/game-0": "10.0.0.1:3000"}"#).unwrap();
    let served = Response::from_endpoint(BLUE).header(SERVED_BY, ON_BLUE);
    let token = before.exchange(Request::to(""), served).1.values("session").concat();
    // A stranger has the address.
    let mut plugin = with_pods(r#"{"game/stranger": "10.0.0.1:3000"}"#).unwrap();
    let (forwarded, answer) = plugin.exchange(back(&token), Response::local());
    // The base64 of `0.0.0.0:0`.
    assert_eq!(forwarded.pin().as_deref(), Some("MC4wLjAuMDow"));
    assert_eq!(answer.filter_state["session_persistence_share"], b"*");
    assert_eq!(answer.filter_state["session_persistence"], b"lost: its pod is gone");
    assert_eq!(answer.values("retry-after"), ["5"]);
    assert_eq!(answer.values("session"), [""; 0]);
    // Its pod comes back elsewhere.
    let mut plugin = with_pods(r#"{"game/game-0": "10.0.0.2:3000"}"#).unwrap();
    let (forwarded, answer) = plugin.exchange(back(&token), Response::from_endpoint(GREEN));
    assert_eq!(forwarded.pin().as_deref(), Some(ON_GREEN));
    assert_eq!(answer.values("session").len(), 1);
}
