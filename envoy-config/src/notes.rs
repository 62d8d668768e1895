//! Notes: what is worth a line at the end of the diagnostics, and is neither an error nor a warning.
//!
//! Notes contain no names and no values of fields, so they need not be searched for parts of Secrets.

use std::fmt;

use crate::manifest::Manifests;
use crate::manifest::other_kinds::Ignored;

/// The notes about all manifests together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Objects of kinds that are not read.
    pub ignored: Ignored,
    /// Whether the input has no GatewayClass for the only Gateway that is served.
    pub class_is_missing: bool,
    /// Whether rules or policies have session persistence beside XBackends with theirs.
    pub deprecated_sessions: bool,
}

impl Notes {
    pub(crate) fn of(manifests: &Manifests) -> Self {
        let rules = || manifests.routes.iter().flat_map(|route| route.spec.rules.iter().flatten());
        let in_xbackends =
            manifests.xbackends.iter().any(|backend| backend.spec.session_persistence.is_some());
        let in_policies = || {
            manifests.backend_traffic_policies.iter().any(|policy| policy.spec.session_persistence.is_some())
        };
        let deprecated_sessions =
            in_xbackends && (rules().any(|rule| rule.session_persistence.is_some()) || in_policies());
        Self { ignored: manifests.ignored.clone(), class_is_missing: false, deprecated_sessions }
    }
}

impl fmt::Display for Notes {
    /// A line for each note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.ignored.is_empty() {
            writeln!(f, "note: {}", self.ignored)?;
        }
        if self.class_is_missing {
            writeln!(
                f,
                "note: the GatewayClass is not in the input; in a cluster, it must exist, and its controller must accept it"
            )?;
        }
        if self.deprecated_sessions {
            writeln!(
                f,
                "note: Gateway API 1.7 deprecates `sessionPersistence` in rules and policies in favor of XBackends; it still works: that of a rule takes precedence over those of its backends, of which the first one with sessions counts"
            )?;
        }
        Ok(())
    }
}
