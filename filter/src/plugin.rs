//! A configured plugin: keys and rules, prepared for requests. `reading` finds the session of a request.

mod reading;

use std::cell::RefCell;
use std::rc::Rc;

pub use self::reading::Reading;
use crate::config::{Carrier, ConfigError, PluginConfig, RouteRule, Rule, RuleTable};
use crate::cookie;
use crate::key::{KeyError, KeyRing};
use crate::names::OVERRIDE_HOST_HEADER;
use crate::session::Due;
use crate::time::Timestamp;
use crate::token::{Nonce, Recent, Sealer, Share};

/// Created when Envoy configures the plugin, and used by all requests.
pub struct Plugin {
    /// The route in whose filter chain the plugin is; `None` if it is in the filter chain of a listener.
    own: Option<Rc<Route>>,
    /// By route name, sorted.
    routes: Vec<(Vec<u8>, Rc<Route>)>,
    /// By prefix of route names; of two prefixes of one name, the longer comes first.
    prefixes: Vec<(Vec<u8>, Rc<Route>)>,
    /// The rules that are split.
    splits: Vec<Split>,
    /// The private headers of all rules; none if all have the default.
    pin_headers: Vec<String>,
    recent: Rc<RefCell<Recent>>,
}

/// A split rule, which has one or more routes for each share.
struct Split {
    sealer: Rc<Sealer>,
    shares: Vec<Share>,
    /// One route for each share.
    routes: Vec<Rc<Route>>,
}

/// A route with session persistence.
pub struct Route {
    rule: Rule,
    sealer: Rc<Sealer>,
    /// If its rule is split: the position in [`Plugin::splits`], and the share of this route.
    share: Option<(usize, Share)>,
}

/// The plugin cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The environment variable is invalid.
    #[error(transparent)]
    Keys(#[from] KeyError),
    /// The plugin configuration is invalid.
    #[error(transparent)]
    Config(#[from] ConfigError),
}

/// A response header that issues a token or ends a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SessionHeader<'a> {
    /// A `Set-Cookie` header in addition to those of the backend.
    SetCookie(String),
    /// The session header, which replaces one of the backend.
    Session {
        /// Its name.
        name: &'a str,
        /// The token; empty if the session ends.
        token: String,
    },
}

impl Plugin {
    /// The plugin with this configuration and this value of `SESSION_KEYS`, without a token cache.
    ///
    /// # Errors
    /// Why it cannot start, for the person who starts Envoy.
    pub fn new(config: &[u8], keys: &str) -> Result<Self, StartError> {
        let ring = KeyRing::parse(keys)?;
        let mut plugin = Self {
            own: None,
            routes: Vec::new(),
            prefixes: Vec::new(),
            splits: Vec::new(),
            pin_headers: Vec::new(),
            recent: Rc::new(RefCell::new(Recent::of(0))),
        };
        match PluginConfig::parse(config)? {
            PluginConfig::Route(RouteRule { rule, shares }) => {
                for (name, share) in shares {
                    let route = plugin.add(rule.clone().of_share(share), &ring);
                    plugin.routes.push((name.into_bytes(), route));
                }
                plugin.own = Some(plugin.add(rule, &ring));
            }
            PluginConfig::Table(RuleTable { rules, rules_by_prefix }) => {
                for (name, rule) in rules {
                    let route = plugin.add(rule, &ring);
                    plugin.routes.push((name.into_bytes(), route));
                }
                // The table is sorted, so of two prefixes of one name, the longer comes later.
                for (prefix, rule) in rules_by_prefix.into_iter().rev() {
                    let route = plugin.add(rule, &ring);
                    plugin.prefixes.push((prefix.into_bytes(), route));
                }
            }
        }
        if let [only] = plugin.pin_headers.as_slice()
            && only == OVERRIDE_HOST_HEADER
        {
            plugin.pin_headers.clear();
        }
        Ok(plugin)
    }

