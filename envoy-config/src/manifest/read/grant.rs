//! ReferenceGrant.

use super::fields::{Fields, Known, list};
use super::log::{At, Log};
use super::names;
use super::value::parsed;
use crate::diagnostic::Code;
use crate::manifest::grant::{GrantFrom, GrantTo, ReferenceGrant};

const GRANT: Known = Known { read: &["from", "to"], unread: &[], unsupported: &[] };

const FROM: Known = Known { read: &["group", "kind", "namespace"], unread: &[], unsupported: &[] };

const TO: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

/// `spec` of a ReferenceGrant.
pub(super) fn grant(at: At<'_>, log: &mut Log) -> Option<ReferenceGrant> {
    let fields = Fields::of(at, &GRANT, log)?;
    let from = fields.required("from", log, |at, log| list(at, 1..=16, log, from));
    let to = fields.required("to", log, |at, log| list(at, 1..=16, log, to));
    Some(ReferenceGrant { from: from?, to: to? })
}

fn from(at: At<'_>, log: &mut Log) -> Option<GrantFrom> {
    let fields = Fields::of(at, &FROM, log)?;
    let group = fields.required("group", log, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", log, parsed(Code::InvalidKind, names::kind));
    let namespace = fields.required("namespace", log, parsed(Code::InvalidNamespace, names::label));
    Some(GrantFrom { group: group?.value, kind: kind?.value, namespace: namespace?.value })
}

fn to(at: At<'_>, log: &mut Log) -> Option<GrantTo> {
    let fields = Fields::of(at, &TO, log)?;
    let group = fields.required("group", log, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", log, parsed(Code::InvalidKind, names::kind));
    let name = fields.optional("name", log, parsed(Code::InvalidObjectName, names::reference));
    Some(GrantTo { group: group?.value, kind: kind?.value, name: name.map(|name| name.value) })
}
