//! ReferenceGrant.

use super::field_path::At;
use super::fields::{Fields, Known, list};
use super::findings::Findings;
use super::names;
use super::value::parsed;
use crate::diagnostic::Code;
use crate::manifest::grant::{GrantFrom, GrantTo, ReferenceGrant};

const GRANT: Known = Known { read: &["from", "to"], unread: &[], unsupported: &[] };

const FROM: Known = Known { read: &["group", "kind", "namespace"], unread: &[], unsupported: &[] };

const TO: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

/// `spec` of a ReferenceGrant.
pub(super) fn grant(at: At<'_>, findings: &mut Findings) -> Option<ReferenceGrant> {
    let fields = Fields::of(at, &GRANT, findings)?;
    let from = fields.required("from", findings, |at, findings| list(at, 1..=16, findings, from));
    let to = fields.required("to", findings, |at, findings| list(at, 1..=16, findings, to));
    Some(ReferenceGrant { from: from?, to: to? })
}

fn from(at: At<'_>, findings: &mut Findings) -> Option<GrantFrom> {
    let fields = Fields::of(at, &FROM, findings)?;
    let group = fields.required("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    let namespace = fields.required("namespace", findings, parsed(Code::InvalidNamespace, names::label));
    Some(GrantFrom { group: group?.value, kind: kind?.value, namespace: namespace?.value })
}

fn to(at: At<'_>, findings: &mut Findings) -> Option<GrantTo> {
    let fields = Fields::of(at, &TO, findings)?;
    let group = fields.required("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    let name = fields.optional("name", findings, parsed(Code::InvalidObjectName, names::reference));
    Some(GrantTo { group: group?.value, kind: kind?.value, name: name.map(|name| name.value) })
}
