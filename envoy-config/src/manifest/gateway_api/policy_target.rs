//! `targetRefs`: what a policy applies to (GEP-713).

use crate::diagnostic::Code;
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::parsed;
use crate::manifest::read::yaml::Node;
use crate::source::{Span, Spanned};

/// A reference to the target of a policy: an object in the policy's own namespace.
#[derive(Clone, Debug)]
pub struct TargetRef {
    /// `group`: empty for core.
    pub group: Spanned<String>,
    /// `kind`.
    pub kind: Spanned<String>,
    /// `name`.
    pub name: Spanned<String>,
    /// `sectionName`: a part of the object.
    pub section_name: Option<Spanned<String>>,
    /// The whole reference.
    pub span: Span,
}

const TARGET_REF: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

const SECTION_REF: Known =
    Known { read: &["group", "kind", "name", "sectionName"], unread: &[], unsupported: &[] };

/// The readable targets of a policy with errors, which have been reported.
pub(in crate::manifest) fn targets_of(policy: &Node<'_>) -> Vec<TargetRef> {
    let spec = policy.get("spec").map(|spec| &spec.value);
    let node = spec.and_then(|spec| spec.get("targetRefs")).map(|targets| &targets.value);
    let at = node.map(|node| At { node, path: FieldPath::Root });
    at.and_then(|at| list(at, 0..=16, &mut Findings::default(), target_ref)).unwrap_or_default()
}

pub(in crate::manifest) fn target_ref(at: At<'_>, findings: &mut Findings) -> Option<TargetRef> {
    target(&Fields::of(at, &TARGET_REF, findings)?, findings)
}

/// A target with or without a `sectionName`.
pub(in crate::manifest) fn section_ref(at: At<'_>, findings: &mut Findings) -> Option<TargetRef> {
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
