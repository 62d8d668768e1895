//! What HTTPRoutes and GRPCRoutes have in common: parents, hostnames, and rules with backends and filters.
//!
//! `http_route` and `grpc_route` say where they differ (`Differences`).

mod backend_ref;
pub mod filters;
pub(in crate::manifest) mod grpc_match;
pub(in crate::manifest) mod http_match;
pub(in crate::manifest) mod parent_ref;
pub mod retry;
mod value_match;

pub use self::backend_ref::BackendRef;
pub use self::grpc_match::GrpcMatch;
pub use self::http_match::{HttpMatch, PathMatch};
pub use self::parent_ref::{ParentKind, ParentRef};
pub use self::value_match::{TextMatch, ValueMatch};

use self::backend_ref::backend_ref;
use self::filters::Filter;
use self::retry::{Retry, Timeouts};
use super::default_gateways::{DefaultScope, default_scope};
use super::session_persistence::{self, SessionPersistence};
use crate::diagnostic::Code;
use crate::manifest::Hostname;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::{Findings, Part};
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::{hostname, names};
use crate::manifest::read::value::parsed;
use crate::source::{Span, Spanned};

/// An HTTPRoute or a GRPCRoute.
#[derive(Clone, Debug)]
pub struct Route {
    /// The kind of the route.
    pub kind: RouteKind,
    /// `parentRefs`.
    pub parent_refs: Vec<ParentRef>,
    /// `useDefaultGateways`: `None` by default. The default Gateways are also in `parent_refs`.
    pub use_default_gateways: Spanned<DefaultScope>,
    /// `hostnames`; if empty, those of the listener.
    pub hostnames: Vec<Spanned<Hostname>>,
    /// `rules`; by default, one that matches every path.
    pub rules: Vec<Result<Rule, UnusableRule>>,
}

/// A rule that is left out: an API server accepts it, but it has a value that cannot be served.
#[derive(Clone, Debug)]
pub struct UnusableRule {
    /// The errors in the rule, which have been reported.
    pub problem: String,
    /// The whole rule.
    pub span: Span,
}

/// The kind of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// HTTPRoute.
    Http,
    /// GRPCRoute.
    Grpc,
}

/// A rule of a route.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `name`.
    pub name: Option<Spanned<String>>,
    /// `matches`, of the route's kind. Never empty: the default matches every request.
    pub matches: Vec<Match>,
    /// `filters`, in order. Types that cannot be repeated occur once.
    pub filters: Vec<Spanned<Filter>>,
    /// `backendRefs`.
    pub backend_refs: Vec<BackendRef>,
    /// `timeouts`.
    pub timeouts: Timeouts,
    /// `retry`.
    pub retry: Option<Spanned<Retry>>,
    /// `sessionPersistence`.
    pub session_persistence: Option<SessionPersistence>,
    /// The whole rule.
    pub span: Span,
}

/// A match of a rule.
#[derive(Clone, Debug)]
pub enum Match {
    /// A match of an HTTPRoute.
    Http(HttpMatch),
    /// A match of a GRPCRoute.
    Grpc(GrpcMatch),
}

impl RouteKind {
    /// The name of the kind.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        }
    }
}

