//! References to backends: `backendRefs` of a rule, and `backendRef` of a mirror.

use super::RouteKind;
use super::filters::{self, Filter};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::gateway_api::xbackend;
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{integer, parsed, port};
use crate::source::{Span, Spanned};

/// A reference to a backend.
#[derive(Clone, Debug)]
pub struct BackendRef {
    /// `group`: empty for core.
    pub group: Spanned<String>,
    /// `kind`: `Service` by default.
    pub kind: Spanned<String>,
    /// `namespace`: the route's own by default.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Spanned<String>,
    /// `port`; required for a Service, and not allowed for an XBackend.
    pub port: Option<Spanned<u16>>,
    /// `weight`: 1 by default, at most 1,000,000.
    pub weight: Spanned<u32>,
    /// `filters`, applied after those of the rule.
    pub filters: Vec<Spanned<Filter>>,
    /// The whole reference.
    pub span: Span,
}

const OBJECT_REFERENCE: Known =
    Known { read: &["group", "kind", "namespace", "name", "port"], unread: &[], unsupported: &[] };

const BACKEND_REF: Known = Known {
    read: &["group", "kind", "namespace", "name", "port", "weight", "filters"],
    unread: &[],
    unsupported: &[],
};

pub(in crate::manifest) fn backend_ref(
    at: At<'_>,
    kind: RouteKind,
    findings: &mut Findings,
) -> Option<BackendRef> {
    let fields = Fields::of(at, &BACKEND_REF, findings)?;
    let filters = fields.optional("filters", findings, |at, findings| filters::read(at, kind, findings));
    let weight = fields.or("weight", fields.default(1), findings, integer(0..=1_000_000));
    let reference = referenced(&fields, findings)?;
    Some(BackendRef { weight: weight?, filters: filters.unwrap_or_default(), ..reference })
}

/// A reference outside of `backendRefs`, with the weight 1.
pub(in crate::manifest) fn object_reference(at: At<'_>, findings: &mut Findings) -> Option<BackendRef> {
    referenced(&Fields::of(at, &OBJECT_REFERENCE, findings)?, findings)
}

fn referenced(fields: &Fields<'_>, findings: &mut Findings) -> Option<BackendRef> {
    let at = fields.at();
    let defaulted = |text: &str| Spanned { value: text.to_owned(), span: at.span() };
    let group = fields.optional("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.optional("kind", findings, parsed(Code::InvalidKind, names::kind));
    let namespace = fields.optional("namespace", findings, parsed(Code::InvalidNamespace, names::label));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    let (group, kind) =
        (group.unwrap_or_else(|| defaulted("")), kind.unwrap_or_else(|| defaulted("Service")));
    let service = group.value.is_empty() && kind.value == "Service";
    let port = if service {
        Some(fields.required("port", findings, port)?)
    } else {
        fields.optional("port", findings, port)
    };
    if group.value == xbackend::GROUP
        && kind.value == "XBackend"
        && let Some(port) = &port
    {
        let path = FieldPath::Field(&at.path, "port");
        let message = "`port` is not allowed in a reference to an XBackend: it has a port of its own";
        let error = path.place(Diagnostic::error(Code::MisplacedField, port.span, message));
        findings.add(error.hint("remove it: requests go to `port.number` of the XBackend"));
    }
    let weight = fields.default(1);
    Some(BackendRef {
        group,
        kind,
        namespace,
        name: name?,
        port,
        weight,
        filters: Vec::new(),
        span: at.span(),
    })
}