    /// The same plugin with this token cache, which several plugins can share.
    #[must_use]
    pub fn remembering(self, recent: Rc<RefCell<Recent>>) -> Self {
        Self { recent, ..self }
    }

    /// Adds a route with this rule. All routes of a split rule have the same sealer and know each other's shares.
    fn add(&mut self, rule: Rule, ring: &KeyRing) -> Rc<Route> {
        if !self.pin_headers.iter().any(|known| known == rule.pin_header()) {
            self.pin_headers.push(rule.pin_header().to_owned());
        }
        let sealer = || Rc::new(Sealer::new(ring, rule.id(), rule.carrier()));
        let Some(share) = rule.share().map(Share::new) else {
            return Rc::new(Route { sealer: sealer(), rule, share: None });
        };
        // The routes of a rule usually follow each other, so the search starts with the last rule.
        let of_rule = |split: &Split| {
            split
                .routes
                .iter()
                .any(|known| (known.rule.id(), known.rule.carrier()) == (rule.id(), rule.carrier()))
        };
        let position = self.splits.iter().rposition(of_rule).unwrap_or_else(|| {
            self.splits.push(Split { sealer: sealer(), shares: Vec::new(), routes: Vec::new() });
            self.splits.len() - 1
        });
        let split = self.splits.get_mut(position);
        let sealer = split.as_ref().map_or_else(sealer, |split| Rc::clone(&split.sealer));
        let route = Rc::new(Route { sealer, rule, share: Some((position, share.clone())) });
        if let Some(split) = split.filter(|split| !split.shares.contains(&share)) {
            split.shares.push(share);
            split.routes.push(Rc::clone(&route));
        }
        route
    }

