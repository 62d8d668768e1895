//! A configured plugin: the rules of one listener with everything ready that a request needs.

use std::rc::Rc;

use crate::config::{Carrier, ConfigError, PluginConfig, Rule};
use crate::cookie;
use crate::key::{KeyError, KeyRing};
use crate::session::{self, Due, Session};
use crate::time::Timestamp;
use crate::token::{Nonce, Sealer};

/// What `on_configure` makes and requests read.
pub struct Plugin {
    /// Sorted by route name, in the bytes in which Envoy gives it.
    routes: Vec<(Vec<u8>, Rc<Route>)>,
    /// For each rule whose backends are told apart, a route to each of its shares.
    divided: Vec<Vec<Rc<Route>>>,
}

/// A route with session persistence.
pub struct Route {
    rule: Rule,
    sealer: Sealer,
    /// The position of its rule among those whose backends are told apart, if it is one.
    division: Option<usize>,
}

/// Why a plugin cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment variable.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The plugin configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// A header for the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AnswerHeader<'a> {
    /// A `Set-Cookie` beside those of the backend.
    SetCookie(String),
    /// The session header, in place of one that the backend sent.
    Session {
        /// Its name.
        name: &'a str,
        /// The token.
        token: String,
    },
}

impl Plugin {
    /// The plugin of this configuration document and this value of `SESSION_KEYS`.
    ///
    /// # Errors
    /// What keeps it from starting, in words for the person who starts Envoy.
    pub fn new(config: &[u8], keys: &str) -> Result<Self, StartError> {
        let ring = KeyRing::parse(keys)?;
        let mut plugin = Self { routes: Vec::new(), divided: Vec::new() };
        for (name, rule) in PluginConfig::parse(config)?.rules {
            let sealer = Sealer::new(&ring, rule.id(), rule.carrier(), rule.share());
            let division = rule.share().map(|_| plugin.division(&rule));
            let route = Rc::new(Route { rule, sealer, division });
            if let Some(shares) = division.and_then(|division| plugin.divided.get_mut(division))
                && !shares.iter().any(|known| known.rule.share() == route.rule.share())
            {
                shares.push(Rc::clone(&route));
            }
            plugin.routes.push((name.into_bytes(), route));
        }
        Ok(plugin)
    }

    /// The position of a rule among those whose backends are told apart. Its routes follow each other, so that the last one is
    /// the one, if any is.
    fn division(&mut self, rule: &Rule) -> usize {
        let of_rule = |shares: &Vec<Rc<Route>>| shares.iter().any(|route| route.rule.id() == rule.id());
        self.divided.iter().rposition(of_rule).unwrap_or_else(|| {
            self.divided.push(Vec::new());
            self.divided.len() - 1
        })
    }

    /// What session a request to a route has whose [`Route::request_header`] has this value, and the route that its token is
    /// for: where backends are told apart, that may be one to another share.
    #[must_use]
    pub fn session<'p>(
        &'p self,
        route: &'p Rc<Route>,
        value: &[u8],
        now: Timestamp,
    ) -> (Session, &'p Rc<Route>) {
        let session = route.session(value, now);
        if let (Some(division), Session::Refused(_)) = (route.division, session) {
            for other in self.divided.get(division).into_iter().flatten() {
                let found = other.session(value, now);
                if let Session::Pinned(_) = found {
                    return (found, other);
                }
            }
        }
        (session, route)
    }

    /// The route of this name, if it has session persistence.
    #[must_use]
    pub fn route(&self, name: &[u8]) -> Option<&Rc<Route>> {
        let position = self.routes.binary_search_by(|(known, _)| known.as_slice().cmp(name)).ok()?;
        self.routes.get(position).map(|(_, route)| route)
    }

    /// How many routes have session persistence.
    #[must_use]
    pub fn len(&self) -> usize {
        self.routes.len()
    }

    /// Whether no route has session persistence.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.routes.is_empty()
    }
}

impl Route {
    /// The rule that the route belongs to.
    #[must_use]
    pub const fn rule(&self) -> &Rule {
        &self.rule
    }

    /// The request header that can hold a token.
    #[must_use]
    pub fn request_header(&self) -> &str {
        match self.rule.carrier() {
            Carrier::Cookie(_) => "cookie",
            Carrier::Header(header) => header.name.as_str(),
        }
    }

    /// The header of answers that is ours alone, if there is one: `Set-Cookie` is everybody's.
    #[must_use]
    pub fn answer_header(&self) -> Option<&str> {
        match self.rule.carrier() {
            Carrier::Cookie(_) => None,
            Carrier::Header(header) => Some(header.name.as_str()),
        }
    }

    /// What session a request has whose [`Self::request_header`] has this value.
    #[must_use]
    pub fn session(&self, value: &[u8], now: Timestamp) -> Session {
        match self.rule.carrier() {
            Carrier::Cookie(cookie) => session::on_request(
                &self.rule,
                &self.sealer,
                cookie::values(value, cookie.name.as_str()),
                now,
            ),
            // Two lines of one header are one line with a comma (RFC 9110 section 5.2).
            Carrier::Header(_) => {
                let tokens = value.split(|&byte| byte == b',').map(<[u8]>::trim_ascii);
                session::on_request(&self.rule, &self.sealer, tokens.filter(|token| !token.is_empty()), now)
            }
        }
    }

