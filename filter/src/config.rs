//! The plugin configuration: rules, and how each carries its sessions.
//!
//! Wasm filters have no configuration per route. `envoy-config` renders a plugin in the filter chain of each route
//! (`envoy.filters.http.filter_chain`), which has only the rule of its route, and need not ask Envoy for the route's name:
//!
//! ```json
//! {
//!   "rule": {
//!     "id": "default/cookie@4f2a9c0d71b6e835",
//!     "cookie": {"name": "Session-A", "path": "/", "lifetime": "permanent", "secure": false},
//!     "absolute_timeout": "10s"
//!   }
//! }
//! ```
//!
//! If the rule is split, its `share` is that of the route, and `shares` lists the other shares by the names of their routes. A plugin
//! in the filter chain of a listener has a table of rules by the name of the Envoy route, or by a prefix of it:
//!
//! ```json
//! {
//!   "rules": {"default/header/0/0": {"id": "default/header@4f2a9c0d71b6e835", "header": {"name": "session-a"}}},
//!   "rules_by_prefix": {"httproute/default/web/rule/0/": {"id": "default/web/0", "cookie": {"name": "web"}}}
//! }
//! ```
//!
//! All values are validated here, so a mistake prevents Envoy from starting and never fails a request. Unknown fields are errors.

mod backend_signals;
mod by_name;
mod carrier;
mod pods;
mod read;
mod reserved;
mod rule;
mod timeout;

use serde::Serialize;

use self::read::{At, Json, Refused};

pub use backend_signals::{EndOn, FieldName, FieldNameError, StartOn};
pub use by_name::ByName;
pub use carrier::{
    Carrier, Cookie, CookieDomain, CookieDomainError, CookieName, CookieNameError, CookiePath,
    CookiePathError, DOMAIN_LIMIT, Header, HeaderName, HeaderNameError, Lifetime, NAME_LIMIT, PATH_LIMIT,
    SameSite, TokenError,
};
pub use pods::{Pods, PodsError};
pub use read::Problem;
pub use rule::{Cacheable, OnEndpointLost, Pin, Rule, RuleError, RuleId, RuleIdError};
pub use timeout::{Timeout, TimeoutError};

/// The whole plugin configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
#[allow(clippy::large_enum_variant, reason = "a plugin has one, and reads it once")]
pub enum PluginConfig {
    /// For a plugin in the filter chain of one route.
    Route(RouteRule),
    /// For a plugin in the filter chain of a listener.
    Table(RuleTable),
}

/// The rule of the one route that a plugin serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteRule {
    /// The rule; if it is split, with the share of this route.
    pub rule: Rule,
    /// The other shares of the rule, by the names of the Envoy routes to them.
    #[serde(skip_serializing_if = "ByName::is_empty")]
    pub shares: ByName<String>,
}

/// Rules by the Envoy routes they apply to (`xds.route_name`). Several routes may serve one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleTable {
    /// By the name of the route.
    pub rules: ByName<Rule>,
    /// By prefix of route names that are not in `rules`; the longest prefix applies.
    #[serde(skip_serializing_if = "ByName::is_empty")]
    pub rules_by_prefix: ByName<Rule>,
}

/// The plugin configuration is invalid.
#[derive(Debug, thiserror::Error)]
#[error("plugin configuration: at `{path}`: {problem}")]
pub struct ConfigError {
    /// The path of the invalid value, such as `rule.cookie.name`; `.` is the whole document.
    pub path: String,
    /// What is wrong.
    pub problem: Problem,
}

impl PluginConfig {
    /// Parses the JSON document that Envoy passes to the plugin.
    ///
    /// # Errors
    /// The first invalid value.
    pub fn parse(json: &[u8]) -> Result<Self, ConfigError> {
        let read = |document: &Json| {
            let fields = At::document(document).fields(&["rule", "shares", "rules", "rules_by_prefix"])?;
            let tables = [fields.optional("rules"), fields.optional("rules_by_prefix")];
            let Some(rule) = fields.optional("rule") else {
                if let Some(shares) = fields.optional("shares") {
                    return Err(shares.refuse(Problem::Without("rule")));
                }
                return if let [None, None] = tables {
                    Err(fields.refuse(Problem::Missing("rule` or `rules")))
                } else {
                    let [rules, rules_by_prefix] =
                        tables.map(|table| table.as_ref().map_or_else(|| Ok(ByName::default()), rules));
                    let table = RuleTable { rules: rules?, rules_by_prefix: rules_by_prefix? };
                    if table.has_pin_in_carrier() {
                        return Err(fields.refuse(Problem::Value(RuleError::PinInCarrier.to_string())));
                    }
                    Ok(Self::Table(table))
                };
            };
            if let Some(table) = tables.into_iter().flatten().next() {
                return Err(table.refuse(Problem::Beside("rule")));
            }
            let rule = Rule::read(&rule)?;
            let mut shares = Vec::new();
            if let Some(written) = fields.optional("shares") {
                if rule.share().is_none() {
                    return Err(written.refuse(Problem::Without("rule.share")));
                }
                for (name, share) in written.entries()? {
                    shares.push((name.clone(), share.text()?.to_owned()));
                }
            }
            Ok(Self::Route(RouteRule { rule, shares: ByName::sorted(shares) }))
        };
        let document = serde_json::from_slice(json)
            .map_err(|syntax| ConfigError { path: String::from("."), problem: Problem::Syntax(syntax) })?;
        read(&document).map_err(|Refused { path, problem }| ConfigError { path, problem })
    }
}

impl RuleTable {
    /// Whether one rule has its pin in the session header of another one. Requests of both pass this plugin, which removes clients'
    /// copies of that header.
    fn has_pin_in_carrier(&self) -> bool {
        let tables = [&self.rules, &self.rules_by_prefix];
        let mut pins: Vec<&str> = Vec::new();
        for (_, rule) in tables.into_iter().flat_map(ByName::iter) {
            if rule.is_in_gateway() && !pins.contains(&rule.pin_header()) {
                pins.push(rule.pin_header());
            }
        }
        let is_pin = |name: &HeaderName| pins.contains(&name.as_str());
        tables.into_iter().flat_map(ByName::iter).any(|(_, rule)| rule.carrier().header().is_some_and(is_pin))
    }
}

/// Reads rules by name.
fn rules(written: &At<'_>) -> Result<ByName<Rule>, Refused> {
    let rules = written.entries()?.map(|(name, rule)| Ok((name.clone(), Rule::read(&rule)?)));
    Ok(ByName::sorted(rules.collect::<Result<_, _>>()?))
}

#[cfg(test)]
mod tests;
