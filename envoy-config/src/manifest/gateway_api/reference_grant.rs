//! ReferenceGrant.

use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::parsed;

/// A ReferenceGrant: any of `from` may refer to any of `to` in the grant's own namespace.
#[derive(Clone, Debug)]
pub struct ReferenceGrant {
    /// `from`: 1 to 16 items.
    pub from: Vec<GrantFrom>,
    /// `to`: 1 to 16 items.
    pub to: Vec<GrantTo>,
}

/// Which objects may refer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantFrom {
    /// `group`: empty for core.
    pub group: String,
    /// `kind`.
    pub kind: String,
    /// `namespace`.
    pub namespace: String,
}

/// Which objects they may refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GrantTo {
    /// `group`: empty for core.
    pub group: String,
    /// `kind`.
    pub kind: String,
    /// `name`; if omitted, all objects of the kind.
    pub name: Option<String>,
}

const GRANT: Known = Known { read: &["from", "to"], unread: &[], unsupported: &[] };

const FROM: Known = Known { read: &["group", "kind", "namespace"], unread: &[], unsupported: &[] };

const TO: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

/// `spec` of a ReferenceGrant.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<ReferenceGrant> {
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
