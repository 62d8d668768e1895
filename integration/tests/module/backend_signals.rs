//! `start_on` and `end_on`: the backend's own session starts and ends that of the filter.

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::{Answer, Request, Response};
use crate::plugin::Plugin;
use crate::sample::{BLUE, Browser, Client, GREEN, KEY, Program, START};

const COOKIE: &str = r#""cookie": {"name": "Session-A", "path": "/shop"}"#;
const HEADER: &str = r#""header": {"name": "Session-A"}"#;
const ON_COOKIE: &str = r#""start_on": {"backend_cookie": "JSESSIONID"}"#;
const ON_HEADER: &str = r#""start_on": {"backend_header": "X-Begin"}"#;
const UNTIL: &str = r#""end_on": {"backend_header": "X-End"}"#;

fn plugin(fields: &[&str]) -> Plugin {
    let rule = format!(r#"{{"rule": {{"id": "i", "absolute_timeout": "100s", {}}}}}"#, fields.join(", "));
    Plugin::start(Some(KEY), rule, START).unwrap()
}

fn served(endpoint: &str) -> Response {
    Response::from_endpoint(endpoint)
}

fn starting() -> Response {
    served(BLUE).header("set-cookie", "theme=dark").header("set-cookie", "JSESSIONID=1; Path=/; HttpOnly")
}

/// The `set-cookie` lines that are not the backend's.
fn issued(answer: &Answer) -> Vec<String> {
    let mut lines = answer.values("set-cookie");
    lines.retain(|line| line.starts_with("Session-A="));
    lines
}

fn token(answer: &Answer) -> String {
    let line = issued(answer).concat();
    line.strip_prefix("Session-A=").unwrap().split_once(';').unwrap().0.to_owned()
}

#[test]
fn a_session_starts_when_the_backend_sets_its_cookie() {
    let mut plugin = plugin(&[COOKIE, ON_COOKIE]);
    for response in [
        served(BLUE),
        served(BLUE).header("set-cookie", "theme=JSESSIONID=1"),
        served(BLUE).header("set-cookie", "JSESSIONID=; Path=/; Max-Age=0"),
        served(BLUE).header("JSESSIONID", "1"),
    ] {
        let (_, answer) = plugin.exchange(Browser::first(), response);
        assert_eq!(issued(&answer), [""; 0]);
        assert_eq!(answer.values("cache-control"), [""; 0], "nothing to protect");
        assert_eq!(answer.filter_state["session_persistence_state"], b"NN");
    }
    assert_eq!(plugin.counted("not_started.backend"), 4);
    let (_, answer) = plugin.exchange(Browser::first(), starting());
    assert_eq!(answer.values("set-cookie").len(), 3, "{answer:?}");
    let (forwarded, answer) = plugin.exchange(Browser::back(&token(&answer)), served(BLUE));
    assert_eq!((forwarded.pin().as_deref(), issued(&answer)), (Some(BLUE), Vec::new()));
    assert_eq!((plugin.counted("not_started.backend"), plugin.counted("started")), (4, 1));
}

#[test]
fn a_session_starts_when_the_backend_sets_a_header_even_an_empty_one() {
    for (carrier, value) in [(COOKIE, "1"), (HEADER, "")] {
        let mut plugin = plugin(&[carrier, ON_HEADER]);
        let (_, answer) = plugin.exchange(Browser::first(), served(BLUE));
        assert_eq!((issued(&answer), Program::token(&answer)), (Vec::new(), None));
        let (_, answer) = plugin.exchange(Browser::first(), served(BLUE).header("x-begin", value));
        assert_eq!(issued(&answer).len() + usize::from(Program::token(&answer).is_some()), 1);
        assert_eq!(answer.values("x-begin"), [value], "it is the client's, too");
    }
}

#[test]
fn a_session_that_goes_on_moves_and_is_renewed_without_the_backends_cookie() {
    let mut plugin = plugin(&[COOKIE, ON_COOKIE, r#""idle_timeout": "50s""#]);
    let (_, answer) = plugin.exchange(Browser::first(), starting());
    let first = token(&answer);
    let (_, answer) = plugin.exchange(Browser::back(&first), served(GREEN));
    let moved = token(&answer);
    plugin.wait(20);
    let (forwarded, answer) = plugin.exchange(Browser::back(&moved), served(GREEN));
    assert_eq!((forwarded.pin().as_deref(), issued(&answer).len()), (Some(GREEN), 1));
    // When it has ended, a new one waits for the backend.
    plugin.wait(60);
    let (_, answer) = plugin.exchange(Browser::back(&moved), served(GREEN));
    assert_eq!(issued(&answer), [""; 0]);
    let (_, answer) = plugin.exchange(Browser::back(&moved), starting());
    assert_eq!(issued(&answer).len(), 1);
}

#[test]
fn the_backend_ends_a_session() {
    let logout = || served(BLUE).header("X-End", "");
    let mut plugin = plugin(&[COOKIE, UNTIL]);
    let (_, answer) = plugin.exchange(Browser::first(), served(BLUE));
    let ours = token(&answer);
    let (_, answer) = plugin.exchange(Browser::back(&ours), logout());
    assert_eq!(issued(&answer), ["Session-A=; Path=/shop; Max-Age=0; HttpOnly; SameSite=Lax"]);
    assert_eq!(
        (answer.values("x-end"), answer.values("cache-control")),
        (vec![String::new()], vec!["private".into()])
    );
    // Another endpoint can end it, too, and a token that is not valid is taken away.
    for request in [Browser::back(&ours), Browser::back("x")] {
        let (_, answer) = plugin.exchange(request, served(GREEN).header("x-end", "1"));
        assert_eq!(issued(&answer).len(), 1);
        assert!(issued(&answer)[0].contains("Max-Age=0"), "{answer:?}");
    }
    assert_eq!((plugin.counted("ended.backend"), plugin.counted("moved")), (3, 0));
    // No session, and none starts.
    let (_, answer) = plugin.exchange(Browser::first(), logout());
    assert_eq!(issued(&answer), [""; 0]);
    // Envoy's own answers end nothing.
    let (_, answer) = plugin.exchange(Browser::back(&ours), Response::local_after(BLUE).header("x-end", "1"));
    assert_eq!(issued(&answer), [""; 0]);
    assert_eq!((plugin.counted("ended.backend"), plugin.counted("started")), (3, 1));
}

#[test]
fn the_end_wins_over_the_start() {
    let mut plugin = plugin(&[COOKIE, ON_COOKIE, UNTIL]);
    let (_, answer) = plugin.exchange(Browser::first(), starting().header("x-end", "1"));
    assert_eq!(issued(&answer), [""; 0]);
    assert_eq!(plugin.counted("not_started.backend"), 0);
}

#[test]
fn a_header_session_ends_with_an_empty_header() {
    for envelope in ["true", "false"] {
        let mut plugin = plugin(&[HEADER, UNTIL, &format!(r#""envelope": {envelope}"#)]);
        let (_, answer) = plugin.exchange(Program::first(), served(BLUE).header("Session-A", "own"));
        let token = Program::token(&answer).unwrap();
        for own in [None, Some("own"), Some("new")] {
            let response = served(BLUE).header("x-end", "1");
            let response =
                own.map_or_else(|| response.clone(), |own| response.clone().header("session-a", own));
            let (_, answer) = plugin.exchange(Program::back(&token), response);
            assert_eq!(answer.values("session-a"), [""], "{envelope} {own:?}");
        }
    }
}

#[test]
fn strict_sessions_start_and_end_with_those_of_the_backend() {
    let strict = r#""pin": "stateful_session", "on_endpoint_lost": "reject""#;
    let mut plugin = plugin(&[COOKIE, ON_HEADER, UNTIL, strict]);
    let named = || served(BLUE).header("x-session-persistence-override-host", STANDARD.encode(BLUE));
    let (_, answer) = plugin.exchange(Browser::first(), named());
    assert_eq!(issued(&answer), [""; 0]);
    let (_, answer) = plugin.exchange(Browser::first(), named().header("x-begin", "1"));
    let token = token(&answer);
    let (_, answer) = plugin.exchange(Browser::back(&token), served(BLUE));
    assert_eq!(issued(&answer), [""; 0]);
    let (_, answer) = plugin.exchange(Browser::back(&token), served(BLUE).header("x-end", "1"));
    assert!(issued(&answer).concat().contains("Max-Age=0"));
}

/// Envoy finds no route for the share of the session, and another share serves the request.
#[test]
fn a_session_whose_share_is_gone_goes_on_or_ends_as_all_others() {
    let rule = |share: &str| {
        format!(
            r#"{{"id": "i", {COOKIE}, "share": "{share}", {ON_HEADER}, {UNTIL}, "absolute_timeout": "100s"}}"#
        )
    };
    let config = format!(
        r#"{{"rules": {{"rule/two/x": {}}}, "rules_by_prefix": {{"rule/": {}}}}}"#,
        rule("two"),
        rule("one")
    );
    let mut plugin = Plugin::start(Some(KEY), config, START).unwrap();
    let first = Request::to("rule/two/x");
    let (_, answer) = plugin.exchange(first, served(BLUE).header("x-begin", "1"));
    let cookie = format!("Session-A={}", token(&answer));
    let mut back = |response| {
        let (_, answer) = plugin.exchange(Request::to("rule/one").header("cookie", &cookie), response);
        assert_eq!(answer.filter_state["session_persistence_share"], b"two");
        issued(&answer).concat()
    };
    assert!(back(served(GREEN)).len() > 80, "it continues on the other share");
    assert!(back(served(GREEN).header("x-end", "1")).contains("Max-Age=0"));
}

/// Without a signal, no call more; with `start_on`, one more for an answer that could start a session; with `end_on`, one more for
/// each answer.
#[test]
fn signals_cost_only_where_they_are_asked_for() {
    let calls = |fields: &[&str], back: bool, response: Response| {
        let mut plugin = plugin(&[&[COOKIE], fields].concat());
        let (_, answer) = plugin.exchange(Browser::first(), starting().header("x-begin", "1"));
        let request = if back { Browser::back(&token(&answer)) } else { Browser::first() };
        let (forwarded, answer) = plugin.exchange(request, response);
        [forwarded.costs.calls, answer.costs.calls].concat().len()
    };
    for (fields, returning, new) in
        [(&[][..], 4, 14), (&[ON_COOKIE], 4, 15), (&[ON_HEADER], 4, 15), (&[UNTIL], 5, 15)]
    {
        let found = [true, false].map(|back| calls(fields, back, starting().header("x-begin", "1")));
        assert_eq!(found, [returning, new], "{fields:?}");
    }
    assert_eq!(calls(&[ON_COOKIE], false, served(BLUE)), 9);
    assert_eq!(calls(&[UNTIL], true, served(BLUE).header("x-end", "1")), 15);
}
