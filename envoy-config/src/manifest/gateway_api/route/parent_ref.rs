//! `parentRefs`: the Gateways and ListenerSets that a route attaches to.

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::gateway_api::GROUP;
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{parsed, port};
use crate::manifest::read::yaml::Node;
use crate::source::{Span, Spanned};

/// A reference to a Gateway or ListenerSet, or to some of its listeners.
#[derive(Clone, Debug)]
pub struct ParentRef {
    /// `group` and `kind`.
    pub kind: ParentKind,
    /// `namespace`: the route's own by default.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Spanned<String>,
    /// `sectionName`: the name of a listener.
    pub section_name: Option<Spanned<String>>,
    /// `port`: the port of a listener.
    pub port: Option<Spanned<u16>>,
    /// The whole reference.
    pub span: Span,
}

/// What a parentRef refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParentKind {
    /// A Gateway.
    Gateway,
    /// A ListenerSet.
    ListenerSet,
    /// A default Gateway (`defaultScope: All`), for a route with `useDefaultGateways: All` that does not refer to it
    /// itself.
    DefaultGateway,
    /// Another kind, such as a Service.
    Other {
        /// The group; empty for core.
        group: String,
        /// The kind.
        kind: String,
    },
}

impl ParentKind {
    /// The kind of a parent that can be served; of another, `Gateway`.
    pub(crate) const fn name(&self) -> &'static str {
        match self {
            Self::ListenerSet => "ListenerSet",
            Self::Gateway | Self::DefaultGateway | Self::Other { .. } => "Gateway",
        }
    }
}

/// The readable parentRefs of a route with errors, which have been reported.
pub(in crate::manifest) fn parents_of(route: &Node<'_>) -> Vec<ParentRef> {
    let spec = route.get("spec").map(|spec| &spec.value);
    let node = spec.and_then(|spec| spec.get("parentRefs")).map(|parents| &parents.value);
    let path = FieldPath::Field(&FieldPath::Root, "spec");
    let read = node.and_then(|node| {
        read(At { node, path: FieldPath::Field(&path, "parentRefs") }, &mut Findings::default())
    });
    read.unwrap_or_default()
}

const PARENT_REF: Known = Known {
    read: &["group", "kind", "namespace", "name", "sectionName", "port"],
    unread: &[],
    unsupported: &[],
};

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<Vec<ParentRef>> {
    let parents = list(at, 0..=32, findings, parent_ref)?;
    for (index, second) in parents.iter().enumerate() {
        let same = |first: &&ParentRef| {
            first.kind == second.kind
                && first.name.value == second.name.value
                && namespace(first) == namespace(second)
        };
        let earlier = parents.iter().take(index).filter(same);
        if let Some((first, (code, message))) =
            earlier.into_iter().find_map(|first| Some((first, clash(first, second)?)))
        {
            let diagnostic = Diagnostic::error(code, second.span, message);
            findings
                .add(at.path.place(diagnostic).label("this reference").related(first.span, "and this one"));
        }
    }
    Some(parents)
}

fn namespace(parent: &ParentRef) -> Option<&str> {
    parent.namespace.as_ref().map(|namespace| namespace.value.as_str())
}

/// References to the same object must all name a section, or all name a port, and differ in it.
fn clash(first: &ParentRef, second: &ParentRef) -> Option<(Code, String)> {
    let object = if first.kind == ParentKind::ListenerSet { "ListenerSet" } else { "Gateway" };
    let section = |parent: &ParentRef| parent.section_name.as_ref().map(|name| name.value.clone());
    let port = |parent: &ParentRef| parent.port.as_ref().map(|port| port.value);
    let alike = section(first).is_some() == section(second).is_some()
        && port(first).is_some() == port(second).is_some();
    if !alike {
        let message =
            format!("references to the same {object} must all have a `sectionName`, or all have a `port`");
        return Some((Code::AmbiguousReference, message));
    }
    let same = section(first) == section(second) && port(first) == port(second);
    let message = format!("references to the same {object} must differ in `sectionName` or `port`");
    same.then_some((Code::DuplicateValue, message))
}

fn parent_ref(at: At<'_>, findings: &mut Findings) -> Option<ParentRef> {
    let fields = Fields::of(at, &PARENT_REF, findings)?;
    let group = fields.optional("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.optional("kind", findings, parsed(Code::InvalidKind, names::kind));
    let namespace = fields.optional("namespace", findings, parsed(Code::InvalidNamespace, names::label));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    let section_name =
        fields.optional("sectionName", findings, parsed(Code::InvalidSectionName, names::subdomain));
    let port = fields.optional("port", findings, port);
    let group = group.map_or_else(|| GROUP.to_owned(), |group| group.value);
    let kind = kind.map_or_else(|| String::from("Gateway"), |kind| kind.value);
    let kind = match kind.as_str() {
        "Gateway" if group == GROUP => ParentKind::Gateway,
        "ListenerSet" if group == GROUP => ParentKind::ListenerSet,
        _ => ParentKind::Other { group, kind },
    };
    Some(ParentRef { kind, namespace, name: name?, section_name, port, span: at.span() })
}
