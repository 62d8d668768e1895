//! HTTPRoute and GRPCRoute.

mod calls;
mod filters;
mod matches;
mod parents;
mod retry;

use super::fields::{Fields, Known, list};
use super::gateway::default_scope;
use super::log::{At, Log, Part, Path};
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
pub(super) fn http(at: At<'_>, log: &mut Log) -> Option<Route> {
    route(at, RouteKind::Http, log)
}

/// `spec` of a GRPCRoute.
pub(super) fn grpc(at: At<'_>, log: &mut Log) -> Option<Route> {
    route(at, RouteKind::Grpc, log)
}

fn route(at: At<'_>, kind: RouteKind, log: &mut Log) -> Option<Route> {
    let fields = Fields::of(at, &ROUTE, log)?;
    let parent_refs = fields.optional("parentRefs", log, parents::read).unwrap_or_default();
    let hostname = |at: At<'_>, log: &mut Log| parsed(Code::InvalidHostname, names::hostname)(at, log);
    let hostnames = fields.optional("hostnames", log, |at, log| list(at, 0..=16, log, hostname));
    let rules = match kind {
        RouteKind::Http => {
            fields.or("rules", vec![Ok(default_rule(at.span()))], log, |at, log| rules(at, kind, 1, log))?
        }
        RouteKind::Grpc => {
            fields.optional("rules", log, |at, log| rules(at, kind, 0, log)).unwrap_or_default()
        }
    };
    let none = Spanned { value: DefaultScope::None, span: at.span() };
    let use_default_gateways = fields.optional("useDefaultGateways", log, default_scope).unwrap_or(none);
    Some(Route { kind, parent_refs, use_default_gateways, hostnames: hostnames.unwrap_or_default(), rules })
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

/// What it means for requests that a rule is left out.
const LEFT_OUT: &str = "the rule is left out: its requests fall through to a less specific route, or get 404";

fn rules(
    at: At<'_>,
    kind: RouteKind,
    least: usize,
    log: &mut Log,
) -> Option<Vec<Result<Rule, UnusableRule>>> {
    const MATCHES: usize = 128;
    let mut named = Vec::new();
    let rules = list(at, least..=16, log, |at, log| {
        Some(match log.part(LEFT_OUT, |log| rule(at, kind, &mut named, log))? {
            Part::Usable(rule) => Ok(rule),
            Part::Unusable(problem) => Err(UnusableRule { problem, span: at.span() }),
        })
    })?;
    unique(&at, "rule name", named.iter().map(|name| (&name.value, name.span)), log);
    let matches: usize = rules.iter().flatten().map(|rule| rule.matches.len()).sum();
    if matches > MATCHES {
        let message = format!("{matches} matches in all rules together are more than {MATCHES}");
        return log
            .refuse(at.wrong_length(matches, 0, Some(MATCHES), message).hint("split the route in two"));
    }
    Some(rules)
}

fn rule(at: At<'_>, kind: RouteKind, named: &mut Vec<Spanned<String>>, log: &mut Log) -> Option<Rule> {
    let (known, read_match): (_, fn(At<'_>, &mut Log) -> Option<Match>) = match kind {
        RouteKind::Http => (&HTTP_RULE, matches::read),
        RouteKind::Grpc => (&GRPC_RULE, calls::read),
    };
    let fields = Fields::of(at, known, log)?;
    let name = fields.optional("name", log, parsed(Code::InvalidSectionName, names::subdomain));
    named.extend(name.clone());
    let matches = |at: At<'_>, log: &mut Log| list(at, 0..=64, log, read_match);
    let written = fields.optional("matches", log, matches);
    let one_prefix = written.as_ref().is_none_or(|written| is_one_prefix(written));
    let matches = match written {
        Some(matches) if !matches.is_empty() => matches,
        _ => vec![every_request(kind, at.span())],
    };
    let filters = fields.optional("filters", log, |at, log| filters::read(at, kind, log)).unwrap_or_default();
    let backend_refs = fields
        .optional("backendRefs", log, |at, log| list(at, 0..=16, log, |at, log| backend_ref(at, kind, log)));
    let timeouts = fields.optional("timeouts", log, retry::timeouts).unwrap_or_default();
    let retry = fields
        .optional("retry", log, |at, log| Some(Spanned { value: retry::retry(at, log)?, span: at.span() }));
    let session_persistence = fields.optional("sessionPersistence", log, session::read);
    let backend_refs = backend_refs.unwrap_or_default();
    // Without a match that is of no use it is not known how many there are.
    if !one_prefix && !log.is_spoilt() {
        let all = backend_refs.iter().flat_map(|backend| &backend.filters).chain(&filters);
        filters::refuse_prefix_replacement(at, all, log);
    }
    filters::refuse_redirect_of_backends(at, &filters, &backend_refs, log);
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

fn backend_ref(at: At<'_>, kind: RouteKind, log: &mut Log) -> Option<BackendRef> {
    let fields = Fields::of(at, &BACKEND_REF, log)?;
    let filters = fields.optional("filters", log, |at, log| filters::read(at, kind, log));
    let weight = fields.or("weight", fields.default(1), log, integer(0..=1_000_000));
    let reference = referenced(&fields, log)?;
    Some(BackendRef { weight: weight?, filters: filters.unwrap_or_default(), ..reference })
}

/// A backend outside `backendRefs`, with the weight 1.
fn object_reference(at: At<'_>, log: &mut Log) -> Option<BackendRef> {
    referenced(&Fields::of(at, &OBJECT_REFERENCE, log)?, log)
}

fn referenced(fields: &Fields<'_>, log: &mut Log) -> Option<BackendRef> {
    let at = fields.at();
    let defaulted = |text: &str| Spanned { value: text.to_owned(), span: at.span() };
    let group = fields.optional("group", log, parsed(Code::InvalidGroup, names::group));
    let kind = fields.optional("kind", log, parsed(Code::InvalidKind, names::kind));
    let namespace = fields.optional("namespace", log, parsed(Code::InvalidNamespace, names::label));
    let name = fields.required("name", log, parsed(Code::InvalidObjectName, names::reference));
    let (group, kind) =
        (group.unwrap_or_else(|| defaulted("")), kind.unwrap_or_else(|| defaulted("Service")));
    let service = group.value.is_empty() && kind.value == "Service";
    let port =
        if service { Some(fields.required("port", log, port)?) } else { fields.optional("port", log, port) };
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
