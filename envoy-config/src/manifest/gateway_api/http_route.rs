//! HTTPRoute: where it differs from GRPCRoute. What both have is in `route`.

use super::route::http_match::{self, HttpMatch, PathMatch};
use super::route::{self, Differences, Match, Route, RouteKind, Rule};
use crate::manifest::gateway_api::route::retry::Timeouts;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::Known;
use crate::manifest::read::findings::Findings;
use crate::source::Span;

const HTTP_ROUTE: Differences = Differences {
    route: RouteKind::Http,
    default_rule: Some(default_rule),
    rule: Known {
        read: &["name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence"],
        unread: &[],
        unsupported: &[],
    },
    read_match,
    every_request,
};

/// `spec` of an HTTPRoute.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<Route> {
    route::read(at, &HTTP_ROUTE, findings)
}

fn read_match(at: At<'_>, findings: &mut Findings) -> Option<Match> {
    http_match::read(at, findings).map(Match::Http)
}

/// The rule of an HTTPRoute without `rules`.
fn default_rule(span: Span) -> Rule {
    Rule {
        name: None,
        matches: vec![every_request(span)],
        filters: Vec::new(),
        backend_refs: Vec::new(),
        timeouts: Timeouts::default(),
        retry: None,
        session_persistence: None,
        span,
    }
}

/// The match of a rule without `matches`.
fn every_request(span: Span) -> Match {
    Match::Http(HttpMatch {
        path: PathMatch::Prefix(String::from("/")),
        headers: Vec::new(),
        query_params: Vec::new(),
        method: None,
        span,
    })
}
