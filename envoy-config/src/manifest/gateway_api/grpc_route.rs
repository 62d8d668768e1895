//! GRPCRoute: where it differs from HTTPRoute. What both have is in `route`.

use super::route::grpc_match::{self, GrpcMatch};
use super::route::{self, Differences, Match, Route, RouteKind};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::Known;
use crate::manifest::read::findings::Findings;
use crate::source::Span;

const GRPC_ROUTE: Differences = Differences {
    route: RouteKind::Grpc,
    default_rule: None,
    rule: Known {
        read: &["name", "matches", "filters", "backendRefs", "sessionPersistence"],
        unread: &[],
        unsupported: &[],
    },
    read_match,
    every_request,
};

/// `spec` of a GRPCRoute.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<Route> {
    route::read(at, &GRPC_ROUTE, findings)
}

fn read_match(at: At<'_>, findings: &mut Findings) -> Option<Match> {
    grpc_match::read(at, findings).map(Match::Grpc)
}

/// The match of a rule without `matches`.
fn every_request(span: Span) -> Match {
    Match::Grpc(GrpcMatch { service: None, method: None, headers: Vec::new(), span })
}
