//! The plugin configuration: which rules there are and how each carries its sessions.
//!
//! A Wasm filter takes no configuration per route, so one document holds a table by Envoy route name:
//!
//! ```json
//! {
//!   "rules": {
//!     "default/cookie/0/0": {
//!       "id": "default/cookie@4f2a9c0d71b6e835",
//!       "cookie": {"name": "Session-A", "path": "/", "lifetime": "permanent", "secure": false},
//!       "absolute_timeout": "10s"
//!     },
//!     "default/header/0/0": {
//!       "id": "default/header@4f2a9c0d71b6e835",
//!       "header": {"name": "session-a"},
//!       "absolute_timeout": "10s"
//!     }
//!   }
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
pub use rule::{Rule, RuleError, RuleId, RuleIdError};
pub use timeout::{Timeout, TimeoutError};

/// The whole plugin configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PluginConfig {
    /// The rules by the name of the Envoy route they apply to (`xds.route_name`). Several routes may serve one rule.
    pub rules: BTreeMap<String, Rule>,
}

/// Why a plugin configuration was refused: where in the JSON document, and what is wrong there.
#[derive(Debug, thiserror::Error)]
#[error("plugin configuration: at `{path}`: {problem}")]
pub struct ConfigError {
    /// The path of the offending value, as `rules.default/cookie/0/0.cookie.name`; `.` is the whole document.
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
            let written = At::document(document).fields(&["rules"])?.required("rules")?;
            // Collecting would sort them, which is six kilobytes of the module: they are in order.
            let mut rules = BTreeMap::new();
            for (name, rule) in written.entries()? {
                rules.insert(name.clone(), Rule::read(&rule)?);
            }
            Ok(Self { rules })
        };
        let document = serde_json::from_slice(json)
            .map_err(|syntax| ConfigError { path: String::from("."), problem: Problem::Syntax(syntax) })?;
        read(&document).map_err(|Refused { path, problem }| ConfigError { path, problem })
    }
}

#[cfg(test)]
mod tests;
