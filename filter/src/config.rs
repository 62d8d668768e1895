//! The plugin configuration: which rules there are and how each carries its sessions.
//!
//! A Wasm filter takes no configuration per route. A plugin in the filter chain of one route (`envoy.filters.http.filter_chain`) has
//! the one rule of its route, as `envoy-config` renders it, and so does not ask Envoy for the route's name:
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
//! If the rule has several shares, its `share` is that of the route, and `shares` has those of the routes to the others by their
//! names. A plugin in the chain of a listener has a table of rules by the name of the Envoy route, or by how that name begins:
//!
//! ```json
//! {
//!   "rules": {"default/header/0/0": {"id": "default/header@4f2a9c0d71b6e835", "header": {"name": "session-a"}}},
//!   "rules_by_prefix": {"httproute/default/web/rule/0/": {"id": "default/web/0", "cookie": {"name": "web"}}}
//! }
//! ```
//!
//! Everything is checked here, so that a mistake stops Envoy from starting and never fails a request. Unknown fields are
//! errors. Text becomes the types of `names` and `timeout` below, which hold nothing invalid.

mod carrier;
mod read;
mod reserved;
mod rule;
mod timeout;

use std::collections::BTreeMap;

use serde::Serialize;

use self::read::{At, Json, Refused};

pub use carrier::{
    Carrier, Cookie, CookieName, CookieNameError, CookiePath, CookiePathError, Header, HeaderName,
    HeaderNameError, Lifetime, NAME_LIMIT, PATH_LIMIT, TokenError,
};
pub use read::Problem;
pub use rule::{Pin, Rule, RuleError, RuleId, RuleIdError};
pub use timeout::{Timeout, TimeoutError};

/// The whole plugin configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum PluginConfig {
    /// Of a plugin in the filter chain of one route.
    Route(RouteRule),
    /// Of a plugin that all routes of a listener pass.
    Table(RuleTable),
}

/// The rule of the one route that a plugin serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RouteRule {
    /// The rule, with the share of this route if it has several.
    pub rule: Rule,
    /// The other shares of the rule, by the names of the Envoy routes to them.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub shares: BTreeMap<String, String>,
}

/// Rules by the Envoy routes they apply to (`xds.route_name`). Several routes may serve one rule.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct RuleTable {
    /// By the name of the route.
    pub rules: BTreeMap<String, Rule>,
    /// By what the name of a route begins with, where the name itself is not among `rules`; the longest counts.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub rules_by_prefix: BTreeMap<String, Rule>,
}

/// Why a plugin configuration was refused: where in the JSON document, and what is wrong there.
#[derive(Debug, thiserror::Error)]
#[error("plugin configuration: at `{path}`: {problem}")]
pub struct ConfigError {
    /// The path of the offending value, as `rule.cookie.name`; `.` is the whole document.
    pub path: String,
    /// What is wrong.
    pub problem: Problem,
}

impl PluginConfig {
    /// Reads the JSON document that Envoy hands to the plugin.
    ///
    /// # Errors
    /// The first value that does not fit, with its path.
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
                        tables.map(|table| table.as_ref().map_or_else(|| Ok(BTreeMap::new()), rules));
                    Ok(Self::Table(RuleTable { rules: rules?, rules_by_prefix: rules_by_prefix? }))
                };
            };
            if let Some(table) = tables.into_iter().flatten().next() {
                return Err(table.refuse(Problem::Beside("rule")));
            }
            let rule = Rule::read(&rule)?;
            let mut shares = BTreeMap::new();
            if let Some(written) = fields.optional("shares") {
                if rule.share().is_none() {
                    return Err(written.refuse(Problem::Without("rule.share")));
                }
                for (name, share) in written.entries()? {
                    shares.insert(name.clone(), share.text()?.to_owned());
                }
            }
            Ok(Self::Route(RouteRule { rule, shares }))
        };
        let document = serde_json::from_slice(json)
            .map_err(|syntax| ConfigError { path: String::from("."), problem: Problem::Syntax(syntax) })?;
        read(&document).map_err(|Refused { path, problem }| ConfigError { path, problem })
    }
}

/// Reads rules by name.
fn rules(written: &At<'_>) -> Result<BTreeMap<String, Rule>, Refused> {
    // Collecting would sort them, which is six kilobytes of the module: they are in order.
    let mut rules = BTreeMap::new();
    for (name, rule) in written.entries()? {
        rules.insert(name.clone(), Rule::read(&rule)?);
    }
    Ok(rules)
}

#[cfg(test)]
mod tests;
