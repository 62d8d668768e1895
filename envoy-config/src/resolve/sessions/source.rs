//! Which session persistence applies to a rule: its own, or that of a policy for one of its backends
//! (GEP-1619, "Edge Case Behavior").
//!
//! - The rule's own takes precedence over all policies.
//! - The policy of one backend applies to all backends of the rule: if only some of them had sessions,
//!   clients would move to those, whatever the weights. (The GEP leaves this open.)
//! - If several backends of a rule have policies, that of the first backendRef applies.
//! - Of several policies for one target, the oldest applies, then the first by name (GEP-713). A policy with
//!   an unsupported field does not count.

use std::collections::HashMap;

use session_persistence::config::{CookieName, HeaderName};

use crate::diagnostic::Code;
use crate::manifest::gateway_api::backend_traffic_policy::BackendTrafficPolicy;
use crate::manifest::gateway_api::policy_target::TargetRef;
use crate::manifest::gateway_api::route::{BackendRef, Route, Rule};
use crate::manifest::gateway_api::session_persistence::{Carrier, SessionPersistence};
use crate::manifest::{Manifests, Object};
use crate::resolve::policies::targets::{self, Targets};
use crate::resolve::seniority::Seniority;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The policies by target.
pub(in crate::resolve) struct SessionPolicies<'m> {
    by_target: HashMap<Target<'m>, Policies<'m>>,
}

/// A backend: group, kind, namespace and name.
type Target<'m> = (&'m str, &'m str, &'m str, &'m str);

type Policy<'m> = &'m Object<BackendTrafficPolicy>;

/// The policies of one target.
struct Policies<'m> {
    /// The one that applies.
    first: Policy<'m>,
    others: Vec<Policy<'m>>,
}

/// The session persistence that applies to a rule.
#[derive(Clone, Copy)]
pub(in crate::resolve) struct Session<'m> {
    pub(in crate::resolve) persistence: &'m SessionPersistence,
    /// The policy that it comes from; `None` if it is the rule's own.
    pub(in crate::resolve) policy: Option<Policy<'m>>,
}

impl<'m> SessionPolicies<'m> {
    /// Indexes the policies by target, and reports those that do not apply.
    pub(in crate::resolve) fn index(manifests: &'m Manifests, report: &mut Report) -> Self {
        let targets = Targets::index(manifests);
        let mut policies: Vec<Policy<'m>> = manifests.backend_traffic_policies.iter().collect();
        policies.sort_by_cached_key(|policy| Seniority::of(policy));
        let mut by_target: HashMap<Target<'m>, Policies<'m>> = HashMap::new();
        for policy in policies {
            if !is_supported(policy, report) {
                continue;
            }
            let namespace = policy.metadata.namespace.value.as_str();
            for (number, target) in policy.spec.targets.iter().enumerate() {
                let TargetRef { group, kind, name, .. } = target;
                if !targets.has(policy, number, target, report) {
                    continue;
                }
                let key = (group.value.as_str(), kind.value.as_str(), namespace, name.value.as_str());
                if let Some(known) = by_target.get_mut(&key) {
                    targets::warn_conflict(policy, number, target, known.first, report);
                    known.others.push(policy);
                } else {
                    by_target.insert(key, Policies { first: policy, others: Vec::new() });
                }
            }
        }
        Self { by_target }
    }

    /// The session persistence of a rule, if any.
    pub(in crate::resolve) fn of(
        &self,
        route: &'m Object<Route>,
        number: usize,
        rule: &'m Rule,
        report: &mut Report,
    ) -> Option<Session<'m>> {
        let mut session =
            rule.session_persistence.as_ref().map(|persistence| Session { persistence, policy: None });
        for (position, backend) in rule.backend_refs.iter().enumerate() {
            let Some(policies) = self.by_target.get(&target(route, backend)) else { continue };
            for policy in policies.others.iter().chain([&policies.first]) {
                report.decisions.record_affected(policy, route);
            }
            let policy = policies.first;
            let Some(persistence) = &policy.spec.session_persistence else { continue };
            match session {
                None => session = Some(Session { persistence, policy: Some(policy) }),
                Some(counts) if counts.policy.is_some_and(|counts| is_same(counts, policy)) => {}
                Some(counts) => {
                    let field = format!("spec.rules[{number}].backendRefs[{position}]");
                    counts.warn_overridden(
                        persistence,
                        policy,
                        &Place::new(route, field, backend.span),
                        report,
                    );
                }
            }
        }
        session
    }
}

