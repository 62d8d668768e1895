//! Cookies and headers: attributes, several values, and cookies or headers of clients and backends.

use crate::exchange::{Request, Response};
use crate::sample::{BLUE, Browser, COOKIE, Client, GREEN, HEADER, Program, begin, come_back, plugin};

#[test]
fn cookies_have_their_attributes() {
    let (_, answer) = plugin().exchange(Browser::first(), Response::from_endpoint(BLUE));
    let cookies = answer.values("set-cookie");
    let (_, attributes) = cookies[0].split_once("; ").unwrap();
    assert_eq!(attributes, "Path=/; Max-Age=3600; HttpOnly; SameSite=Lax");
}

#[test]
fn max_age_is_the_rest_of_the_absolute_timeout() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    plugin.wait(60);
    let (_, answer) = come_back::<Browser>(&mut plugin, &token);
    assert!(answer.values("set-cookie")[0].contains("; Max-Age=3540;"), "{answer:?}");
}

#[test]
fn backend_cookies_are_unchanged() {
    let response = Response::from_endpoint(BLUE)
        .header("set-cookie", "a=1")
        .header("set-cookie", "Session-B=2; Path=/x");
    let (_, answer) = plugin().exchange(Browser::first(), response);
    let cookies = answer.values("set-cookie");
    assert_eq!(cookies[..2], ["a=1", "Session-B=2; Path=/x"]);
    assert_eq!(cookies.len(), 3);
}

#[test]
fn backends_cannot_set_the_session_header() {
    let (_, answer) =
        plugin().exchange(Program::first(), Response::from_endpoint(BLUE).header("session-a", "chosen"));
    assert_ne!(Program::token(&answer).unwrap(), "chosen");
}

#[test]
fn backends_cannot_replace_a_header_session() {
    let mut plugin = plugin();
    let token = begin::<Program>(&mut plugin, BLUE);
    let response = Response::from_endpoint(BLUE).header("session-a", "chosen");
    let (_, answer) = plugin.exchange(Program::back(&token), response);
    assert_eq!(answer.values("session-a"), [""; 0]);
}

#[test]
fn tokens_of_one_rule_are_invalid_for_another() {
    let mut plugin = plugin();
    let cookie = begin::<Browser>(&mut plugin, BLUE);
    let header = begin::<Program>(&mut plugin, GREEN);
    assert_eq!(plugin.request(Program::back(&cookie)).pin(), None);
    assert_eq!(plugin.request(Browser::back(&header)).pin(), None);
    assert_eq!(plugin.counted("rejected.forged"), 2);
}

#[test]
fn several_session_cookies_are_tried_in_order() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    let cookies = format!("Session-A=stale; other=x; Session-A=\"{token}\"; last");
    assert_eq!(plugin.request(Request::to(COOKIE).header("Cookie", cookies)).pin().as_deref(), Some(BLUE));
}

/// Envoy joins the cookie lines of HTTP/2, but leaves those of HTTP/1 as they came.
#[test]
fn session_cookie_is_found_in_any_cookie_line() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    let request = Request::to(COOKIE)
        .header("cookie", "a=1; b=2")
        .header("cookie", format!("c=3; Session-A={token}"))
        .header("cookie", "d=4");
    assert_eq!(plugin.request(request).pin().as_deref(), Some(BLUE));
}

#[test]
fn session_header_is_found_in_any_line() {
    let mut plugin = plugin();
    let token = begin::<Program>(&mut plugin, BLUE);
    let request = Request::to(HEADER).header("Session-A", "stale").header("SESSION-A", token);
    assert_eq!(plugin.request(request).pin().as_deref(), Some(BLUE));
}

#[test]
fn ipv6_endpoints_are_pinned_in_envoys_notation() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, "[2001:db8::1]:3000");
    assert_eq!(plugin.request(Browser::back(&token)).pin().as_deref(), Some("[2001:db8::1]:3000"));
}

#[test]
fn ipv4_tokens_have_at_most_88_characters() {
    let token = begin::<Browser>(&mut plugin(), "255.255.255.255:65535");
    assert!(token.len() <= 88, "{} characters", token.len());
}

#[test]
fn tokens_are_unique() {
    let mut plugin = plugin();
    let mut tokens: Vec<String> = (0..100).map(|_| begin::<Browser>(&mut plugin, BLUE)).collect();
    tokens.sort_unstable();
    tokens.dedup();
    assert_eq!(tokens.len(), 100);
}
