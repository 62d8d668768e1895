//! Settings of sessions: what a `SessionPersistencePolicy` sets, and the filter's configuration of a rule with them.
//!
//! [`policies::session_persistence`](crate::resolve::policies::session_persistence) decides which policy applies.

use session_persistence::config::{Pin, Rule};

use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::model::{ClusterSettings, SessionSettings};

/// The settings that a policy sets.
pub(in crate::resolve) fn of_policy(policy: &SessionPersistencePolicy) -> SessionSettings {
    SessionSettings {
        on_endpoint_lost: policy.endpoints.on_endpoint_lost,
        exposes_header: policy.visibility.expose_header.is_some(),
    }
}

/// The filter's rule with these settings, and with the pin that its clusters need.
pub(in crate::resolve) fn apply(settings: &SessionSettings, rule: Rule, clusters: &ClusterSettings) -> Rule {
    if settings.is_strict() {
        rule.strict()
    } else if clusters.health.is_judged() {
        rule.pinned_by(Pin::StatefulSession)
    } else {
        rule
    }
}
