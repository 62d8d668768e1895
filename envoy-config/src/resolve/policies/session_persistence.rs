//! `SessionPersistencePolicy`: settings of the sessions of rules. [`super::attached`] decides which policy applies to a rule.

use std::collections::{HashMap, HashSet};

use super::attached::{Applied, AttachedPolicies};
use super::target_objects::{HasTargets, Target, TargetObjects};
use crate::diagnostic::Code;
use crate::manifest::gateway_api::session_persistence::Carrier;
use crate::manifest::policy_targets::Targets;
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::manifest::{Manifests, Object};
use crate::resolve::sessions::source::Session;
use crate::resolve::status::report::{Place, Report};

/// All of these policies.
pub(in crate::resolve) struct SessionSettings<'m> {
    pub(super) attached: AttachedPolicies<'m, SessionPersistencePolicy>,
    /// The targets through which a policy applies to rules, and the sessions of those.
    reached: HashMap<Target<'m>, Reached>,
    /// The matches of `ignore` that some requests of rules with sessions meet, by the policy's key and their position.
    met: HashSet<((&'m str, &'m str), usize)>,
}

/// The sessions of the rules that a policy applies to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Reached {
    /// Whether there are any.
    sessions: bool,
    /// Whether some are carried by a header.
    headers: bool,
    /// Whether some are carried by a cookie.
    cookies: bool,
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
        Self {
            attached: AttachedPolicies::index(policies, objects, report),
            reached: HashMap::new(),
            met: HashSet::new(),
        }
    }

    /// Records that a policy applies to a rule with these sessions.
    pub(super) fn reach(
        &mut self,
        applied: Applied<'m, SessionPersistencePolicy>,
        session: Option<&Session<'m>>,
    ) {
        let reached = self.reached.entry(applied.target).or_default();
        reached.sessions |= session.is_some();
        match session.map(|session| &session.persistence.carrier) {
            Some(Carrier::Header { .. }) => reached.headers = true,
            Some(Carrier::Cookie { .. }) => reached.cookies = true,
            None => {}
        }
    }

    /// Records that requests of rules with sessions meet these matches of `ignore`.
    pub(in crate::resolve) fn meet(
        &mut self,
        policy: &'m Object<SessionPersistencePolicy>,
        positions: Vec<usize>,
    ) {
        self.met.extend(positions.into_iter().map(|position| (policy.metadata.key(), position)));
    }

    /// Warns about targets where a policy, or a field of it, applies only to rules without such sessions.
    pub(in crate::resolve) fn warn_without_effect(&self, report: &mut Report) {
        let mut unmet = HashSet::new();
        for (target, named) in self.attached.in_order() {
            let Some(reached) = self.reached.get(target) else { continue };
            if let Some(expose) = &named.policy.spec.visibility.expose_header
                && reached.sessions
                && !reached.headers
            {
                let place = Place::new(named.policy, "spec.exposeHeader", expose.span);
                let message = format!(
                    "`exposeHeader` has no effect on {target}: no rule there has sessions in a header"
                );
                report.warning(Code::NoEffect, place, message);
            }
            for (position, one) in
                named.policy.spec.requests.ignore.iter().enumerate().filter(|_| reached.sessions)
            {
                let one_of_policy = (named.policy.metadata.key(), position);
                if !self.met.contains(&one_of_policy) && unmet.insert(one_of_policy) {
                    let place = Place::new(named.policy, format!("spec.ignore[{position}]"), one.span);
                    let message = "no request meets both this match and one of a rule with sessions that the policy applies to";
                    report.warning(Code::NoEffect, place, String::from(message));
                }
            }
            if let Some(cookie) = &named.policy.spec.cookie
                && reached.sessions
                && !reached.cookies
            {
                let place = Place::new(named.policy, "spec.cookie", cookie.span);
                let message =
                    format!("`cookie` has no effect on {target}: no rule there has sessions in a cookie");
                report.warning(Code::NoEffect, place, message);
            }
            if !reached.sessions {
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
