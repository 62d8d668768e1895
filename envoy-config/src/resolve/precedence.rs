//! Which of several matching matches serves a request (Gateway API, `HTTPRouteRule.matches`).
//!
//! The keys sort what goes first to the front; their fields stand in the specification's order.

use std::cmp::Reverse;

use crate::manifest::route::HttpRoute;
use crate::manifest::{Metadata, Object};
use crate::model::{Domain, PathMatch, RouteMatch};

/// The place of a match in one virtual host.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct HostPrecedence<'r> {
    /// The most specific hostname of the route that matches goes first.
    hostname: Reverse<(usize, usize)>,
    rest: &'r Precedence,
}

impl<'r> HostPrecedence<'r> {
    /// The place of a match whose route has this hostname for the virtual host.
    pub(super) fn new(hostname: &Domain, rest: &'r Precedence) -> Self {
        Self { hostname: Reverse(hostname.specificity()), rest }
    }
}

/// The place of a match among those of equally specific hostnames.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Precedence {
    path: PathRank,
    method: Reverse<bool>,
    headers: Reverse<usize>,
    query_params: Reverse<usize>,
    age: Age,
    /// `namespace/name`: compared as one text, as the specification has it.
    route: String,
    rule: usize,
    number: usize,
}

/// What the path of a match counts.
///
/// Where regular expressions stand is left to implementations. Ours, as Envoy Gateway's, go behind exact paths and before
/// prefixes, the longer expression first: whoever writes one means fewer paths than a prefix of the same length.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum PathRank {
    Exact,
    Regex(Reverse<usize>),
    Prefix(Reverse<usize>),
}

/// Oldest first. A manifest without a creation time has not been created yet, so it is the youngest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Created(i64),
    Unknown,
}

impl Precedence {
    /// The place of the match at this position of the route.
    pub(super) fn new(route: &Object<HttpRoute>, rule: usize, number: usize, matches: &RouteMatch) -> Self {
        let Metadata { name, namespace, created, .. } = &route.metadata;
        Self {
            path: match &matches.path {
                PathMatch::Exact(_) => PathRank::Exact,
                PathMatch::Regex(expression) => PathRank::Regex(Reverse(expression.len())),
                PathMatch::Prefix(prefix) => PathRank::Prefix(Reverse(prefix.len())),
            },
            method: Reverse(matches.method.is_some()),
            headers: Reverse(matches.headers.len()),
            query_params: Reverse(matches.query.len()),
            age: created.map_or(Age::Unknown, Age::Created),
            route: format!("{}/{}", namespace.value, name.value),
            rule,
            number,
        }
    }
}
