//! Hostile input from clients, backends and configuration: it never traps and is never a session.

use std::net::{IpAddr, SocketAddr};

use proptest::collection::vec;
use proptest::prelude::*;

use crate::exchange::{PIN, Request, Response};
use crate::plugin::Plugin;
use crate::sample::{
    BLUE, Browser, COOKIE, Client, HEADER, NEW_KEY, Program, begin, plugin, plugin_with_keys,
};

/// Sends a request that must count as one without a session, and be given one.
fn is_no_session<C: Client>(plugin: &mut Plugin, request: Request) {
    let shown = format!("{request:?}");
    let (forwarded, answer) = plugin.exchange(request, Response::from_endpoint(BLUE));
    assert_eq!(forwarded.pin(), None, "{shown}");
    assert!(C::token(&answer).is_some(), "{shown}");
}

/// Values that no filter should have to see.
fn nasty_values() -> Vec<Vec<u8>> {
    let mut values: Vec<Vec<u8>> = [
        &b""[..],
        b" ",
        b"=",
        b";",
        b";;;===;;;",
        b"Session-A",
        b"Session-A=",
        b"Session-A=\"",
        b"Session-A=\"\"",
        b"Session-A=;Session-A==",
        b"session-a=AQ",
        b"\xff\xfe\x80",
        b"Session-A=\xff\xfe",
        b"Session-\xff=AQ",
        b"\0",
        b"Session-A=\0\0\0\0",
        b",",
        b",,\xff,,",
        "Session-A=\u{1f36a}".as_bytes(),
    ]
    .map(<[u8]>::to_vec)
    .into();
    values.push(b"A".repeat(60_000));
    values.push(b";".repeat(60_000));
    values.push([&b"Session-A="[..], &b"A".repeat(60_000)].concat());
    values.push(b"Session-A=AAAA; ".repeat(4_000));
    values
}

#[test]
fn hostile_values_are_not_sessions() {
    let mut plugin = plugin();
    for value in nasty_values() {
        is_no_session::<Browser>(&mut plugin, Browser::first().header("cookie", &value));
        is_no_session::<Program>(&mut plugin, Program::first().header("session-a", &value));
    }
}

#[test]
fn hostile_values_do_not_hide_a_valid_token() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    for value in nasty_values() {
        let cookies = [&value[..], b"; Session-A=", token.as_bytes()].concat();
        let pin = plugin.request(Request::to(COOKIE).header("cookie", &cookies)).pin();
        // Behind hundreds of cookies, a token is not looked for: no client sends that many.
        let cookies_before = value.split(|&byte| byte == b';').count();
        let expected = Some(BLUE).filter(|_| cookies_before < 100);
        assert_eq!(pin.as_deref(), expected, "{}", value.escape_ascii());
    }
}

#[test]
fn tokens_with_any_character_changed_are_rejected() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    for at in 0..token.len() {
        let mut changed = token.clone().into_bytes();
        changed[at] = if changed[at] == b'A' { b'B' } else { b'A' };
        is_no_session::<Browser>(&mut plugin, Browser::back(std::str::from_utf8(&changed).unwrap()));
    }
}

#[test]
fn truncated_and_extended_tokens_are_rejected() {
    let mut plugin = plugin();
    let token = begin::<Program>(&mut plugin, BLUE);
    for length in 1..token.len() {
        is_no_session::<Program>(&mut plugin, Program::back(token.get(..length).unwrap()));
    }
    for more in ["A", "AA", "AAAA", "=", "==", &token, &"A".repeat(60_000)] {
        is_no_session::<Program>(&mut plugin, Program::back(&format!("{token}{more}")));
    }
}

#[test]
fn tokens_of_an_unknown_key_are_rejected() {
    let token = begin::<Browser>(&mut plugin_with_keys(NEW_KEY), BLUE);
    let mut plugin = plugin();
    is_no_session::<Browser>(&mut plugin, Browser::back(&token));
    assert_eq!(plugin.counted("rejected.unknown_key"), 1);
}

