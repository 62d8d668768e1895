//! Which session persistence applies to a rule: its own, or that of one of its backends: an XBackend, or a policy for
//! another kind (GEP-1619, "Edge Case Behavior").
//!
//! - The rule's own takes precedence over all backends.
//! - The persistence of one backend applies to all backends of the rule: if only some of them had sessions,
//!   clients would move to those, whatever the weights. (The GEP leaves this open.)
//! - If several backends of a rule have persistence, that of the first backendRef applies.
//! - Of several policies for one target, the oldest applies, then the first by name (GEP-713). A policy with
//!   an unsupported field does not count.

use std::collections::HashMap;

use session_persistence::config::{CookieName, HeaderName};

use crate::diagnostic::Code;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::backend_traffic_policy::BackendTrafficPolicy;
use crate::manifest::gateway_api::policy_target::TargetRef;
use crate::manifest::gateway_api::route::{BackendRef, Route, Rule};
use crate::manifest::gateway_api::session_persistence::{Carrier, SessionPersistence};
use crate::manifest::gateway_api::xbackend::{GROUP as EXPERIMENTAL, XBackend};
use crate::manifest::{Manifests, Object};
use crate::resolve::policies::targets::{self, Targets};
use crate::resolve::references::grants::{Grants, KindInNamespace};
use crate::resolve::references::lookup::Objects;
use crate::resolve::seniority::Seniority;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The policies by target.
pub(in crate::resolve) struct SessionPolicies<'m> {
    by_target: HashMap<Target<'m>, Policies<'m>>,
    xbackends: Objects<'m, XBackend>,
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
    /// Where it comes from; `None` if it is the rule's own.
    pub(in crate::resolve) origin: Option<Origin<'m>>,
}

/// The object of a backend that has the session persistence of a rule.
#[derive(Clone, Copy)]
pub(in crate::resolve) enum Origin<'m> {
    Policy(Policy<'m>),
    XBackend(&'m Object<XBackend>),
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
        Self { by_target, xbackends: Objects::index(&manifests.xbackends) }
    }

    /// The session persistence of a rule at this position, if any. `xbackend` returns the XBackend of a backendRef.
    pub(in crate::resolve) fn of(
        &self,
        (route, number, rule): (&'m Object<Route>, usize, &'m Rule),
        xbackend: impl Fn(&'m BackendRef) -> Option<&'m Object<XBackend>>,
        report: &mut Report,
    ) -> Option<Session<'m>> {
        let mut session =
            rule.session_persistence.as_ref().map(|persistence| Session { persistence, origin: None });
        for (position, backend) in rule.backend_refs.iter().enumerate() {
            let (origin, persistence) = if let Some(policies) = self.by_target.get(&target(route, backend)) {
                for policy in policies.others.iter().chain([&policies.first]) {
                    report.decisions.record_affected(policy, route);
                }
                (Origin::Policy(policies.first), &policies.first.spec.session_persistence)
            } else if let Some(found) = xbackend(backend) {
                (Origin::XBackend(found), &found.spec.session_persistence)
            } else {
                continue;
            };
            let Some(persistence) = persistence else { continue };
            match session {
                None => session = Some(Session { persistence, origin: Some(origin) }),
                Some(counts) if counts.origin.is_some_and(|counts| counts.is_same(origin)) => {}
                Some(counts) => {
                    let field = format!("spec.rules[{number}].backendRefs[{position}]");
                    let place = Place::new(route, field, backend.span);
                    counts.warn_overridden(persistence, origin, &place, report);
                }
            }
        }
        session
    }

    /// The XBackend that a backendRef names, if it exists and the route may refer to it.
    pub(in crate::resolve) fn xbackend(
        &self,
        route: &'m Object<Route>,
        backend: &'m BackendRef,
        grants: &Grants<'m>,
    ) -> Option<&'m Object<XBackend>> {
        let (group, kind, namespace, name) = target(route, backend);
        if group != EXPERIMENTAL || kind != "XBackend" {
            return None;
        }
        let own = route.metadata.namespace.value.as_str();
        let from = KindInNamespace { group: GATEWAY_API, kind: route.kind, namespace: own };
        let found = self.xbackends.get(namespace, name)?;
        grants.permits(from, KindInNamespace { group, kind, namespace }, name).then_some(found)
    }
}

fn target<'m>(route: &'m Object<Route>, backend: &'m BackendRef) -> Target<'m> {
    let namespace = backend.namespace.as_ref().unwrap_or(&route.metadata.namespace);
    (&backend.group.value, &backend.kind.value, &namespace.value, &backend.name.value)
}

impl Origin<'_> {
    /// What it is, for messages.
    pub(in crate::resolve) const fn noun(self) -> &'static str {
        match self {
            Self::Policy(_) => "policy",
            Self::XBackend(_) => "XBackend",
        }
    }

    fn name(self) -> String {
        let (namespace, name) = match self {
            Self::Policy(policy) => policy.metadata.key(),
            Self::XBackend(backend) => backend.metadata.key(),
        };
        format!("{namespace}/{name}")
    }

    fn is_same(self, other: Self) -> bool {
        self.noun() == other.noun() && self.name() == other.name()
    }
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
        match self.origin {
            None => Place::new(route, format!("spec.rules[{number}].sessionPersistence"), self.span()),
            Some(_) => Place::new(route, format!("spec.rules[{number}]"), rule.span),
        }
    }

    /// Warns that the persistence of the backend at this place does not apply to its rule.
    fn warn_overridden(
        &self,
        lost: &SessionPersistence,
        origin: Origin<'m>,
        place: &Place<'m>,
        report: &mut Report,
    ) {
        let (loser, noun) = (origin.name(), origin.noun());
        // An XBackend that agrees would give the rule the same session.
        let from_policies =
            matches!(origin, Origin::Policy(_)) || matches!(self.origin, Some(Origin::Policy(_)));
        if !from_policies && self.persistence.has_same_settings(lost) {
            return;
        }
        let Some(counts) = self.origin else {
            let message =
                format!("the rule's own `sessionPersistence` takes precedence over {noun} `{loser}`");
            let warning = report.warning(Code::PolicyOverridden, place.clone(), message);
            warning.related = Some((lost.span, String::from("not used for this rule")));
            return;
        };
        let winner = counts.name();
        if let Origin::Policy(policy) = origin
            && own_name(lost).is_some_and(|lost| own_name(self.persistence) == Some(lost))
        {
            // The GEP calls this an invalid configuration.
            let message = match counts {
                Origin::Policy(_) => format!(
                    "policies `{winner}` and `{loser}` of two backends of one rule use the same session name"
                ),
                Origin::XBackend(_) => format!(
                    "XBackend `{winner}` and policy `{loser}` of two backends of one rule use the same session name"
                ),
            };
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
            let what = match (counts, origin) {
                (Origin::Policy(_), Origin::Policy(_)) => "different session policies",
                _ => "different session persistence",
            };
            let message = format!(
                "the backends of the rule have {what}: `{winner}`, of an earlier backend, takes precedence over `{loser}`"
            );
            let warning = report.warning(Code::PolicyOverridden, place.clone(), message);
            warning.related = Some((lost.span, String::from("not used for this rule")));
            warning.hint = Some(String::from(match origin {
                Origin::Policy(_) => {
                    "a rule has one session for all of its backends: set `sessionPersistence` in the rule itself"
                }
                Origin::XBackend(_) => {
                    "a rule has one session for all of its backends: write the same `sessionPersistence` in all of them"
                }
            }));
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
