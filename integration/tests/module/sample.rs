//! The plugin of most tests: two rules, a key, a clock.

use crate::exchange::{Answer, Forwarded, Request, Response};
use crate::plugin::Plugin;

/// A key, as `openssl rand -hex 32` writes one.
pub(crate) const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// Another key.
pub(crate) const NEW_KEY: &str = "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// When the tests begin, in seconds since 1970: in 2026.
pub(crate) const START: u64 = 1_780_000_000;

/// The route of the cookie rule.
pub(crate) const COOKIE: &str = "default/cookie/0/0";

/// The route of the header rule.
pub(crate) const HEADER: &str = "default/header/0/0";

/// Two backends.
pub(crate) const BLUE: &str = "10.0.0.1:3000";
pub(crate) const GREEN: &str = "10.0.0.2:3000";

/// One rule for each carrier. Their sessions end after an hour, or after a hundred seconds without a request.
pub(crate) const CONFIGURATION: &str = r#"{"rules": {
    "default/cookie/0/0": {
        "id": "default/cookie@4f2a9c0d71b6e835",
        "cookie": {"name": "Session-A", "lifetime": "permanent"},
        "absolute_timeout": "3600s",
        "idle_timeout": "100s"
    },
    "default/header/0/0": {
        "id": "default/header@4f2a9c0d71b6e835",
        "header": {"name": "Session-A"},
        "absolute_timeout": "3600s",
        "idle_timeout": "100s"
    }
}}"#;

/// A plugin with one key and the two rules.
pub(crate) fn plugin() -> Plugin {
    plugin_with_keys(KEY)
}

/// A plugin with these keys and the two rules.
pub(crate) fn plugin_with_keys(keys: &str) -> Plugin {
    Plugin::start(Some(keys), CONFIGURATION, START).unwrap()
}

/// The way a client brings its token back.
pub(crate) trait Client {
    /// The token that an answer gave it, if it gave one.
    fn token(answer: &Answer) -> Option<String>;
    /// Its next request, with a token.
    fn back(token: &str) -> Request;
    /// Its first request.
    fn first() -> Request;
}

/// A client of the cookie rule.
pub(crate) struct Browser;

/// A client of the header rule.
pub(crate) struct Program;

impl Client for Browser {
    fn token(answer: &Answer) -> Option<String> {
        let mut cookies = answer.values("set-cookie");
        cookies.retain(|cookie| cookie.starts_with("Session-A="));
        match cookies.as_slice() {
            [] => None,
            [cookie] => {
                let (pair, _attributes) = cookie.split_once(';').unwrap();
                Some(pair.strip_prefix("Session-A=").unwrap().to_owned())
            }
            several => panic!("{several:?}"),
        }
    }

    fn back(token: &str) -> Request {
        Self::first().header("cookie", format!("Session-A={token}"))
    }

    fn first() -> Request {
        Request::to(COOKIE)
    }
}

impl Client for Program {
    fn token(answer: &Answer) -> Option<String> {
        match answer.values("session-a").as_slice() {
            [] => None,
            [token] => Some(token.clone()),
            several => panic!("{several:?}"),
        }
    }

    fn back(token: &str) -> Request {
        Self::first().header("session-a", token)
    }

    fn first() -> Request {
        Request::to(HEADER)
    }
}

/// A session on this endpoint, begun now: its token.
pub(crate) fn begin<C: Client>(plugin: &mut Plugin, endpoint: &str) -> String {
    let (forwarded, answer) = plugin.exchange(C::first(), Response::from_endpoint(endpoint));
    assert_eq!(forwarded.pin(), None);
    C::token(&answer).unwrap()
}

/// The client comes back with its token, and the endpoint it is pinned to serves it.
pub(crate) fn come_back<C: Client>(plugin: &mut Plugin, token: &str) -> (Forwarded, Answer) {
    let forwarded = plugin.request(C::back(token));
    let endpoint = forwarded.pin().unwrap();
    let answer = plugin.respond(&forwarded, Response::from_endpoint(endpoint));
    (forwarded, answer)
}
