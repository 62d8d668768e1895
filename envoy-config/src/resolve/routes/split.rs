//! Whether the backendRefs of a rule share one cluster, or the rule is split into one for each.
//!
//! A rule shares a cluster if its backends differ only in their endpoints: they are localities of the
//! cluster, whose load balancing applies both sessions and weights. A rule is split if they differ in
//! something that Envoy configures for a route or a cluster ([`is_split`]). It then has a cluster and an
//! Envoy route for each backendRef:
//!
//! - New sessions follow the weights: the routes are in sequence, and each takes the requests whose random
//!   number is below its mark; the last one takes the rest. Envoy uses the same random number for all routes
//!   of a request, so marks are cumulative.
//! - Existing sessions stay with their backendRef, whatever its weight: their routes come first. The filter
//!   finds the backendRef of a token and makes Envoy match routes again
//!   ([`session_persistence::names::SHARE_FILTER_STATE`]). A backendRef without endpoints has no such route,
//!   so that its sessions follow the weights; if the rule is strict, they get 503.
//!
//! Requests of strict sessions always have a route of their own, because `render` does not retry them.

use std::ops::Range;

use session_persistence::config::{Carrier, Rule as Persistence};
use session_persistence::names;

use super::filters::Effects;
use crate::manifest::gateway_api::route::Rule;
use crate::model::{
    Action, Endpoints, Forward, HeaderChanges, Mirror, PathMatch, RequestSubset, Route, RouteMatch,
    SessionSettings,
};
use crate::resolve::backends::{self, Backend};
use crate::resolve::sessions::hidden;

/// Where requests of a rule go.
pub(super) enum Destinations<'m> {
    /// All requests go to one cluster.
    One(Box<Destination<'m>>),
    /// Requests are divided between the backendRefs.
    Split(Vec<WeightedDestination<'m>>),
}

/// What happens to requests for one destination.
pub(super) struct Destination<'m> {
    pub(super) effects: Effects<'m>,
    /// The cluster, if requests are forwarded.
    pub(super) target: Option<Forward>,
}

/// The destination for one backendRef.
pub(super) struct WeightedDestination<'m> {
    /// Unique in the rule, and independent of the other backendRefs: sessions are bound to it.
    pub(super) name: String,
    pub(super) weight: u32,
    /// Whether it has endpoints on which existing sessions can continue.
    pub(super) keeps_sessions: bool,
    pub(super) destination: Destination<'m>,
}

/// What all routes of one match have in common.
#[derive(Clone)]
pub(super) struct MatchContext<'r> {
    /// The name of the first route.
    pub(super) name: String,
    pub(super) matches: &'r RouteMatch,
    /// The session persistence of the rule.
    pub(super) persistence: Option<Persistence>,
    /// The settings of these sessions.
    pub(super) sessions: &'r SessionSettings,
    /// The status for requests that cannot be forwarded.
    pub(super) error_status: u16,
}

/// Whether each backend of a rule needs its own route and cluster: one of them has filters, or they need
/// different clusters ([`backends::need_own_clusters`]).
pub(super) fn is_split(rule: &Rule, found: &[Backend]) -> bool {
    rule.backend_refs.iter().any(|backend| !backend.filters.is_empty()) || backends::need_own_clusters(found)
}

/// Whether there are endpoints on which a session can have started.
pub(super) fn keeps_sessions(endpoints: &Endpoints) -> bool {
    match endpoints {
        Endpoints::Addresses(addresses) => !addresses.is_empty(),
        Endpoints::Names(_) => true,
        Endpoints::Unresolved => false,
    }
}

impl Destinations<'_> {
    /// Whether a request that matches this path can be forwarded, and so have a session.
    pub(super) fn forward(&self, matched: &PathMatch) -> bool {
        let forwards =
            |destination: &Destination<'_>| matches!(destination.action(matched, 0), Action::Forward(_));
        match self {
            Self::One(destination) => forwards(destination),
            Self::Split(weighted) => weighted.iter().any(|share| forwards(&share.destination)),
        }
    }

    /// The Envoy routes of a match, in order.
    pub(super) fn routes(&self, matched: &MatchContext<'_>) -> Vec<Route> {
        match self {
            Self::One(destination) => {
                let route = |subset| {
                    let persistence = matched.persistence.clone();
                    matched.route(matched.name.clone(), destination, subset, persistence)
                };
                let is_strict = matched.persistence.as_ref().is_some_and(Persistence::is_strict);
                let held =
                    is_strict.then(|| route(RequestSubset::SessionsOf(names::UNSPLIT_SHARE.to_owned())));
                held.into_iter().chain([route(RequestSubset::All)]).collect()
            }
            Self::Split(weighted) => routes_of(weighted, matched),
        }
    }
}