/// Where the two kinds of routes differ.
pub(in crate::manifest) struct Differences {
    pub(in crate::manifest) route: RouteKind,
    /// The rule of a route without `rules`; `None` if such a route has no rules.
    pub(in crate::manifest) default_rule: Option<fn(Span) -> Rule>,
    /// The fields of a rule.
    pub(in crate::manifest) rule: Known,
    pub(in crate::manifest) read_match: fn(At<'_>, &mut Findings) -> Option<Match>,
    /// The match of a rule without `matches`.
    pub(in crate::manifest) every_request: fn(Span) -> Match,
}

const ROUTE: Known = Known {
    read: &["parentRefs", "useDefaultGateways", "hostnames", "rules"],
    unread: &[],
    unsupported: &[],
};

/// `spec` of a route of this kind.
pub(super) fn read(at: At<'_>, own: &Differences, findings: &mut Findings) -> Option<Route> {
    let fields = Fields::of(at, &ROUTE, findings)?;
    let parent_refs = fields.optional("parentRefs", findings, parent_ref::read).unwrap_or_default();
    let hostname =
        |at: At<'_>, findings: &mut Findings| parsed(Code::InvalidHostname, hostname::parse)(at, findings);
    let hostnames =
        fields.optional("hostnames", findings, |at, findings| list(at, 0..=16, findings, hostname));
    let rules = match own.default_rule {
        Some(default_rule) => {
            let default = vec![Ok(default_rule(at.span()))];
            fields.or("rules", default, findings, |at, findings| rules(at, own, 1, findings))?
        }
        None => {
            fields.optional("rules", findings, |at, findings| rules(at, own, 0, findings)).unwrap_or_default()
        }
    };
    let none = Spanned { value: DefaultScope::None, span: at.span() };
    let use_default_gateways = fields.optional("useDefaultGateways", findings, default_scope).unwrap_or(none);
    let kind = own.route;
    Some(Route { kind, parent_refs, use_default_gateways, hostnames: hostnames.unwrap_or_default(), rules })
}

/// The consequence of leaving out a rule.
const LEFT_OUT: &str = "the rule is left out: its requests fall through to a less specific route, or get 404";

fn rules(
    at: At<'_>,
    own: &Differences,
    least: usize,
    findings: &mut Findings,
) -> Option<Vec<Result<Rule, UnusableRule>>> {
    const MATCHES: usize = 128;
    let mut named = Vec::new();
    let rules = list(at, least..=16, findings, |at, findings| {
        Some(match findings.in_part(LEFT_OUT, |findings| rule(at, own, &mut named, findings))? {
            Part::Usable(rule) => Ok(rule),
            Part::Unusable(problem) => Err(UnusableRule { problem, span: at.span() }),
        })
    })?;
    unique(&at, "rule name", named.iter().map(|name| (&name.value, name.span)), findings);
    let matches: usize = rules.iter().flatten().map(|rule| rule.matches.len()).sum();
    if matches > MATCHES {
        let message = format!("the rules have {matches} matches in total; at most {MATCHES} are allowed");
        return findings.reject(at.wrong_length(matches, MATCHES, message).hint("split the route into two"));
    }
    Some(rules)
}

fn rule(
    at: At<'_>,
    own: &Differences,
    named: &mut Vec<Spanned<String>>,
    findings: &mut Findings,
) -> Option<Rule> {
    let fields = Fields::of(at, &own.rule, findings)?;
    let name = fields.optional("name", findings, parsed(Code::InvalidSectionName, names::subdomain));
    named.extend(name.clone());
    let matches = |at: At<'_>, findings: &mut Findings| list(at, 0..=64, findings, own.read_match);
    let written = fields.optional("matches", findings, matches);
    let one_prefix = written.as_ref().is_none_or(|written| is_one_prefix(written));
    let matches = match written {
        Some(matches) if !matches.is_empty() => matches,
        _ => vec![(own.every_request)(at.span())],
    };
    let filters = fields
        .optional("filters", findings, |at, findings| filters::read(at, own.route, findings))
        .unwrap_or_default();
    let backend_refs = fields.optional("backendRefs", findings, |at, findings| {
        list(at, 0..=16, findings, |at, findings| backend_ref(at, own.route, findings))
    });
    let timeouts = fields.optional("timeouts", findings, retry::timeouts).unwrap_or_default();
    let retry = fields.optional("retry", findings, |at, findings| {
        Some(Spanned { value: retry::retry(at, findings)?, span: at.span() })
    });
    let session_persistence = fields.optional("sessionPersistence", findings, session_persistence::read);
    let backend_refs = backend_refs.unwrap_or_default();
    // With an invalid match, the number of matches is not known.
    if !one_prefix && !findings.part_is_rejected() {
        let all = backend_refs.iter().flat_map(|backend| &backend.filters).chain(&filters);
        filters::reject_prefix_replacement(at, all, findings);
    }
    filters::reject_redirect_with_backends(at, &filters, &backend_refs, findings);
    let span = at.span();
    Some(Rule { name, matches, filters, backend_refs, timeouts, retry, session_persistence, span })
}

/// Whether there is exactly one match, of the type `PathPrefix`. Only then is it clear which prefix a filter replaces.
fn is_one_prefix(matches: &[Match]) -> bool {
    matches!(matches, [Match::Http(HttpMatch { path: PathMatch::Prefix(_), .. })])
}
