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
}

/// A route with session persistence.
pub struct Route {
    rule: Rule,
    sealer: Sealer,
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
        let route =
            |rule: Rule| Rc::new(Route { sealer: Sealer::new(&ring, rule.id(), rule.carrier()), rule });
        let rules = PluginConfig::parse(config)?.rules;
        Ok(Self { routes: rules.into_iter().map(|(name, rule)| (name.into_bytes(), route(rule))).collect() })
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