#[test]
fn clients_cannot_pin_themselves() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    let forge = |request: Request| {
        request.header(PIN, "10.6.6.6:80").header("X-Session-Persistence-Override-Host", "10.6.6.7:80")
    };
    let routes = [COOKIE, HEADER, "default/none/0/0"].map(Request::to);
    for request in routes.into_iter().chain([Request::without_route(), Request::to(b"\xff\xfe")]) {
        assert_eq!(plugin.request(forge(request)).pin(), None);
    }
    let forwarded = plugin.request(forge(Browser::back(&token)));
    assert_eq!(forwarded.headers.all(PIN).collect::<Vec<_>>(), [BLUE.as_bytes()]);
}

#[test]
fn routes_without_a_rule_are_unaffected() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    let cookie = format!("Session-A={token}");
    let routes = ["default/none/0/0", "", "default/cookie/0/0\0", "\u{1f36a}"].map(Request::to);
    for request in routes.into_iter().chain([Request::without_route(), Request::to(b"\xff\xfe")]) {
        let (forwarded, answer) =
            plugin.exchange(request.header("cookie", &cookie), Response::from_endpoint(BLUE));
        assert_eq!(forwarded.pin(), None);
        assert!(answer.values("set-cookie").is_empty(), "{answer:?}");
        assert!(answer.filter_state.is_empty(), "{answer:?}");
    }
}

#[test]
fn upstreams_without_an_ip_address_start_no_session() {
    let mut plugin = plugin();
    let pipes = ["", "/run/backend.sock", "envoy://internal/x", "10.0.0.1", "10.0.0.1:", "10.0.0.1:99999"];
    let mut upstreams: Vec<&[u8]> = pipes.map(str::as_bytes).into();
    upstreams.extend([&b"\xff\xfe:80"[..], b"10.0.0.1:80\0"]);
    for upstream in upstreams {
        let (_, answer) = plugin.exchange(Browser::first(), Response::from_endpoint(upstream));
        assert!(answer.values("set-cookie").is_empty(), "{answer:?}");
    }
    let warnings: Vec<_> = plugin.log().iter().filter(|line| line.text.contains("no session")).collect();
    let [warning] = warnings[..] else { panic!("{warnings:?}") };
    assert!(
        warning.text.ends_with("no session: the endpoint /run/backend.sock has no IP address"),
        "{warning:?}"
    );
}

/// Cookie text in which the interesting bytes are likely.
fn cookie_like() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"Session-A".to_vec()),
        Just(b"=".to_vec()),
        Just(b"; ".to_vec()),
        Just(b"\"".to_vec()),
        Just(b",".to_vec()),
        "[A-Za-z0-9_-]{0,100}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..20),
    ];
    vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// An `ip:port`.
fn endpoint() -> impl Strategy<Value = String> {
    (any::<IpAddr>(), any::<u16>()).prop_map(|(ip, port)| SocketAddr::new(ip, port).to_string())
}

/// Text that Envoy might give for an address.
fn address_like() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        endpoint().prop_map(String::into_bytes),
        "[0-9a-f:.\\[\\]%/]{0,40}".prop_map(String::into_bytes),
        vec(any::<u8>(), 0..40),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_client_bytes_neither_trap_nor_pin(cookies in vec(cookie_like(), 0..4), header in cookie_like()) {
        let mut plugin = plugin();
        let request = cookies.iter().fold(Browser::first(), |request, value| request.header("cookie", value));
        is_no_session::<Browser>(&mut plugin, request);
        is_no_session::<Program>(&mut plugin, Program::first().header("session-a", header));
    }

    #[test]
    fn arbitrary_envoy_bytes_never_trap(route in vec(any::<u8>(), 0..60), upstream in address_like()) {
        let mut plugin = plugin();
        plugin.exchange(Request::to(route), Response::from_endpoint(&upstream));
        plugin.exchange(Browser::first(), Response::from_endpoint(&upstream));
    }

    #[test]
    fn endpoints_round_trip(endpoint in endpoint()) {
        let mut plugin = plugin();
        let token = begin::<Program>(&mut plugin, &endpoint);
        prop_assert_eq!(plugin.request(Program::back(&token)).pin(), Some(endpoint));
    }
}
