//! `SessionPersistencePolicy`: settings of the sessions of rules. [`super::attached`] decides which policy applies to a rule.

use std::collections::HashMap;

use super::attached::{Applied, AttachedPolicies};
use super::target_objects::{HasTargets, Target, TargetObjects};
use crate::diagnostic::Code;
use crate::manifest::Manifests;
use crate::manifest::policy_targets::Targets;
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::resolve::status::report::{Place, Report};

/// All of these policies.
pub(in crate::resolve) struct SessionSettings<'m> {
    pub(super) attached: AttachedPolicies<'m, SessionPersistencePolicy>,
    /// The targets through which a policy applies to rules, and whether one of those has session persistence.
    reached: HashMap<Target<'m>, bool>,
}

impl HasTargets for SessionPersistencePolicy {
    fn targets(&self) -> &Targets {
        &self.targets
    }
}

impl<'m> SessionSettings<'m> {
    /// Indexes the policies by target, and reports those that do not apply.
    pub(super) fn index(
        manifests: &'m Manifests,
        objects: &TargetObjects<'m, '_>,
        report: &mut Report,
    ) -> Self {
        let policies = &manifests.session_persistence_policies;
        Self { attached: AttachedPolicies::index(policies, objects, report), reached: HashMap::new() }
    }

    /// Records that a policy applies to a rule.
    pub(super) fn reach(&mut self, applied: Applied<'m, SessionPersistencePolicy>, persistent: bool) {
        *self.reached.entry(applied.target).or_default() |= persistent;
    }

    /// Warns about targets where a policy applies only to rules without session persistence.
    pub(in crate::resolve) fn warn_without_sessions(&self, report: &mut Report) {
        for (target, named) in self.attached.in_order() {
            if self.reached.get(target) == Some(&false) {
                let place = Place::new(named.policy, named.field.clone(), named.span);
                let message = format!(
                    "the policy has no effect on {target}: no rule there that it applies to has session persistence"
                );
                report.warning(Code::NoEffect, place, message).hint =
                    Some(String::from("set `sessionPersistence` in the rule"));
            }
        }
    }
}