fn target<'m>(route: &'m Object<Route>, backend: &'m BackendRef) -> Target<'m> {
    let namespace = backend.namespace.as_ref().unwrap_or(&route.metadata.namespace);
    (&backend.group.value, &backend.kind.value, &namespace.value, &backend.name.value)
}

fn is_same(one: Policy<'_>, other: Policy<'_>) -> bool {
    one.metadata.key() == other.metadata.key()
}

/// `namespace/name`.
fn name(policy: Policy<'_>) -> String {
    let (namespace, name) = policy.metadata.key();
    format!("{namespace}/{name}")
}

impl<'m> Session<'m> {
    /// The name of the session, or the whole `sessionPersistence` if it has none; in the policy if it is from
    /// one.
    pub(in crate::resolve) fn span(&self) -> Span {
        match &self.persistence.carrier {
            Carrier::Cookie { name: Some(name), .. } => name.span,
            Carrier::Header { name: Some(name) } => name.span,
            Carrier::Cookie { name: None, .. } | Carrier::Header { name: None } => self.persistence.span,
        }
    }

    /// The place in the route: a field of the rule, or the rule if the persistence is from a policy.
    pub(in crate::resolve) fn place(
        &self,
        route: &'m Object<Route>,
        number: usize,
        rule: &Rule,
    ) -> Place<'m> {
        match self.policy {
            None => Place::new(route, format!("spec.rules[{number}].sessionPersistence"), self.span()),
            Some(_) => Place::new(route, format!("spec.rules[{number}]"), rule.span),
        }
    }

    /// Warns that the policy of the backend at this place does not apply to its rule.
    fn warn_overridden(
        &self,
        lost: &SessionPersistence,
        policy: Policy<'m>,
        place: &Place<'m>,
        report: &mut Report,
    ) {
        let loser = name(policy);
        let Some(counts) = self.policy else {
            let message =
                format!("the rule's own `sessionPersistence` takes precedence over policy `{loser}`");
            let warning = report.warning(Code::PolicyOverridden, place.clone(), message);
            warning.related = Some((lost.span, String::from("not used for this rule")));
            return;
        };
        let winner = name(counts);
        if own_name(lost).is_some_and(|lost| own_name(self.persistence) == Some(lost)) {
            // The GEP calls this an invalid configuration.
            let message = format!(
                "policies `{winner}` and `{loser}` of two backends of one rule use the same session name"
            );
            let field = "spec.sessionPersistence";
            let verdict = Place::new(policy, field, lost.span).because(
                Part::Whole,
                ConditionType::Accepted,
                Reason::Conflicted,
            );
            report.decide(&verdict, &message);
            let warning = report.warning(Code::SessionNameConflict, place.clone(), message);
            warning.related = Some((lost.span, String::from("not used for this rule")));
            warning.hint = Some(format!(
                "a rule has one session for all of its backends, and `{winner}` applies: use one policy that targets both \
                 backends"
            ));
        } else {
            let message = format!(
                "the backends of the rule have different session policies: `{winner}`, of an earlier backend, takes precedence over `{loser}`"
            );
            let warning = report.warning(Code::PolicyOverridden, place.clone(), message);
            warning.related = Some((lost.span, String::from("not used for this rule")));
            warning.hint = Some(String::from(
                "a rule has one session for all of its backends: set `sessionPersistence` in the rule itself",
            ));
        }
    }
}

/// The name of the session, with the kind of carrier that it is for.
fn own_name(persistence: &SessionPersistence) -> Option<(Option<&CookieName>, Option<&HeaderName>)> {
    match &persistence.carrier {
        Carrier::Cookie { name, .. } => name.as_ref().map(|name| (Some(&name.value), None)),
        Carrier::Header { name } => name.as_ref().map(|name| (None, Some(&name.value))),
    }
}

/// Whether everything in a policy is supported. A policy must not be applied in part (GEP-713).
fn is_supported(policy: Policy<'_>, report: &mut Report) -> bool {
    let Some(span) = policy.spec.retry_constraint else { return true };
    let place = Place::new(policy, "spec.retryConstraint", span);
    let place = place.because(Part::Whole, ConditionType::Accepted, Reason::Invalid);
    let message = String::from("`retryConstraint` is not supported, so the policy is not applied");
    report.error(Code::NotSupported, place, message).hint =
        Some(String::from("remove the field to apply the policy's `sessionPersistence`"));
    false
}
