//! Policies: `XBackendTrafficPolicy`.

use super::field_path::{At, FieldPath};
use super::fields::{Fields, Known, list};
use super::findings::Findings;
use super::unique::unique;
use super::value::parsed;
use super::yaml::Node;
use super::{names, session};
use crate::diagnostic::Code;
use crate::manifest::policy::{BackendTrafficPolicy, TargetRef};

const BACKEND_TRAFFIC: Known =
    Known { read: &["targetRefs", "retryConstraint", "sessionPersistence"], unread: &[], unsupported: &[] };

const TARGET_REF: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

const SECTION_REF: Known =
    Known { read: &["group", "kind", "name", "sectionName"], unread: &[], unsupported: &[] };

/// `spec` of an `XBackendTrafficPolicy`.
pub(super) fn backend_traffic(at: At<'_>, findings: &mut Findings) -> Option<BackendTrafficPolicy> {
    let fields = Fields::of(at, &BACKEND_TRAFFIC, findings)?;
    let targets = fields.required("targetRefs", findings, |at, findings| {
        let targets = list(at, 1..=16, findings, target_ref)?;
        let names =
            targets.iter().map(|one| ((&one.group.value, &one.kind.value, &one.name.value), one.span));
        unique(&at, "target", names, findings);
        Some(targets)
    });
    let session_persistence = fields.optional("sessionPersistence", findings, session::read);
    let retry_constraint = fields.entry("retryConstraint").map(|entry| entry.key.span);
    Some(BackendTrafficPolicy { targets: targets?, retry_constraint, session_persistence })
}

/// The targets of a policy of which something could not be read, as far as they can be; what is wrong has been said.
pub(super) fn targets_of(policy: &Node<'_>) -> Vec<TargetRef> {
    let spec = policy.get("spec").map(|spec| &spec.value);
    let node = spec.and_then(|spec| spec.get("targetRefs")).map(|targets| &targets.value);
    let at = node.map(|node| At { node, path: FieldPath::Root });
    at.and_then(|at| list(at, 0..=16, &mut Findings::default(), target_ref)).unwrap_or_default()
}

fn target_ref(at: At<'_>, findings: &mut Findings) -> Option<TargetRef> {
    target(&Fields::of(at, &TARGET_REF, findings)?, findings)
}

/// A target with or without a `sectionName`.
pub(super) fn section_ref(at: At<'_>, findings: &mut Findings) -> Option<TargetRef> {
    target(&Fields::of(at, &SECTION_REF, findings)?, findings)
}

fn target(fields: &Fields<'_>, findings: &mut Findings) -> Option<TargetRef> {
    let group = fields.required("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    let section_name =
        fields.optional("sectionName", findings, parsed(Code::InvalidSectionName, names::subdomain));
    Some(TargetRef { group: group?, kind: kind?, name: name?, section_name, span: fields.at().span() })
}
