//! The metadata of a route with sessions (`envoy.config.core.v3.Metadata`): constants for the access log, which cost nothing until a
//! request is logged.

use serde::Serialize;
use session_persistence::config::{Rule, RuleId};

/// The namespace.
pub(super) const NAMESPACE: &str = "session-persistence";
/// The id of the rule.
pub(super) const RULE: &str = "rule";
/// The state of a session for which the filter writes none: valid, and its token was not renewed.
pub(super) const STATE: &str = "state";

#[derive(Serialize)]
pub(super) struct RouteMetadata {
    filter_metadata: Namespaces,
}

#[derive(Serialize)]
struct Namespaces {
    #[serde(rename = "session-persistence")]
    own: Constants,
}

#[derive(Serialize)]
struct Constants {
    rule: RuleId,
    state: &'static str,
}

impl RouteMetadata {
    pub(super) fn of(rule: &Rule) -> Self {
        Self { filter_metadata: Namespaces { own: Constants { rule: rule.id().clone(), state: "VN" } } }
    }
}
