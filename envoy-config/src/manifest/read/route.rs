//! HTTPRoute and GRPCRoute.

mod filters;
mod grpc_matches;
mod matches;
mod parents;
mod retry;

use super::field_path::{At, FieldPath};
use super::fields::{Fields, Known, list};
use super::findings::{Findings, Part};
use super::gateway::default_scope;
use super::unique::unique;
use super::value::{integer, parsed, port};
use super::yaml::Node;
use super::{names, session};
use crate::diagnostic::Code;
use crate::manifest::retry::Timeouts;
use crate::manifest::route::{
    BackendRef, DefaultScope, GrpcMatch, HttpMatch, Match, ParentRef, PathMatch, Route, RouteKind, Rule,
    UnusableRule,
};
use crate::source::{Span, Spanned};

const ROUTE: Known = Known {
    read: &["parentRefs", "useDefaultGateways", "hostnames", "rules"],
    unread: &[],
    unsupported: &[],
};

const HTTP_RULE: Known = Known {
    read: &["name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence"],
    unread: &[],
    unsupported: &[],
};

const GRPC_RULE: Known = Known {
    read: &["name", "matches", "filters", "backendRefs", "sessionPersistence"],
    unread: &[],
    unsupported: &[],
};

const OBJECT_REFERENCE: Known =
    Known { read: &["group", "kind", "namespace", "name", "port"], unread: &[], unsupported: &[] };

const BACKEND_REF: Known = Known {
    read: &["group", "kind", "namespace", "name", "port", "weight", "filters"],
    unread: &[],
    unsupported: &[],
};

/// `spec` of an HTTPRoute.
pub(super) fn http(at: At<'_>, findings: &mut Findings) -> Option<Route> {
    route(at, RouteKind::Http, findings)
}

/// `spec` of a GRPCRoute.
pub(super) fn grpc(at: At<'_>, findings: &mut Findings) -> Option<Route> {
    route(at, RouteKind::Grpc, findings)
}

fn route(at: At<'_>, kind: RouteKind, findings: &mut Findings) -> Option<Route> {
    let fields = Fields::of(at, &ROUTE, findings)?;
    let parent_refs = fields.optional("parentRefs", findings, parents::read).unwrap_or_default();
    let hostname =
        |at: At<'_>, findings: &mut Findings| parsed(Code::InvalidHostname, names::hostname)(at, findings);
    let hostnames =
        fields.optional("hostnames", findings, |at, findings| list(at, 0..=16, findings, hostname));
    let rules = match kind {
        RouteKind::Http => {
            fields.or("rules", vec![Ok(default_rule(at.span()))], findings, |at, findings| {
                rules(at, kind, 1, findings)
            })?
        }
        RouteKind::Grpc => fields
            .optional("rules", findings, |at, findings| rules(at, kind, 0, findings))
            .unwrap_or_default(),
    };
    let none = Spanned { value: DefaultScope::None, span: at.span() };
    let use_default_gateways = fields.optional("useDefaultGateways", findings, default_scope).unwrap_or(none);
    Some(Route { kind, parent_refs, use_default_gateways, hostnames: hostnames.unwrap_or_default(), rules })
}

/// The parentRefs of a route of which something could not be read, as far as they can be; what is wrong has been said.
pub(super) fn parents_of(route: &Node<'_>) -> Vec<ParentRef> {
    let spec = route.get("spec").map(|spec| &spec.value);
    let node = spec.and_then(|spec| spec.get("parentRefs")).map(|parents| &parents.value);
    let path = FieldPath::Field(&FieldPath::Root, "spec");
    let read = node.and_then(|node| {
        parents::read(At { node, path: FieldPath::Field(&path, "parentRefs") }, &mut Findings::default())
    });
    read.unwrap_or_default()
}

/// What it means for requests that a rule is left out.
const LEFT_OUT: &str = "the rule is left out: its requests fall through to a less specific route, or get 404";

