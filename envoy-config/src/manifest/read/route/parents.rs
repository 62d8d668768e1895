//! `parentRefs`: the Gateways that a route wants to attach to.

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known, list};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::gateway::GATEWAY_GROUP;
use crate::manifest::read::names;
use crate::manifest::read::value::{parsed, port};
use crate::manifest::route::{ParentKind, ParentRef};

const PARENT_REF: Known = Known {
    read: &["group", "kind", "namespace", "name", "sectionName", "port"],
    unread: &[],
    unsupported: &[],
};

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<Vec<ParentRef>> {
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

/// Two references to one Gateway must both name a section, or both a port, and not the same.
fn clash(first: &ParentRef, second: &ParentRef) -> Option<(Code, &'static str)> {
    let section = |parent: &ParentRef| parent.section_name.as_ref().map(|name| name.value.clone());
    let port = |parent: &ParentRef| parent.port.as_ref().map(|port| port.value);
    let alike = section(first).is_some() == section(second).is_some()
        && port(first).is_some() == port(second).is_some();
    if !alike {
        let message = "two references to one Gateway must both have a `sectionName`, or both a `port`";
        return Some((Code::AmbiguousReference, message));
    }
    let same = section(first) == section(second) && port(first) == port(second);
    let message = "two references to one Gateway must differ in `sectionName` or `port`";
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
    let group = group.map_or_else(|| GATEWAY_GROUP.to_owned(), |group| group.value);
    let kind = kind.map_or_else(|| String::from("Gateway"), |kind| kind.value);
    let kind = if group == GATEWAY_GROUP && kind == "Gateway" {
        ParentKind::Gateway
    } else {
        ParentKind::Other { group, kind }
    };
    Some(ParentRef { kind, namespace, name: name?, section_name, port, span: at.span() })
}
