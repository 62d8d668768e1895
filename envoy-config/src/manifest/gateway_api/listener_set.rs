//! ListenerSet (GEP-1713): listeners that are added to a Gateway.

use super::gateway::{Listener, listeners};
use crate::diagnostic::Code;
use crate::manifest::gateway_api::GROUP;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::parsed;
use crate::source::{Span, Spanned};

/// A ListenerSet.
#[derive(Clone, Debug)]
pub struct ListenerSet {
    /// `parentRef`.
    pub parent: ParentGateway,
    /// `listeners`, with unique names.
    pub listeners: Vec<Listener>,
}

/// The Gateway that a ListenerSet belongs to.
#[derive(Clone, Debug)]
pub struct ParentGateway {
    /// `group`: `gateway.networking.k8s.io` by default.
    pub group: Spanned<String>,
    /// `kind`: `Gateway` by default.
    pub kind: Spanned<String>,
    /// `namespace`: the ListenerSet's own by default.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Spanned<String>,
    /// The whole reference.
    pub span: Span,
}

const LISTENER_SET: Known = Known { read: &["parentRef", "listeners"], unread: &[], unsupported: &[] };

const PARENT_REF: Known =
    Known { read: &["group", "kind", "namespace", "name"], unread: &[], unsupported: &[] };

/// `spec` of a ListenerSet.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<ListenerSet> {
    let fields = Fields::of(at, &LISTENER_SET, findings)?;
    let parent = fields.required("parentRef", findings, parent_ref);
    let listeners = fields.required("listeners", findings, listeners);
    Some(ListenerSet { parent: parent?, listeners: listeners? })
}

fn parent_ref(at: At<'_>, findings: &mut Findings) -> Option<ParentGateway> {
    let fields = Fields::of(at, &PARENT_REF, findings)?;
    let group = fields.default(GROUP.to_owned());
    let group = fields.or("group", group, findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.default(String::from("Gateway"));
    let kind = fields.or("kind", kind, findings, parsed(Code::InvalidKind, names::kind));
    let namespace = fields.optional("namespace", findings, parsed(Code::InvalidNamespace, names::label));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    Some(ParentGateway { group: group?, kind: kind?, namespace, name: name?, span: at.span() })
}