    /// The header that gives the client this token; none if the token cannot be sealed.
    #[must_use]
    pub fn answer(&self, due: &Due, nonce: &Nonce) -> Option<AnswerHeader<'_>> {
        let token = self.sealer.seal(&due.contents, nonce)?;
        Some(match self.rule.carrier() {
            Carrier::Cookie(cookie) => {
                AnswerHeader::SetCookie(cookie::set_cookie(cookie, &token, due.seconds_left))
            }
            Carrier::Header(header) => AnswerHeader::Session { name: header.name.as_str(), token },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use crate::test;
    use crate::token::Contents;

    const KEYS: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const CONFIG: &str = r#"{"rules": {
        "shop/0": {"id": "default/shop", "cookie": {"name": "sid", "lifetime": "permanent"}, "absolute_timeout": "60s"},
        "game/0": {"id": "default/game", "header": {"name": "X-Room"}}
    }}"#;
    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn token(route: &Route) -> String {
        let endpoint = Endpoint::parse(b"10.0.0.1:80").unwrap();
        let due =
            Due { contents: Contents { issued: NOW, last_seen: NOW, endpoint }, seconds_left: Some(60) };
        match route.answer(&due, &[3; 24]).unwrap() {
            AnswerHeader::Session { name, token } => {
                assert_eq!(name, "x-room");
                token
            }
            AnswerHeader::SetCookie(value) => {
                let (token, attributes) = value.strip_prefix("sid=").unwrap().split_once(';').unwrap();
                assert_eq!(attributes, " Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
                token.to_owned()
            }
        }
    }

    #[test]
    fn a_token_that_was_answered_pins_when_it_comes_back() {
        let plugin = Plugin::new(CONFIG.as_bytes(), KEYS).unwrap();
        let (shop, game) = (plugin.route(b"shop/0").unwrap(), plugin.route(b"game/0").unwrap());
        let cookies = format!("a=b; sid={}", token(shop));
        assert_eq!(shop.session(cookies.as_bytes(), NOW).to_string(), "10.0.0.1:80");
        assert_eq!(game.session(token(game).as_bytes(), NOW).to_string(), "10.0.0.1:80");
        assert_eq!((shop.request_header(), game.request_header()), ("cookie", "x-room"));
    }

    #[test]
    fn header_lines_joined_with_commas_are_tried_in_turn() {
        let plugin = Plugin::new(CONFIG.as_bytes(), KEYS).unwrap();
        let game = plugin.route(b"game/0").unwrap();
        let joined = format!("stale, {} ,", token(game));
        assert_eq!(game.session(joined.as_bytes(), NOW).to_string(), "10.0.0.1:80");
        assert_eq!(game.session(b" , ", NOW), Session::None);
    }

    #[test]
    fn a_token_is_found_for_the_share_that_issued_it_on_any_route_of_its_rule() {
        const SHARES: &str = r#"{"rules": {
            "a/0/0": {"id": "a", "header": {"name": "x"}, "share": "one"},
            "a/0/1": {"id": "a", "header": {"name": "x"}, "share": "two"},
            "a/1/0": {"id": "a", "header": {"name": "x"}, "share": "one"},
            "a/1/1": {"id": "a", "header": {"name": "x"}, "share": "two"},
            "b/0/0": {"id": "b", "header": {"name": "x"}, "share": "one"},
            "b/0/1": {"id": "b", "header": {"name": "x"}},
            "c": {"id": "a", "header": {"name": "x"}, "share": ""}
        }}"#;
        let plugin = Plugin::new(SHARES.as_bytes(), KEYS).unwrap();
        let route = |name: &str| plugin.route(name.as_bytes()).unwrap();
        let endpoint = Endpoint::parse(b"10.0.0.1:80").unwrap();
        let due = Due { contents: Contents { issued: NOW, last_seen: NOW, endpoint }, seconds_left: None };
        let Some(AnswerHeader::Session { token, .. }) = route("a/0/1").answer(&due, &[3; 24]) else {
            panic!("no token");
        };
        for name in ["a/0/0", "a/0/1", "a/1/0", "a/1/1", "c"] {
            let (session, found) = plugin.session(route(name), token.as_bytes(), NOW);
            assert_eq!(
                (session.to_string().as_str(), found.rule().share()),
                ("10.0.0.1:80", Some("two")),
                "{name}"
            );
        }
        for name in ["b/0/0", "b/0/1"] {
            let (session, found) = plugin.session(route(name), token.as_bytes(), NOW);
            assert!(matches!(session, Session::Refused(_)) && Rc::ptr_eq(found, route(name)), "{name}");
        }
    }

    #[test]
    fn routes_that_are_not_in_the_table_have_no_sessions() {
        let plugin = Plugin::new(CONFIG.as_bytes(), KEYS).unwrap();
        for name in [&b""[..], b"shop", b"shop/00", b"\xff\xfe"] {
            assert!(plugin.route(name).is_none());
        }
    }

    #[test]
    fn keys_and_configuration_are_both_needed() {
        assert!(matches!(Plugin::new(CONFIG.as_bytes(), ""), Err(StartError::Keys(KeyError::Absent))));
        assert!(matches!(Plugin::new(b"", KEYS), Err(StartError::Config(_))));
    }
}
