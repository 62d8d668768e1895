//! Session persistence (GEP-1619).
//!
//! - `source`: which session persistence applies to a rule, its own or that of a policy.
//! - `persistence`: the filter's configuration for a rule, with `rule_id` and `cookie_path`.
//! - `settings`: what a `SessionPersistencePolicy` changes in it, if it is `suitable`.
//! - `hidden`: tokens that backends do not see.
//! - `cookie_conflicts`: cookies that overwrite each other.
//! - `browser_rules`: cookies that browsers reject.

pub(super) mod browser_rules;
pub(super) mod cookie_conflicts;
mod cookie_path;
pub(super) mod hidden;
pub(super) mod persistence;
pub(super) mod pods;
pub(super) mod rule_id;
pub(super) mod settings;
pub(super) mod source;
pub(super) mod suitable;
