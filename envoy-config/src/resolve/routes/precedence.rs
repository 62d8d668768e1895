//! Which of several matches serves a request (Gateway API, `HTTPRouteRule.matches`, `GRPCRouteRule.matches`).
//!
//! The keys sort the match that takes precedence first; their fields are in the order of the specification.

use std::cmp::Reverse;

use crate::manifest::Object;
use crate::manifest::gateway_api::route::{Match, Route, TextMatch};
use crate::model::{Domain, PathMatch, RouteMatch};
use crate::resolve::seniority::Seniority;

/// The rank of a match in one virtual host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::resolve) struct HostPrecedence<'r> {
    /// The most specific matching hostname of the route comes first.
    hostname: Reverse<(usize, usize)>,
    rest: &'r Precedence,
}

impl<'r> HostPrecedence<'r> {
    /// The rank of a match whose route has this hostname for the virtual host.
    pub(in crate::resolve) fn new(hostname: &Domain, rest: &'r Precedence) -> Self {
        Self { hostname: Reverse(hostname.specificity()), rest }
    }
}

/// The rank of a match among those with equally specific hostnames.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::resolve) struct Precedence {
    path: PathRank,
    method: Reverse<bool>,
    headers: Reverse<usize>,
    query_params: Reverse<usize>,
    seniority: Seniority,
    rule: usize,
    number: usize,
}

/// The rank of a path. No hostname of a listener serves both kinds of routes.
///
/// The specification leaves the rank of regular expressions to implementations. Here, as in Envoy Gateway,
/// they come after exact paths and before prefixes, longer expressions first: an expression usually selects
/// fewer paths than a prefix of the same length.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathRank {
    Exact,
    Regex(Reverse<usize>),
    Prefix(Reverse<usize>),
    /// A gRPC call: service first, then method.
    Call(PartRank, PartRank),
}

/// The rank of one part of a gRPC call. As with paths, expressions come after exact texts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PartRank {
    Exact(Reverse<usize>),
    Regex(Reverse<usize>),
    Any,
}

impl Precedence {
    /// The rank of the match at this position of the route.
    pub(in crate::resolve) fn new(
        route: &Object<Route>,
        rule: usize,
        number: usize,
        written: &Match,
        matches: &RouteMatch,
    ) -> Self {
        Self {
            path: PathRank::of(written, matches),
            method: Reverse(matches.method.is_some()),
            headers: Reverse(matches.headers.len()),
            query_params: Reverse(matches.query.len()),
            seniority: Seniority::of(route),
            rule,
            number,
        }
    }
}

impl PathRank {
    fn of(written: &Match, matches: &RouteMatch) -> Self {
        match (written, &matches.path) {
            (Match::Grpc(call), _) => {
                Self::Call(PartRank::of(call.service.as_ref()), PartRank::of(call.method.as_ref()))
            }
            (Match::Http(_), PathMatch::Exact(_)) => Self::Exact,
            (Match::Http(_), PathMatch::Regex(expression)) => Self::Regex(Reverse(expression.len())),
            (Match::Http(_), PathMatch::Prefix(prefix)) => Self::Prefix(Reverse(prefix.len())),
        }
    }
}

impl PartRank {
    fn of(part: Option<&TextMatch>) -> Self {
        match part {
            Some(TextMatch::Exact(text)) => Self::Exact(Reverse(text.len())),
            Some(TextMatch::Regex(expression)) => Self::Regex(Reverse(expression.len())),
            None => Self::Any,
        }
    }
}