    /// Starts to read a request to a route.
    #[must_use]
    pub fn read<'p: 'l, 'l>(&'p self, route: &'p Rc<Route>, now: Timestamp) -> Reading<'p, 'l> {
        let split = route.share.as_ref().and_then(|(position, _)| self.splits.get(*position));
        let (shares, routes) = split.map_or((&[][..], &[][..]), |split| (&split.shares, &split.routes));
        Reading::new(route, routes, route.sealer.opener(shares).remembering(&self.recent), now)
    }

    /// The route in whose filter chain the plugin is. All requests start on this route, before some move to another share.
    #[must_use]
    pub const fn own(&self) -> Option<&Rc<Route>> {
        self.own.as_ref()
    }

    /// The private headers of all rules, if rules have a `pin_header`: clients' copies are removed from every request, because the
    /// plugin in the filter chain of a listener does not know which Envoy filters of the chain read them.
    #[must_use]
    pub fn pin_headers(&self) -> &[String] {
        &self.pin_headers
    }

    /// The route of this name, if it has session persistence.
    #[must_use]
    pub fn route(&self, name: &[u8]) -> Option<&Rc<Route>> {
        let exact = self.routes.binary_search_by(|(known, _)| known.as_slice().cmp(name));
        let exact = exact.ok().and_then(|position| self.routes.get(position));
        let known = exact.or_else(|| self.prefixes.iter().find(|(prefix, _)| name.starts_with(prefix)));
        known.map(|(_, route)| route).or(self.own.as_ref())
    }

    /// The number of routes with session persistence.
    #[must_use]
    pub fn len(&self) -> usize {
        self.routes.len() + self.prefixes.len() + usize::from(self.own.is_some())
    }

    /// Whether no route has session persistence.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
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

    /// The header to remove from responses that issue no token, if there is one: a header of the backend would replace the
    /// client's session. With an envelope, [`envelope`](crate::envelope) decides about it.
    #[must_use]
    pub fn header_to_remove(&self) -> Option<&str> {
        match self.rule.carrier() {
            Carrier::Header(header) if !(header.removed_by_route || self.rule.is_enveloped()) => {
                Some(header.name.as_str())
            }
            Carrier::Cookie(_) | Carrier::Header(_) => None,
        }
    }

    /// The response header that issues this token; `None` if sealing fails.
    #[must_use]
    pub fn issue(&self, due: &Due, nonce: &Nonce) -> Option<SessionHeader<'_>> {
        self.issue_around(&[], due, nonce)
    }

    /// The response header that issues this token around a value of the backend, unless that is empty.
    #[must_use]
    pub fn issue_around(&self, value: &[u8], due: &Due, nonce: &Nonce) -> Option<SessionHeader<'_>> {
        let share = self.share.as_ref().map(|(_, share)| share);
        let token = self.sealer.seal_around(value, &due.contents, share, nonce)?;
        Some(match self.rule.carrier() {
            Carrier::Cookie(cookie) => {
                SessionHeader::SetCookie(cookie::set_cookie(cookie, &token, due.seconds_left))
            }
            Carrier::Header(header) => SessionHeader::Session { name: header.name.as_str(), token },
        })
    }

    /// The response header that ends a session: it removes the cookie, or is an empty session header.
    #[must_use]
    pub fn end(&self) -> SessionHeader<'_> {
        match self.rule.carrier() {
            Carrier::Cookie(cookie) => SessionHeader::SetCookie(cookie::clear_cookie(cookie)),
            Carrier::Header(header) => {
                SessionHeader::Session { name: header.name.as_str(), token: String::new() }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::endpoint::Endpoint;
    use crate::session::Session;
    use crate::test;
    use crate::token::Contents;

    const KEYS: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
    const CONFIG: &str = r#"{"rules": {
        "shop/0": {"id": "default/shop", "cookie": {"name": "sid", "lifetime": "permanent"}, "absolute_timeout": "60s"},
        "game/0": {"id": "default/game", "header": {"name": "X-Room"}}
    }}"#;
    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn start(config: &[u8], keys: &str) -> Result<Plugin, StartError> {
        Ok(Plugin::new(config, keys)?.remembering(Rc::new(RefCell::new(Recent::of(2)))))
    }

    fn token(route: &Route) -> String {
        let endpoint = Endpoint::parse(b"10.0.0.1:80").unwrap();
        let due = Due {
            contents: Contents { issued: NOW, last_seen: NOW, endpoint, identity: None },
            seconds_left: Some(60),
        };
        match route.issue(&due, &[3; 24]).unwrap() {
            SessionHeader::Session { name, token } => {
                assert_eq!(name, route.header_to_remove().unwrap());
                token
            }
            SessionHeader::SetCookie(value) => {
                let (token, attributes) = value.strip_prefix("sid=").unwrap().split_once(';').unwrap();
                assert_eq!(attributes, " Path=/; Max-Age=60; HttpOnly; SameSite=Lax");
                token.to_owned()
            }
        }
    }

    /// The session of a request with these header lines, and the route that its token is for.
    fn read<'a>(plugin: &'a Plugin, route: &'a Rc<Route>, lines: &'a [&[u8]]) -> (Session, &'a Rc<Route>) {
        let mut reading = plugin.read(route, NOW);
        let _ = lines.iter().any(|line| reading.line(line));
        reading.session()
    }

    fn shown(plugin: &Plugin, route: &Rc<Route>, line: &str) -> String {
        read(plugin, route, &[line.as_bytes()]).0.to_string()
    }

    #[test]
    fn an_issued_token_pins_the_next_request() {
        let plugin = start(CONFIG.as_bytes(), KEYS).unwrap();
        let (shop, game) = (plugin.route(b"shop/0").unwrap(), plugin.route(b"game/0").unwrap());
        let cookies = format!("a=b; sid={}", token(shop));
        assert_eq!(shown(&plugin, shop, &cookies), "10.0.0.1:80");
        assert_eq!(shown(&plugin, game, &token(game)), "10.0.0.1:80");
        assert_eq!((shop.request_header(), game.request_header()), ("cookie", "x-room"));
    }

    #[test]
    fn all_tokens_in_comma_separated_header_lines_are_tried() {
        let plugin = start(CONFIG.as_bytes(), KEYS).unwrap();
        let game = plugin.route(b"game/0").unwrap();
        let joined = format!("stale, {} ,", token(game));
        assert_eq!(shown(&plugin, game, &joined), "10.0.0.1:80");
        assert_eq!(shown(&plugin, game, " , "), "none");
        let token = token(game);
        let lines = [&b"stale"[..], token.as_bytes(), b"stale"];
        assert_eq!(read(&plugin, game, &lines).0.to_string(), "10.0.0.1:80");
    }

    #[test]
    fn any_route_of_a_split_rule_finds_the_share_of_a_token() {
        const SHARES: &str = r#"{"rules": {
            "a/0/0": {"id": "a", "header": {"name": "x"}, "share": "one"},
            "a/0/1": {"id": "a", "header": {"name": "x"}, "share": "two"},
            "a/1/0": {"id": "a", "header": {"name": "x"}, "share": "one"},
            "a/1/1": {"id": "a", "header": {"name": "x"}, "share": "two"},
            "b/0/0": {"id": "b", "header": {"name": "x"}, "share": "one"},
            "b/0/1": {"id": "b", "header": {"name": "x"}},
            "c": {"id": "a", "header": {"name": "x"}, "share": ""}
        }}"#;
        let plugin = start(SHARES.as_bytes(), KEYS).unwrap();
        let route = |name: &str| plugin.route(name.as_bytes()).unwrap();
        let endpoint = Endpoint::parse(b"10.0.0.1:80").unwrap();
        let due = Due {
            contents: Contents { issued: NOW, last_seen: NOW, endpoint, identity: None },
            seconds_left: None,
        };
        let Some(SessionHeader::Session { token, .. }) = route("a/0/1").issue(&due, &[3; 24]) else {
            panic!("no token");
        };
        let lines = [token.as_bytes()];
        for name in ["a/0/0", "a/0/1", "a/1/0", "a/1/1", "c"] {
            let (session, found) = read(&plugin, route(name), &lines);
            assert_eq!(
                (session.to_string().as_str(), found.rule().share()),
                ("10.0.0.1:80", Some("two")),
                "{name}"
            );
        }
        for name in ["b/0/0", "b/0/1"] {
            let (session, found) = read(&plugin, route(name), &lines);
            assert!(matches!(session, Session::Rejected(_)) && Rc::ptr_eq(found, route(name)), "{name}");
        }
    }

    #[test]
    fn the_plugin_of_one_route_needs_route_names_only_for_other_shares() {
        let one = start(br#"{"rule": {"id": "a", "header": {"name": "x"}}}"#, KEYS).unwrap();
        for name in ["", "any"] {
            assert!(Rc::ptr_eq(one.route(name.as_bytes()).unwrap(), one.own().unwrap()));
        }
        let config =
            r#"{"rule": {"id": "a", "header": {"name": "x"}, "share": "one"}, "shares": {"a/1": "two"}}"#;
        let plugin = start(config.as_bytes(), KEYS).unwrap();
        let share = |name: &[u8]| plugin.route(name).unwrap().rule().share();
        assert_eq!((share(b"a/0"), share(b"a/1")), (Some("one"), Some("two")));
        let token = token(plugin.route(b"a/1").unwrap());
        let lines = [token.as_bytes()];
        let (session, found) = read(&plugin, plugin.own().unwrap(), &lines);
        assert_eq!((session.to_string().as_str(), found.rule().share()), ("10.0.0.1:80", Some("two")));
    }

    #[test]
    fn sessions_follow_the_pods_of_any_share() {
        let config = |pods: &str| {
            format!(
                r#"{{"rule": {{"id": "a", "header": {{"name": "x"}}, "share": "one", "pods": {pods}}},
                    "shares": {{"a/1": "two"}}}}"#
            )
        };
        let before =
            start(config(r#"{"p/0": "10.0.0.7:80", "p/1": "10.0.0.1:80"}"#).as_bytes(), KEYS).unwrap();
        let issued = |name: &[u8], address: &str| {
            let route = before.route(name).unwrap();
            let endpoint = Endpoint::parse(address.as_bytes()).unwrap();
            let identity = route.rule().pods().identity_of(&endpoint);
            assert!(identity.is_some());
            let contents = Contents { issued: NOW, last_seen: NOW, endpoint, identity };
            match route.issue(&Due { contents, seconds_left: None }, &[3; 24]) {
                Some(SessionHeader::Session { token, .. }) => token,
                other => panic!("{other:?}"),
            }
        };
        let (one, two) = (issued(b"", "10.0.0.7:80"), issued(b"a/1", "10.0.0.1:80"));
        assert_eq!((one.len(), two.len()), (104, 104));
        let after =
            start(config(r#"{"p/0": "10.0.0.8:80", "p/1": "10.0.0.2:80"}"#).as_bytes(), KEYS).unwrap();
        assert_eq!(shown(&after, after.own().unwrap(), &one), "10.0.0.8:80");
        assert_eq!(shown(&after, after.own().unwrap(), &two), "10.0.0.2:80");
        let gone = start(config(r#"{"p/0": "10.0.0.1:80"}"#).as_bytes(), KEYS).unwrap();
        assert_eq!(shown(&gone, gone.own().unwrap(), &two), "lost: its pod is gone");
    }

    #[test]
    fn exact_route_names_take_precedence_over_the_longest_prefix() {
        let rule = |id: &str| format!(r#"{{"id": "{id}", "header": {{"name": "x"}}}}"#);
        let config = format!(
            r#"{{"rules": {{"a/b/c": {}}}, "rules_by_prefix": {{"a/": {}, "a/b/": {}, "": {}}}}}"#,
            rule("exact"),
            rule("a"),
            rule("ab"),
            rule("all")
        );
        let plugin = start(config.as_bytes(), KEYS).unwrap();
        for (name, id) in [("a/b/c", "exact"), ("a/b/d", "ab"), ("a/c", "a"), ("b", "all"), ("", "all")] {
            assert_eq!(plugin.route(name.as_bytes()).unwrap().rule().id().as_str(), id, "{name}");
        }
        assert!(plugin.own().is_none());
    }

    #[test]
    fn a_cached_token_expires_and_does_not_open_for_other_rules() {
        let config = r#"{"rules": {
            "a": {"id": "a", "header": {"name": "x"}, "absolute_timeout": "60s", "idle_timeout": "20s"},
            "b": {"id": "b", "header": {"name": "x"}}
        }}"#;
        let plugin = start(config.as_bytes(), KEYS).unwrap();
        let [one, other] = [b"a", b"b"].map(|name| plugin.route(name).unwrap());
        let token = token(one);
        let read = |route, seconds| {
            let now = Timestamp::from_unix_seconds(NOW.unix_seconds() + seconds);
            let mut reading = plugin.read(route, now);
            reading.line(token.as_bytes());
            reading.session().0.to_string()
        };
        for (seconds, session) in [
            (0, "10.0.0.1:80"),
            (19, "10.0.0.1:80"),
            (20, "refused: its idle timeout has passed"),
            (60, "refused: its absolute timeout has passed"),
            (0, "10.0.0.1:80"),
        ] {
            assert_eq!(read(one, seconds), session, "{seconds}");
            assert_eq!(read(other, seconds), "refused: it was changed, or issued for another rule");
        }
    }

    #[test]
    fn routes_that_are_not_in_the_table_have_no_sessions() {
        let plugin = start(CONFIG.as_bytes(), KEYS).unwrap();
        for name in [&b""[..], b"shop", b"shop/00", b"\xff\xfe"] {
            assert!(plugin.route(name).is_none());
        }
    }

    #[test]
    fn keys_and_configuration_are_required() {
        assert!(matches!(start(CONFIG.as_bytes(), ""), Err(StartError::Keys(KeyError::Absent))));
        assert!(matches!(start(b"", KEYS), Err(StartError::Config(_))));
    }
}
