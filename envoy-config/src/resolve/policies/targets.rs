//! The targets of policies for backends (GEP-713): whether they exist, and which of several policies applies.

use crate::diagnostic::Code;
use crate::manifest::backend::Backend;
use crate::manifest::backend::GROUP as ENVOY_GATEWAY;
use crate::manifest::core::service::Service;
use crate::manifest::gateway_api::policy_target::TargetRef;
use crate::manifest::{Manifests, Object};
use crate::resolve::references::lookup::{Objects, Scope};
use crate::resolve::references::wrong_kind::WrongKind;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The objects that policies can target.
pub(in crate::resolve) struct Targets<'m> {
    services: Objects<'m, Service>,
    backends: Objects<'m, Backend>,
}

impl<'m> Targets<'m> {
    pub(in crate::resolve) fn index(manifests: &'m Manifests) -> Self {
        Self { services: Objects::index(&manifests.services), backends: Objects::index(&manifests.backends) }
    }

    /// Whether the target of this targetRef exists. Reports an error if not.
    pub(in crate::resolve) fn has<T>(
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
        let namespace = policy.metadata.namespace.value.as_str();
        let scope = Scope::OwnNamespace(policy.kind);
        let found = match (group.value.as_str(), kind.value.as_str()) {
            ("", "Service") => self.services.find(namespace, &name.value, scope, report).err(),
            (ENVOY_GATEWAY, "Backend") => self.backends.find(namespace, &name.value, scope, report).err(),
            _ => {
                let what = format!("{} targets", policy.kind);
                let hint = match kind.value.as_str() {
                    "XBackend" => String::from(
                        "write `sessionPersistence` or `tls` in the `spec` of the XBackend instead",
                    ),
                    _ => format!("target a Service, or a Backend of the group `{ENVOY_GATEWAY}`"),
                };
                let wrong = WrongKind::of(group, kind, &what, hint);
                let place = at(wrong.field, wrong.span, Reason::Invalid);
                report.error(Code::NotSupported, place, wrong.message).hint = wrong.hint;
                return false;
            }
        };
        let Some(unresolved) = found else { return true };
        unresolved.report(at(".name", name.span, Reason::TargetNotFound), report);
        false
    }
}

/// Warns that another policy of this kind applies to the target: the oldest one does, then the first by name
/// (GEP-713, "Conflict resolution").
pub(in crate::resolve) fn warn_conflict<T>(
    policy: &Object<T>,
    number: usize,
    target: &TargetRef,
    winner: &Object<T>,
    report: &mut Report,
) {
    let place = Place::new(policy, format!("spec.targetRefs[{number}]"), target.span);
    let place = place.because(Part::Whole, ConditionType::Accepted, Reason::Conflicted);
    let (namespace, name) = winner.metadata.key();
    let port =
        target.section_name.as_ref().map_or_else(String::new, |port| format!("port `{}` of ", port.value));
    let message = format!(
        "this policy does not apply to {port}{} `{}`: policy `{namespace}/{name}` takes precedence",
        target.kind.value, target.name.value
    );
    let warning = report.warning(Code::PolicyConflict, place, message);
    warning.related = Some((winner.metadata.name.span, String::from("this policy takes precedence")));
    warning.hint = Some(String::from("the oldest policy of a target applies, then the first by name"));
}
