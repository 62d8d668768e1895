//! Objects that are left out because of an error: their names, what is wrong with them, and what they refer to.
//!
//! `resolve` needs them to tell a missing object from one that could not be read.

use super::findings::Findings;
use super::known_kinds::Kind;
use super::metadata;
use super::yaml::Node;
use crate::diagnostic::Diagnostic;
use crate::manifest::Unread;
use crate::manifest::gateway_api::policy_target;
use crate::manifest::gateway_api::route::parent_ref;
use crate::manifest::policy_targets;
use crate::source::Span;

/// Describes an object with errors, if it has a name. Findings before `before` are not about it.
pub(super) fn describe(
    kind: Kind,
    node: &Node<'_>,
    sound: bool,
    findings: &Findings,
    before: usize,
) -> Option<Unread> {
    let (namespace, name) = metadata::named(Some(kind.scope()), node)?;
    // YAML errors were found earlier and have no object.
    let is_own = |(position, error): &(usize, &Diagnostic)| {
        *position >= before || (error.object.is_none() && is_within(error.span, node.span))
    };
    let behind = if sound { before } else { 0 };
    let mut errors: Vec<(usize, &Diagnostic)> = findings.errors_from(behind).filter(is_own).collect();
    errors.sort_by_key(|(_, error)| error.span.start);
    let first = errors.first();
    let problem = first
        .map_or_else(|| String::from("its document is not valid YAML"), |(_, error)| in_a_sentence(error));
    Some(Unread {
        kind: kind.name(),
        namespace: namespace.unwrap_or_default().to_owned(),
        name: name.to_owned(),
        span: node
            .get("metadata")
            .and_then(|metadata| metadata.value.get("name"))
            .map_or(node.span, |name| name.value.span),
        problem: match errors.len() {
            0 | 1 => problem,
            2 => format!("{problem}; and another error"),
            all => format!("{problem}; and {} more errors", all - 1),
        },
        error: first.map(|(position, _)| *position),
        parent_refs: match kind {
            Kind::HttpRoute | Kind::GrpcRoute => parent_ref::parents_of(node),
            _ => Vec::new(),
        },
        targets: match kind {
            Kind::BackendTrafficPolicy | Kind::BackendTlsPolicy => policy_target::targets_of(node),
            Kind::EnvoyTrafficPolicy | Kind::SessionPersistencePolicy => policy_targets::targets_of(node),
            _ => Vec::new(),
        },
    })
}

fn is_within(inner: Span, outer: Span) -> bool {
    inner.source == outer.source && outer.start <= inner.start && inner.end <= outer.end
}

fn in_a_sentence(error: &Diagnostic) -> String {
    match &error.field {
        Some(field) => format!("{field}: {}", error.message),
        None => error.message.clone(),
    }
}
