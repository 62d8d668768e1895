//! HTTPRoute.

mod filters;
mod matches;
mod parents;

use super::fields::{Fields, Known, Nulls, list};
use super::log::{At, Log, Path};
use super::unique::unique;
use super::value::{integer, parsed, port};
use super::yaml::Node;
use super::{names, session};
use crate::manifest::route::{BackendRef, HttpMatch, Match, ParentRef, PathMatch, Route, RouteKind, Rule};
use crate::source::{Span, Spanned};

const ROUTE: Known = Known {
    read: &["parentRefs", "hostnames", "rules"],
    unread: &[],
    unsupported: &["useDefaultGateways"],
    nulls: Nulls::Refused,
};

const RULE: Known = Known {
    read: &["name", "matches", "filters", "backendRefs", "sessionPersistence"],
    unread: &[],
    unsupported: &["timeouts", "retry"],
    nulls: Nulls::Refused,
};

const BACKEND_REF: Known = Known {
    read: &["group", "kind", "namespace", "name", "port", "weight"],
    unread: &[],
    unsupported: &["filters"],
    nulls: Nulls::Refused,
};

/// `spec` of an HTTPRoute.
pub(super) fn http(at: At<'_>, log: &mut Log) -> Option<Route> {
    let fields = Fields::of(at, &ROUTE, log)?;
    let parent_refs = fields.optional("parentRefs", log, parents::read).unwrap_or_default();
    let hostname = |at: At<'_>, log: &mut Log| parsed("invalid-hostname", names::hostname)(at, log);
    let hostnames = fields.optional("hostnames", log, |at, log| list(at, 0..=16, log, hostname));
    let rules = fields.or("rules", vec![default_rule(at.span())], log, rules)?;
    let hostnames = hostnames.unwrap_or_default();
    Some(Route { kind: RouteKind::Http, parent_refs, hostnames, rules })
}

/// The parentRefs of a route of which something could not be read, as far as they can be; what is wrong has been said.
pub(super) fn parents_of(route: &Node<'_>) -> Vec<ParentRef> {
    let spec = route.get("spec").map(|spec| &spec.value);
    let node = spec.and_then(|spec| spec.get("parentRefs")).map(|parents| &parents.value);
    let path = Path::Field(&Path::Root, "spec");
    let read = node.and_then(|node| {
        parents::read(At { node, path: Path::Field(&path, "parentRefs") }, &mut Log::default())
    });
    read.unwrap_or_default()
}

fn rules(at: At<'_>, log: &mut Log) -> Option<Vec<Rule>> {
    const MATCHES: usize = 128;
    let rules = list(at, 1..=16, log, rule)?;
    let names = rules.iter().filter_map(|rule| rule.name.as_ref());
    unique(&at, "rule name", names.map(|name| (&name.value, name.span)), log);
    let matches: usize = rules.iter().map(|rule| rule.matches.len()).sum();
    if matches > MATCHES {
        let message = format!("{matches} matches in all rules together are more than {MATCHES}");
        return log.refuse(at.error("wrong-length", message).hint("split the route in two"));
    }
    Some(rules)
}

fn rule(at: At<'_>, log: &mut Log) -> Option<Rule> {
    let fields = Fields::of(at, &RULE, log)?;
    let name = fields.optional("name", log, parsed("invalid-name", names::subdomain));
    let matches = fields.defaulted("matches", log, |at, log| list(at, 0..=64, log, matches::read));
    let matches = match matches {
        Some(matches) if !matches.is_empty() => matches,
        _ => vec![every_path(at.span())],
    };
    let filters = fields.optional("filters", log, filters::read).unwrap_or_default();
    let backend_refs = fields.optional("backendRefs", log, |at, log| list(at, 0..=16, log, backend_ref));
    let session_persistence = fields.optional("sessionPersistence", log, session::read);
    let backend_refs = backend_refs.unwrap_or_default();
    Some(Rule { name, matches, filters, backend_refs, session_persistence, span: at.span() })
}

/// The rule of a route without `rules`.
fn default_rule(span: Span) -> Rule {
    Rule {
        name: None,
        matches: vec![every_path(span)],
        filters: Vec::new(),
        backend_refs: Vec::new(),
        session_persistence: None,
        span,
    }
}

/// The match of a rule without `matches`.
fn every_path(span: Span) -> Match {
    Match::Http(HttpMatch {
        path: PathMatch::Prefix(String::from("/")),
        headers: Vec::new(),
        query_params: Vec::new(),
        method: None,
        span,
    })
}

fn backend_ref(at: At<'_>, log: &mut Log) -> Option<BackendRef> {
    let fields = Fields::of(at, &BACKEND_REF, log)?;
    let defaulted = |text: &str| Spanned { value: text.to_owned(), span: at.span() };
    let group = fields.defaulted("group", log, parsed("invalid-name", names::group));
    let kind = fields.defaulted("kind", log, parsed("invalid-name", names::kind));
    let namespace = fields.optional("namespace", log, parsed("invalid-name", names::label));
    let name = fields.required("name", log, parsed("invalid-name", names::reference));
    let weight = fields.defaulted("weight", log, integer(0..=1_000_000));
    let (group, kind) =
        (group.unwrap_or_else(|| defaulted("")), kind.unwrap_or_else(|| defaulted("Service")));
    let service = group.value.is_empty() && kind.value == "Service";
    let port =
        if service { Some(fields.required("port", log, port)?) } else { fields.optional("port", log, port) };
    let weight = weight.unwrap_or(Spanned { value: 1, span: at.span() });
    Some(BackendRef { group, kind, namespace, name: name?, port, weight, span: at.span() })
}