/// The status for sessions of a strict rule whose endpoint is gone.
const UNAVAILABLE: u16 = 503;

fn routes_of(weighted: &[WeightedDestination<'_>], matched: &MatchContext<'_>) -> Vec<Route> {
    let route =
        |number: usize, share: &WeightedDestination<'_>, subset, mirror: &dyn Fn(&Mirror) -> Mirror| {
            let persistence = matched.persistence.clone().map(|rule| rule.of_share(&share.name));
            let mut route =
                matched.route(format!("{}/{number}", matched.name), &share.destination, subset, persistence);
            if let Action::Forward(forward) = &mut route.action {
                forward.mirrors = forward.mirrors.iter().map(mirror).collect();
            }
            route
        };
    let all: u64 = weighted.iter().map(|share| u64::from(share.weight)).sum();
    let ranges = ranges(weighted, all);
    let numbered = || weighted.iter().zip(&ranges).enumerate();
    let mut routes = Vec::with_capacity(weighted.len() * 2);
    if let Some(persistence) = &matched.persistence {
        let is_strict = persistence.is_strict();
        let shares = numbered().filter(|(_, (share, _))| share.keeps_sessions || is_strict);
        for (number, (share, range)) in shares {
            // Requests whose random number is in the range of their own backendRef are there already.
            let subset = RequestSubset::SessionsOf(share.name.clone());
            let mut waiting = route(number, share, subset, &|mirror| mirror.outside(range));
            if is_strict && let Action::Respond(_) = waiting.action {
                waiting.action = Action::Respond(UNAVAILABLE);
                routes.push(waiting);
                continue;
            }
            routes.extend(Some(waiting).filter(|route| matches!(route.action, Action::Forward(_))));
        }
    }
    let last = weighted.iter().rposition(|share| share.weight > 0);
    for (number, (share, range)) in numbered().filter(|(_, (share, _))| share.weight > 0) {
        let subset =
            if last == Some(number) { RequestSubset::All } else { RequestSubset::NumberBelow(range.end) };
        routes.push(route(number, share, subset, &|mirror| mirror.within(range)));
    }
    if all == 0 {
        // No backendRef gets new sessions, but requests with a session must reach the filter.
        routes.push(Route {
            name: matched.name.clone(),
            matches: matched.matches.clone(),
            subset: RequestSubset::All,
            action: Action::Respond(matched.error_status),
            request_headers: HeaderChanges::default(),
            response_headers: HeaderChanges::default(),
            cors: None,
            secure_cookie: matched.sessions.cookie.secure,
            external_auth: weighted
                .first()
                .map(|share| share.destination.effects.external_auth.clone())
                .unwrap_or_default(),
            persistence: matched.persistence.clone().map(|rule| rule.of_share("")),
            hidden: None,
        });
    }
    routes
}

/// The range of random numbers of each backendRef, by weight.
fn ranges(weighted: &[WeightedDestination<'_>], all: u64) -> Vec<Range<u32>> {
    let (mut taken, mut low) = (0, 0);
    let range = |share: &WeightedDestination<'_>| {
        taken += u64::from(share.weight);
        let mark = (taken * 1_000_000).checked_div(all).and_then(|mark| u32::try_from(mark).ok());
        let range = low..mark.unwrap_or(low);
        low = range.end;
        range
    };
    weighted.iter().map(range).collect()
}

impl Destination<'_> {
    fn action(&self, matched: &PathMatch, error_status: u16) -> Action {
        self.effects.action(self.target.as_ref(), matched, error_status)
    }
}

impl MatchContext<'_> {
    fn route(
        &self,
        name: String,
        destination: &Destination<'_>,
        subset: RequestSubset,
        persistence: Option<Persistence>,
    ) -> Route {
        let effects = &destination.effects;
        let mut response_headers = effects.response_headers.clone();
        if let Some(Carrier::Header(header)) = persistence.as_ref().map(Persistence::carrier)
            && self.sessions.exposes_header
        {
            // Fetch standard, "CORS protocol": several headers of this name are one list.
            response_headers.add("access-control-expose-headers", header.name.as_str());
        }
        let mut request_headers = effects.request_headers.clone();
        if let Some(rule) = &persistence
            && self.sessions.is_hidden
        {
            hidden::hide(rule.carrier(), &mut request_headers);
        }
        Route {
            name,
            matches: self.matches.clone(),
            subset,
            // Also of an error: with a session, the filter moves the request to another route of the rule.
            external_auth: effects.external_auth.clone(),
            action: destination.action(&self.matches.path, self.error_status),
            request_headers,
            response_headers,
            cors: effects.cors_with(persistence.as_ref()),
            secure_cookie: self.sessions.cookie.secure,
            persistence,
            hidden: None,
        }
    }
}