fn rules(
    at: At<'_>,
    kind: RouteKind,
    least: usize,
    findings: &mut Findings,
) -> Option<Vec<Result<Rule, UnusableRule>>> {
    const MATCHES: usize = 128;
    let mut named = Vec::new();
    let rules = list(at, least..=16, findings, |at, findings| {
        Some(match findings.in_part(LEFT_OUT, |findings| rule(at, kind, &mut named, findings))? {
            Part::Usable(rule) => Ok(rule),
            Part::Unusable(problem) => Err(UnusableRule { problem, span: at.span() }),
        })
    })?;
    unique(&at, "rule name", named.iter().map(|name| (&name.value, name.span)), findings);
    let matches: usize = rules.iter().flatten().map(|rule| rule.matches.len()).sum();
    if matches > MATCHES {
        let message = format!("{matches} matches in all rules together are more than {MATCHES}");
        return findings
            .reject(at.wrong_length(matches, 0, Some(MATCHES), message).hint("split the route in two"));
    }
    Some(rules)
}

fn rule(
    at: At<'_>,
    kind: RouteKind,
    named: &mut Vec<Spanned<String>>,
    findings: &mut Findings,
) -> Option<Rule> {
    let (known, read_match): (_, fn(At<'_>, &mut Findings) -> Option<Match>) = match kind {
        RouteKind::Http => (&HTTP_RULE, matches::read),
        RouteKind::Grpc => (&GRPC_RULE, grpc_matches::read),
    };
    let fields = Fields::of(at, known, findings)?;
    let name = fields.optional("name", findings, parsed(Code::InvalidSectionName, names::subdomain));
    named.extend(name.clone());
    let matches = |at: At<'_>, findings: &mut Findings| list(at, 0..=64, findings, read_match);
    let written = fields.optional("matches", findings, matches);
    let one_prefix = written.as_ref().is_none_or(|written| is_one_prefix(written));
    let matches = match written {
        Some(matches) if !matches.is_empty() => matches,
        _ => vec![every_request(kind, at.span())],
    };
    let filters = fields
        .optional("filters", findings, |at, findings| filters::read(at, kind, findings))
        .unwrap_or_default();
    let backend_refs = fields.optional("backendRefs", findings, |at, findings| {
        list(at, 0..=16, findings, |at, findings| backend_ref(at, kind, findings))
    });
    let timeouts = fields.optional("timeouts", findings, retry::timeouts).unwrap_or_default();
    let retry = fields.optional("retry", findings, |at, findings| {
        Some(Spanned { value: retry::retry(at, findings)?, span: at.span() })
    });
    let session_persistence = fields.optional("sessionPersistence", findings, session::read);
    let backend_refs = backend_refs.unwrap_or_default();
    // Without a match that is of no use it is not known how many there are.
    if !one_prefix && !findings.part_is_rejected() {
        let all = backend_refs.iter().flat_map(|backend| &backend.filters).chain(&filters);
        filters::refuse_prefix_replacement(at, all, findings);
    }
    filters::refuse_redirect_of_backends(at, &filters, &backend_refs, findings);
    let span = at.span();
    Some(Rule { name, matches, filters, backend_refs, timeouts, retry, session_persistence, span })
}

/// Whether there is one match, by a prefix: only then is it clear which prefix a filter replaces.
fn is_one_prefix(matches: &[Match]) -> bool {
    matches!(matches, [Match::Http(HttpMatch { path: PathMatch::Prefix(_), .. })])
}

/// The rule of an HTTPRoute without `rules`.
fn default_rule(span: Span) -> Rule {
    Rule {
        name: None,
        matches: vec![every_request(RouteKind::Http, span)],
        filters: Vec::new(),
        backend_refs: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
        session_persistence: None,
        span,
    }
}

/// The match of a rule without `matches`.
fn every_request(kind: RouteKind, span: Span) -> Match {
    match kind {
        RouteKind::Http => Match::Http(HttpMatch {
            path: PathMatch::Prefix(String::from("/")),
            headers: Vec::new(),
            query_params: Vec::new(),
            method: None,
            span,
        }),
        RouteKind::Grpc => Match::Grpc(GrpcMatch { service: None, method: None, headers: Vec::new(), span }),
    }
}

fn backend_ref(at: At<'_>, kind: RouteKind, findings: &mut Findings) -> Option<BackendRef> {
    let fields = Fields::of(at, &BACKEND_REF, findings)?;
    let filters = fields.optional("filters", findings, |at, findings| filters::read(at, kind, findings));
    let weight = fields.or("weight", fields.default(1), findings, integer(0..=1_000_000));
    let reference = referenced(&fields, findings)?;
    Some(BackendRef { weight: weight?, filters: filters.unwrap_or_default(), ..reference })
}

/// A backend outside `backendRefs`, with the weight 1.
fn object_reference(at: At<'_>, findings: &mut Findings) -> Option<BackendRef> {
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
