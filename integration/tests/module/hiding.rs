//! `hide_from_backend`: the cookies that the route gives to a backend. The filter leaves them in the filter state, and does not
//! change the request's own header.

use crate::exchange::{Forwarded, Request, Response};
use crate::plugin::Plugin;
use crate::sample::{BLUE, Browser, Client, KEY, START};

const STATE: &str = "session_persistence_cookies";

fn plugin(fields: &str) -> Plugin {
    let rule =
        format!(r#"{{"id": "i", "cookie": {{"name": "Session-A"}}, "hide_from_backend": true{fields}}}"#);
    Plugin::start(Some(KEY), format!(r#"{{"rule": {rule}}}"#), START).unwrap()
}

/// A request with these lines of cookies behind the filter, and the cookies that its backend gets.
fn forward(plugin: &mut Plugin, lines: &[&[u8]]) -> (Forwarded, Option<Vec<u8>>) {
    let request = lines.iter().fold(Browser::first(), |request, line| request.header("cookie", line));
    let (forwarded, answer) = plugin.exchange(request, Response::from_endpoint(BLUE));
    assert_eq!(forwarded.headers.all(b"cookie").collect::<Vec<_>>(), lines, "routes read the header");
    (forwarded, answer.filter_state.get(STATE).cloned())
}

#[test]
fn backends_get_the_other_cookies() {
    let mut plugin = plugin("");
    let (_, answer) = plugin.exchange(Browser::first(), Response::from_endpoint(BLUE));
    let token = Browser::token(&answer).unwrap();
    let ours = format!("Session-A={token}");
    for (lines, kept) in [
        (vec![ours.clone()], None),
        (vec![format!("a=\"1, 2\"; {ours}; b=3;")], Some("a=\"1, 2\"; b=3;")),
        (vec![String::from("a=1;b"), ours.clone(), format!("{ours}; c=2")], Some("a=1;b; c=2")),
    ] {
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        let (forwarded, others) = forward(&mut plugin, &lines);
        assert_eq!(forwarded.pin().as_deref(), Some(BLUE), "the session goes on");
        assert_eq!(others.as_deref(), kept.map(str::as_bytes));
    }
    let line = [b"x=\xff\x01; ", ours.as_bytes()].concat();
    assert_eq!(forward(&mut plugin, &[&line]).1.as_deref(), Some(&b"x=\xff\x01"[..]));
}

#[test]
fn every_value_of_the_cookie_is_hidden_and_a_request_without_cookies_has_none() {
    let mut plugin = plugin("");
    for value in ["", "x", "\"y\"", &"z".repeat(10_000)] {
        let line = format!("Session-A={value}; theme=dark");
        assert_eq!(forward(&mut plugin, &[line.as_bytes()]).1.as_deref(), Some(&b"theme=dark"[..]));
    }
    assert_eq!(forward(&mut plugin, &[b"theme=dark"]).1.as_deref(), Some(&b"theme=dark"[..]));
    assert_eq!(forward(&mut plugin, &[]).1, None);
}

#[test]
fn requests_that_are_ignored_hide_their_cookie_and_have_no_session() {
    let mut sessions = plugin("");
    let (_, answer) = sessions.exchange(Browser::first(), Response::from_endpoint(BLUE));
    let line = format!("a=1; Session-A={}", Browser::token(&answer).unwrap());
    let mut ignored = plugin(r#", "ignored": true"#);
    let (forwarded, others) = forward(&mut ignored, &[line.as_bytes()]);
    assert_eq!((forwarded.pin(), others.as_deref()), (None, Some(&b"a=1"[..])));
    let request = Request::to("").header("x-session-persistence-override-host", BLUE);
    let (forwarded, answer) = ignored.exchange(request, Response::from_endpoint(BLUE));
    assert_eq!((forwarded.pin(), answer.values("set-cookie")), (None, Vec::new()));
}

#[test]
fn hiding_takes_two_calls_and_only_where_it_is_asked_for() {
    let calls = |plugin: &mut Plugin| {
        let (_, answer) = plugin.exchange(Browser::first(), Response::from_endpoint(BLUE));
        let token = Browser::token(&answer).unwrap();
        let request = Browser::first().header("cookie", format!("a=1; Session-A={token}"));
        let (forwarded, answer) = plugin.exchange(request, Response::from_endpoint(BLUE));
        [forwarded.costs.calls, answer.costs.calls].concat().len()
    };
    let rule = r#"{"rule": {"id": "i", "cookie": {"name": "Session-A"}}}"#;
    let mut plain = Plugin::start(Some(KEY), rule, START).unwrap();
    assert_eq!((calls(&mut plain), calls(&mut plugin(""))), (4, 6));
}
