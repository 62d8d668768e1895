//! What policies for backends are for (GEP-713): whether it is there, and what is said of several policies for it.

use std::collections::BTreeSet;

use crate::diagnostic::{Code, closest};
use crate::manifest::policy::TargetRef;
use crate::manifest::{Manifests, Object};
use crate::resolve::references::groups::ENVOY_GATEWAY;
use crate::resolve::references::wrong_kind::WrongKind;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The objects that policies for backends are for, by namespace and name.
pub(in crate::resolve) struct Targets<'m> {
    services: BTreeSet<(&'m str, &'m str)>,
    backends: BTreeSet<(&'m str, &'m str)>,
}

impl<'m> Targets<'m> {
    pub(in crate::resolve) fn index(manifests: &'m Manifests) -> Self {
        Self {
            services: manifests.services.iter().map(|one| one.metadata.key()).collect(),
            backends: manifests.backends.iter().map(|one| one.metadata.key()).collect(),
        }
    }

    /// Whether what the targetRef at this position of a policy means is there; says so if it is not.
    pub(in crate::resolve) fn have<T>(
        &self,
        policy: &Object<T>,
        number: usize,
        target: &TargetRef,
        report: &mut Report,
    ) -> bool {
        let TargetRef { group, kind, name, .. } = target;
        let at = |field: &str, span: Span, reason: Reason| {
            let place = Place::new(policy, format!("spec.targetRefs[{number}]{field}"), span);
            place.because(Part::Whole, ConditionType::Accepted, reason)
        };
        let (objects, code) = match (group.value.as_str(), kind.value.as_str()) {
            ("", "Service") => (&self.services, Code::MissingService),
            (ENVOY_GATEWAY, "Backend") => (&self.backends, Code::MissingBackend),
            _ => {
                let what = format!("{} targets", policy.kind);
                let hint = format!("its targets are Services, and Backends of the group `{ENVOY_GATEWAY}`");
                let wrong = WrongKind::of(group, kind, &what, hint);
                let place = at(wrong.field, wrong.span, Reason::Invalid);
                report.error(Code::NotSupported, place, wrong.message).hint = wrong.hint;
                return false;
            }
        };
        let namespace = policy.metadata.namespace.value.as_str();
        if objects.contains(&(namespace, name.value.as_str())) {
            return true;
        }
        let place = at(".name", name.span, Reason::TargetNotFound);
        let kind = &kind.value;
        if report.may_be_unread(kind, namespace, &name.value) {
            report.decide(&place, &format!("the {kind} is not there or could not be read"));
            return false;
        }
        let message = format!("there is no {kind} `{namespace}/{}` among the manifests", name.value);
        let error = report.error(code, place, message);
        let neighbours = objects.iter().filter(|(other, _)| *other == namespace).map(|(_, name)| *name);
        let elsewhere = objects.iter().find(|(_, other)| *other == name.value);
        error.hint = Some(match (closest(&name.value, neighbours), elsewhere) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some((elsewhere, _))) => {
                format!("there is one in the namespace `{elsewhere}`, but a policy is for its own namespace")
            }
            (None, None) => format!("add the {kind} to the input"),
        });
        false
    }
}

/// Says that a target has a policy of this kind already, so that this one does not count for it: the oldest does, then
/// the first by its name (GEP-713, "Conflict resolution").
pub(in crate::resolve) fn conflict<T>(
    policy: &Object<T>,
    number: usize,
    target: &TargetRef,
    winner: &Object<T>,
    report: &mut Report,
) {
    let place = Place::new(policy, format!("spec.targetRefs[{number}]"), target.span);
    let place = place.because(Part::Whole, ConditionType::Accepted, Reason::Conflicted);
    let (namespace, name) = winner.metadata.key();
    let port = target
        .section_name
        .as_ref()
        .map_or_else(String::new, |port| format!("port `{}` of the ", port.value));
    let message = format!(
        "the {port}{} `{}` has the policy `{namespace}/{name}` already",
        target.kind.value, target.name.value
    );
    let warning = report.warning(Code::PolicyConflict, place, message);
    warning.related = Some((winner.metadata.name.span, String::from("this one goes first")));
    warning.hint = Some(String::from("the oldest policy of a target counts, then the first by its name"));
}
