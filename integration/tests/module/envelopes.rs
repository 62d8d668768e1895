//! Envelopes: the backend's own value of the session header in a token. With both pins, split, and strict.

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::collection::vec;
use proptest::prelude::*;

use crate::exchange::{Answer, Forwarded, Request, Response};
use crate::plugin::Plugin;
use crate::sample::{BLUE, GREEN, KEY, NEW_KEY, START};

const NAME: &str = "mcp-session-id";
const PRIVATE: &str = "x-session-persistence-override-host";

/// The longest value.
const LIMIT: usize = 1024;

/// A plugin whose rule has these fields more.
fn plugin_with(keys: &str, fields: &str) -> Plugin {
    let rule = format!(r#"{{"id": "i", "header": {{"name": "{NAME}"}}, "envelope": true{fields}}}"#);
    Plugin::start(Some(keys), format!(r#"{{"rule": {rule}}}"#), START).unwrap()
}

fn plugin() -> Plugin {
    plugin_with(KEY, r#", "absolute_timeout": "3600s""#)
}

fn first() -> Request {
    Request::to("")
}

fn back(token: impl AsRef<[u8]>) -> Request {
    first().header(NAME, token)
}

/// An answer of this endpoint that sets the header.
fn setting(endpoint: &str, value: impl AsRef<[u8]>) -> Response {
    Response::from_endpoint(endpoint).header(NAME, value)
}

/// The session header of an answer.
fn sent(answer: &Answer) -> Vec<String> {
    answer.values(NAME)
}

/// The session header that the backend gets.
fn received(forwarded: &Forwarded) -> Vec<&[u8]> {
    forwarded.headers.all(NAME.as_bytes()).collect()
}

fn begin(plugin: &mut Plugin, value: &[u8]) -> String {
    let (_, answer) = plugin.exchange(first(), setting(BLUE, value));
    let token = sent(&answer).concat();
    assert!(token.len() > 80 && !token.as_bytes().windows(value.len()).any(|part| part == value), "{token}");
    token
}

#[test]
fn backends_get_their_own_value_back() {
    let mut plugin = plugin();
    let token = begin(&mut plugin, b"v-1");
    for _ in 0..3 {
        let (forwarded, answer) = plugin.exchange(back(&token), setting(BLUE, "v-1"));
        assert_eq!((forwarded.pin().as_deref(), received(&forwarded)), (Some(BLUE), vec![&b"v-1"[..]]));
        assert_eq!(sent(&answer), [""; 0], "the client keeps its token");
        let (forwarded, answer) = plugin.exchange(back(&token), Response::from_endpoint(BLUE));
        assert_eq!(received(&forwarded), [b"v-1"]);
        assert_eq!(sent(&answer), [""; 0]);
    }
}

#[test]
fn only_a_backend_that_sets_the_header_starts_a_session() {
    let mut plugin = plugin();
    let (forwarded, answer) = plugin.exchange(first(), Response::from_endpoint(BLUE));
    assert_eq!((forwarded.pin(), sent(&answer)), (None, Vec::new()));
    assert!(answer.values("cache-control").is_empty());
    let (_, answer) = plugin.exchange(first(), Response::local().header(NAME, "v"));
    assert_eq!(sent(&answer), [""; 0]);
}

#[test]
fn another_value_of_the_same_backend_is_a_new_session() {
    let mut plugin = plugin();
    let token = begin(&mut plugin, b"v-1");
    let (_, answer) = plugin.exchange(back(&token), setting(BLUE, "v-2"));
    let next = sent(&answer).concat();
    assert_eq!(received(&plugin.request(back(&next))), [b"v-2"]);
}

#[test]
fn a_session_moves_only_if_the_other_backend_sets_the_header() {
    let mut plugin = plugin();
    let token = begin(&mut plugin, b"v-1");
    // Envoy chose another endpoint, which does not know the session.
    let (forwarded, answer) = plugin.exchange(back(&token), Response::from_endpoint(GREEN));
    assert_eq!((received(&forwarded), sent(&answer)), (vec![&b"v-1"[..]], Vec::new()));
    let (_, answer) = plugin.exchange(back(&token), setting(GREEN, "v-2"));
    let forwarded = plugin.request(back(sent(&answer).concat()));
    assert_eq!((forwarded.pin().as_deref(), received(&forwarded)), (Some(GREEN), vec![&b"v-2"[..]]));
}

#[test]
fn what_is_no_session_reaches_the_backend_unchanged() {
    let mut plugin = plugin();
    let token = begin(&mut plugin, b"v-1");
    let mut changed = token.clone().into_bytes();
    changed[60] ^= 1;
    let long = vec![b'A'; 60_000];
    for value in [&b"v-1"[..], b"\xff\xfe", b"", b"a, b", &[b'A'; 128], &long, &changed] {
        let (forwarded, answer) = plugin.exchange(back(value), Response::from_endpoint(BLUE));
        assert_eq!((forwarded.pin(), received(&forwarded)), (None, vec![value]));
        assert_eq!(sent(&answer), [""; 0]);
    }
    plugin.wait(3_600);
    let forwarded = plugin.request(back(&token));
    assert_eq!((forwarded.pin(), received(&forwarded)), (None, vec![token.as_bytes()]));
}

#[test]
fn rotation_and_idle_refresh_issue_a_token_around_the_same_value() {
    let mut old = plugin_with(KEY, "");
    let token = begin(&mut old, b"v-1");
    let both = format!("{NEW_KEY},{KEY}");
    for answer_value in [None, Some("v-1")] {
        let mut plugin = plugin_with(&both, "");
        let response = Response::from_endpoint(BLUE);
        let response =
            answer_value.map_or_else(|| response.clone(), |value| response.clone().header(NAME, value));
        let (_, answer) = plugin.exchange(back(&token), response);
        let next = sent(&answer).concat();
        let mut rotated = plugin_with(NEW_KEY, "");
        let forwarded = rotated.request(back(&next));
        assert_eq!((forwarded.pin().as_deref(), received(&forwarded)), (Some(BLUE), vec![&b"v-1"[..]]));
    }
    let mut idle = plugin_with(KEY, r#", "idle_timeout": "100s""#);
    let token = begin(&mut idle, b"v-1");
    idle.wait(60);
    let (_, answer) = idle.exchange(back(&token), Response::from_endpoint(BLUE));
    idle.wait(60);
    assert_eq!(received(&idle.request(back(sent(&answer).concat()))), [b"v-1"]);
}

#[test]
fn several_lines_come_back_as_one() {
    let mut plugin = plugin();
    let (_, answer) = plugin.exchange(first(), setting(BLUE, "a,b").header(NAME, "c"));
    let token = sent(&answer).concat();
    assert_eq!(received(&plugin.request(back(&token))), [b"a,b,c"]);
    let (_, answer) = plugin.exchange(back(&token), setting(BLUE, "a,b").header(NAME, "c"));
    assert_eq!(sent(&answer), [""; 0]);
}

#[test]
fn a_value_over_the_limit_leaves_the_answer_without_session() {
    let mut plugin = plugin();
    begin(&mut plugin, &[b'v'; LIMIT]);
    let (_, answer) = plugin.exchange(first(), setting(BLUE, vec![b'v'; LIMIT + 1]));
    assert_eq!(sent(&answer), [""; 0]);
    let last = plugin.log().last().unwrap();
    assert_eq!(
        (last.level, last.text.as_str()),
        (4, "i: no token issued: cannot seal 1025 bytes of the backend")
    );
}

#[test]
fn sessions_in_envelopes_follow_their_pod_with_the_other_pin() {
    const FIELDS: &str = r#", "pin": "stateful_session", "pods": {"mcp/mcp-0": "#;
    let at = |address: &str| plugin_with(KEY, &format!(r#"{FIELDS}"{address}"}}"#));
    let on = |endpoint: &str| STANDARD.encode(endpoint);
    let (_, answer) = at(BLUE).exchange(first(), setting(BLUE, "v").header(PRIVATE, on(BLUE)));
    let mut moved = at(GREEN);
    let (forwarded, answer) = moved.exchange(back(sent(&answer).concat()), setting(GREEN, "v"));
    assert_eq!((forwarded.pin(), received(&forwarded)), (Some(on(GREEN)), vec![&b"v"[..]]));
    assert_eq!(sent(&answer).len(), 1);
    // Its pod is gone: another one gets the value, and says what it is.
    let mut gone = plugin_with(KEY, r#", "pods": {"mcp/mcp-1": "10.0.0.2:3000"}"#);
    let (forwarded, answer) = gone.exchange(back(sent(&answer).concat()), Response::from_endpoint(GREEN));
    assert_eq!((forwarded.pin(), received(&forwarded)), (None, vec![&b"v"[..]]));
    assert_eq!(sent(&answer), [""; 0]);
}

#[test]
fn strict_sessions_wait_with_their_envelope() {
    let mut plugin = plugin_with(KEY, r#", "pin": "stateful_session", "on_endpoint_lost": "reject""#);
    let served = || setting(BLUE, "v").header(PRIVATE, STANDARD.encode(BLUE));
    let token = sent(&plugin.exchange(first(), served()).1).concat();
    let (forwarded, answer) = plugin.exchange(back(&token), Response::local());
    assert_eq!(received(&forwarded), [b"v"]);
    assert_eq!((answer.values("retry-after"), sent(&answer)), (vec![String::from("5")], Vec::new()));
    // Envoy's `strict` prevents this.
    let elsewhere = setting(GREEN, "w").header(PRIVATE, STANDARD.encode(GREEN));
    assert_eq!(sent(&plugin.exchange(back(&token), elsewhere).1), [""; 0]);
}

#[test]
fn sessions_of_a_split_rule_go_to_their_share_with_their_value() {
    let rule = |share| {
        format!(
            r#""rule/{share}": {{"id": "r", "header": {{"name": "{NAME}"}}, "envelope": true, "share": "{share}"}}"#
        )
    };
    let rules = ["one", "two"].map(rule).join(",");
    let mut plugin = Plugin::start(Some(KEY), format!(r#"{{"rules": {{{rules}}}}}"#), START).unwrap();
    let (_, answer) = plugin.exchange(Request::to("rule/one"), setting(BLUE, "v"));
    let request = Request::to("rule/two").header(NAME, sent(&answer).concat());
    let (forwarded, answer) = plugin.exchange(request, setting(BLUE, "v"));
    assert_eq!((forwarded.pin().as_deref(), received(&forwarded)), (Some(BLUE), vec![&b"v"[..]]));
    assert_eq!(answer.filter_state["session_persistence_share"], b"one");
    assert_eq!(sent(&answer), [""; 0]);
}

/// Two calls more than a session header without an envelope: the value to the backend, and the one that the backend sent.
#[test]
fn a_returning_client_takes_seven_calls() {
    let mut plugin = plugin();
    let token = begin(&mut plugin, b"v-1");
    let mut calls = |response: Response| {
        let (forwarded, answer) = plugin.exchange(back(&token), response);
        [forwarded.costs.calls, answer.costs.calls].concat().len()
    };
    assert_eq!(calls(Response::from_endpoint(BLUE)), 6);
    assert_eq!(calls(setting(BLUE, "v-1")), 7);
}

/// Envoy rejects headers with any other byte.
fn header_byte() -> impl Strategy<Value = u8> {
    any::<u8>().prop_filter("a header cannot have it", |byte| !matches!(byte, 0 | b'\r' | b'\n'))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_value_of_a_backend_comes_back_to_it_alone(value in vec(header_byte(), 1..1100)) {
        let mut plugin = plugin();
        let (_, answer) = plugin.exchange(first(), setting(BLUE, &value));
        let tokens = sent(&answer);
        prop_assert_eq!(tokens.len(), usize::from(value.len() <= LIMIT));
        // Nothing of one session is in the request of another client.
        let other = plugin.request(first());
        prop_assert!(received(&other).is_empty() && other.pin().is_none());
        for token in tokens {
            let forwarded = plugin.request(back(&token));
            prop_assert_eq!(received(&forwarded), [&value[..]]);
            let pin = forwarded.pin();
            prop_assert_eq!(pin.as_deref(), Some(BLUE));
        }
    }

    #[test]
    fn any_value_of_a_client_reaches_the_backend_unchanged(value in vec(header_byte(), 0..1600)) {
        let forwarded = plugin().request(back(&value));
        prop_assert_eq!((forwarded.pin(), received(&forwarded)), (None, vec![&value[..]]));
    }
}
