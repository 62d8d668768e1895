//! Rules in front of a gateway's own session persistence, which reads the pin from a header that the gateway names.

use crate::exchange::{Request, Response};
use crate::plugin::Plugin;
use crate::sample::{BLUE, GREEN, KEY, START};

/// Two rules of a gateway with headers of their own, and one of the rendered configuration.
const RULES: &str = r#"{
    "rules": {"own": {"id": "own", "header": {"name": "session"}}},
    "rules_by_prefix": {
        "httproute/default/shop/rule/0/": {
            "id": "shop", "cookie": {"name": "session"}, "absolute_timeout": "3600s",
            "pin": "stateful_session", "pin_header": "X-Shop"
        },
        "httproute/default/game/rule/1/": {
            "id": "game", "header": {"name": "session"}, "idle_timeout": "100s",
            "pin": "stateful_session", "pin_header": "x-game"
        }
    }
}"#;

const SHOP: &str = "httproute/default/shop/rule/0/match/0/shop_example_com";
const GAME: &str = "httproute/default/game/rule/1/match/-1/*";

/// The base64 of the addresses.
const ON_BLUE: &str = "MTAuMC4wLjE6MzAwMA==";
const ON_GREEN: &str = "MTAuMC4wLjI6MzAwMA==";

const HEADERS: [&str; 3] = ["x-shop", "x-game", "x-session-persistence-override-host"];

fn start() -> Plugin {
    Plugin::start(Some(KEY), RULES, START).unwrap()
}

/// The token of a session that begins on this endpoint.
fn begin(plugin: &mut Plugin, endpoint: &str, served_by: &str) -> String {
    let served = Response::from_endpoint(endpoint).header("x-game", served_by);
    let (forwarded, answer) = plugin.exchange(Request::to(GAME), served);
    assert!(HEADERS.iter().all(|name| forwarded.header(name).is_none()));
    assert!(answer.values("x-game").is_empty());
    answer.values("session").concat()
}

fn back(token: &str) -> Request {
    Request::to(GAME).header("session", token)
}

#[test]
fn a_session_is_pinned_in_the_header_of_its_rule() {
    let mut plugin = start();
    let token = begin(&mut plugin, BLUE, ON_BLUE);
    let (forwarded, answer) = plugin.exchange(back(&token), Response::from_endpoint(BLUE));
    assert_eq!(HEADERS.map(|name| forwarded.header(name)), [None, Some(ON_BLUE.to_owned()), None]);
    assert!(answer.values("session").is_empty());
    // Envoy names the endpoint if it is another one.
    let moved = Response::from_endpoint(GREEN).header("x-game", ON_GREEN);
    let (_, answer) = plugin.exchange(back(&token), moved);
    let token = answer.values("session").concat();
    assert!(answer.values("x-game").is_empty());
    assert_eq!(plugin.request(back(&token)).header("x-game").as_deref(), Some(ON_GREEN));
    // A rule with another header has the same kind of session.
    let served = Response::from_endpoint(BLUE).header("x-shop", ON_BLUE);
    let (_, answer) = plugin.exchange(Request::to(SHOP), served);
    let cookie = answer.values("set-cookie").concat();
    let cookie = cookie.split(';').next().unwrap();
    let forwarded = plugin.request(Request::to(SHOP).header("cookie", cookie));
    assert_eq!(HEADERS.map(|name| forwarded.header(name)), [Some(ON_BLUE.to_owned()), None, None]);
    // A token is for its rule only.
    let stolen = cookie.strip_prefix("session=").unwrap();
    assert_eq!(plugin.request(back(stolen)).header("x-game"), None);
}

#[test]
fn clients_copies_of_all_headers_are_removed_on_every_route() {
    let mut plugin = start();
    let token = begin(&mut plugin, BLUE, ON_BLUE);
    for (request, pinned) in [
        (back(&token), Some(ON_BLUE)),
        (Request::to(GAME), None),
        (Request::to(SHOP), None),
        (Request::to("own"), None),
        (Request::to("httproute/default/plain/rule/0/match/0/*"), None),
        (Request::without_route(), None),
    ] {
        let forged = HEADERS.into_iter().fold(request, |request, name| {
            request.header(name, ON_GREEN).header(name.to_ascii_uppercase(), "10.0.0.2:3000")
        });
        let forwarded = plugin.request(forged);
        let left = HEADERS.map(|name| forwarded.header(name));
        assert_eq!(left, [None, pinned.map(str::to_owned), None]);
    }
}

/// The routes of a gateway do not remove it, as the rendered ones do.
#[test]
fn a_backend_cannot_name_another_endpoint() {
    let mut plugin = start();
    let token = begin(&mut plugin, BLUE, ON_GREEN);
    let (forwarded, answer) =
        plugin.exchange(back(&token), Response::from_endpoint(BLUE).header("x-game", ON_GREEN));
    assert_eq!(forwarded.header("x-game").as_deref(), Some(ON_BLUE));
    assert!(answer.values("session").is_empty() && answer.values("x-game").is_empty());
}

#[test]
fn tokens_expire_and_are_renewed() {
    let mut plugin = start();
    let token = begin(&mut plugin, BLUE, ON_BLUE);
    plugin.wait(50);
    let (_, answer) = plugin.exchange(back(&token), Response::from_endpoint(BLUE));
    let renewed = answer.values("session").concat();
    plugin.wait(60);
    assert_eq!(plugin.request(back(&token)).header("x-game"), None);
    assert_eq!(plugin.request(back(&renewed)).header("x-game").as_deref(), Some(ON_BLUE));
}

/// A gateway whose load balancer reads the address itself, such as Envoy's `override_host` policy.
#[test]
fn the_pin_of_the_kind_metadata_is_the_plain_address() {
    let rules = RULES.replace("stateful_session", "metadata");
    let mut plugin = Plugin::start(Some(KEY), rules, START).unwrap();
    let (_, answer) = plugin.exchange(Request::to(GAME), Response::from_endpoint(BLUE));
    let forwarded = plugin.request(back(&answer.values("session").concat()).header("x-game", GREEN));
    assert_eq!(HEADERS.map(|name| forwarded.header(name)), [None, Some(BLUE.to_owned()), None]);
}

#[test]
fn an_envelope_is_pinned_in_the_header_of_its_rule() {
    let rules = RULES.replace(r#""id": "game""#, r#""id": "game", "envelope": true"#);
    let mut plugin = Plugin::start(Some(KEY), rules, START).unwrap();
    let served = || Response::from_endpoint(BLUE).header("x-game", ON_BLUE);
    let (_, answer) = plugin.exchange(Request::to(GAME), served());
    assert!(answer.values("session").is_empty() && answer.values("x-game").is_empty());
    let (_, answer) = plugin.exchange(Request::to(GAME), served().header("session", "own"));
    let token = answer.values("session").concat();
    assert!(answer.values("x-game").is_empty());
    let forwarded = plugin.request(back(&token).header("x-game", ON_GREEN));
    let seen = ["x-game", "session"].map(|name| forwarded.header(name));
    assert_eq!(seen, [Some(ON_BLUE.to_owned()), Some("own".to_owned())]);
}

#[test]
fn split_and_strict_rules_are_refused_at_the_start() {
    for field in [r#""share": "a""#, r#""on_endpoint_lost": "reject""#] {
        let config = RULES.replace(r#""id": "game""#, &format!(r#""id": "game", {field}"#));
        assert!(Plugin::start(Some(KEY), config, START).is_err(), "{field}");
    }
}
