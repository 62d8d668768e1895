//! The destinations that requests of a rule can take: one for all of its backendRefs, or one for each.
//!
//! A rule is *uniform* when its backends differ in nothing but their endpoints: then they are localities of one cluster, which
//! holds a session and the weights at once. It is *split* when they differ in more, which Envoy can only tell in a route or
//! in a cluster ([`is_split`]). A split rule has a cluster and an Envoy route for each backendRef, a *share* of the rule:
//!
//! - New sessions go by weight: the routes stand in a row and each takes the requests below its mark, where the last takes
//!   what is left. Envoy has one random number for a request, so the marks add up.
//! - Sessions go on with their share, whatever its weight: routes that wait for them stand in front. The filter finds out
//!   which share a token is for, and has Envoy look for the route again ([`session_persistence::names::SHARE_FILTER_STATE`]).
//!   Of a share without endpoints no route waits for its sessions, so that the weights decide.

use std::ops::Range;

use session_persistence::config::Rule as Persistence;

use super::filters::Effects;
use crate::manifest::gateway_api::route::Rule;
use crate::model::{
    Action, Endpoints, Forward, HeaderChanges, Mirror, PathMatch, Portion, Route, RouteMatch,
};
use crate::resolve::backends::{self, Backend};

/// The destinations of a rule.
pub(in crate::resolve) enum Destinations<'m> {
    /// One for all requests.
    One(Box<Destination<'m>>),
    /// One for each backendRef.
    Split(Vec<WeightedDestination<'m>>),
}

/// What becomes of requests on one destination.
pub(in crate::resolve) struct Destination<'m> {
    pub(in crate::resolve) effects: Effects<'m>,
    /// Where they go, if anywhere.
    pub(in crate::resolve) target: Option<Forward>,
}

/// The destination to one backendRef.
pub(in crate::resolve) struct WeightedDestination<'m> {
    /// Unique in the rule, and the same whatever else the rule has: sessions hold to it.
    pub(in crate::resolve) name: String,
    pub(in crate::resolve) weight: u32,
    /// Whether it has an endpoint that a session can go on with.
    pub(in crate::resolve) keeps_sessions: bool,
    pub(in crate::resolve) destination: Destination<'m>,
}

/// What all routes of one match have in common.
pub(in crate::resolve) struct MatchContext<'r> {
    /// The name of its first route.
    pub(in crate::resolve) name: String,
    pub(in crate::resolve) matches: &'r RouteMatch,
    /// The rule's sessions.
    pub(in crate::resolve) persistence: Option<Persistence>,
    /// The status of requests that cannot be forwarded as their rule wants.
    pub(in crate::resolve) error_status: u16,
}

/// Whether each backend of a rule needs a destination of its own: one of them has filters, or is not spoken to as the others are
/// ([`backends::need_own_clusters`], which is the place for anything else that Envoy has in a cluster).
pub(in crate::resolve) fn is_split(rule: &Rule, found: &[Backend]) -> bool {
    rule.backend_refs.iter().any(|backend| !backend.filters.is_empty()) || backends::need_own_clusters(found)
}

/// Whether an endpoint is there, so that a session can have begun on it.
pub(in crate::resolve) fn keeps_sessions(endpoints: &Endpoints) -> bool {
    match endpoints {
        Endpoints::Addresses(addresses) => !addresses.is_empty(),
        Endpoints::Names(_) => true,
        Endpoints::Unresolved => false,
    }
}

impl Destinations<'_> {
    /// Whether a request that this path matched can be forwarded, and so have a session.
    pub(in crate::resolve) fn forward(&self, matched: &PathMatch) -> bool {
        let forwards =
            |destination: &Destination<'_>| matches!(destination.action(matched, 0), Action::Forward(_));
        match self {
            Self::One(destination) => forwards(destination),
            Self::Split(weighted) => weighted.iter().any(|share| forwards(&share.destination)),
        }
    }

    /// The Envoy routes of a match, in their order.
    pub(in crate::resolve) fn routes(&self, matched: &MatchContext<'_>) -> Vec<Route> {
        match self {
            Self::One(destination) => {
                let persistence = matched.persistence.clone();
                vec![matched.route(matched.name.clone(), destination, Portion::All, persistence)]
            }
            Self::Split(weighted) => routes_of(weighted, matched),
        }
    }
}

fn routes_of(weighted: &[WeightedDestination<'_>], matched: &MatchContext<'_>) -> Vec<Route> {
    let route =
        |number: usize, share: &WeightedDestination<'_>, portion, mirror: &dyn Fn(&Mirror) -> Mirror| {
            let persistence = matched.persistence.clone().map(|rule| rule.of_share(&share.name));
            let mut route =
                matched.route(format!("{}/{number}", matched.name), &share.destination, portion, persistence);
            if let Action::Forward(forward) = &mut route.action {
                forward.mirrors = forward.mirrors.iter().map(mirror).collect();
            }
            route
        };
    let all: u64 = weighted.iter().map(|share| u64::from(share.weight)).sum();
    let ranges = ranges(weighted, all);
    let numbered = || weighted.iter().zip(&ranges).enumerate();
    let mut routes = Vec::with_capacity(weighted.len() * 2);
    if matched.persistence.is_some() {
        for (number, (share, range)) in numbered().filter(|(_, (share, _))| share.keeps_sessions) {
            // Sessions that come by their share's own number are there already.
            let portion = Portion::Sessions(share.name.clone());
            let waiting = route(number, share, portion, &|mirror| mirror.outside(range));
            routes.extend(Some(waiting).filter(|route| matches!(route.action, Action::Forward(_))));
        }
    }
    let last = weighted.iter().rposition(|share| share.weight > 0);
    for (number, (share, range)) in numbered().filter(|(_, (share, _))| share.weight > 0) {
        let portion = if last == Some(number) { Portion::All } else { Portion::Below(range.end) };
        routes.push(route(number, share, portion, &|mirror| mirror.within(range)));
    }
    if all == 0 {
        // Nobody gets new sessions; here those that have one set out for theirs.
        routes.push(Route {
            name: matched.name.clone(),
            matches: matched.matches.clone(),
            portion: Portion::All,
            action: Action::Respond(matched.error_status),
            request_headers: HeaderChanges::default(),
            response_headers: HeaderChanges::default(),
            cors: None,
            persistence: matched.persistence.clone().map(|rule| rule.of_share("")),
        });
    }
    routes
}

/// The numbers of the requests that are each share's by weight.
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
        portion: Portion,
        persistence: Option<Persistence>,
    ) -> Route {
        let effects = &destination.effects;
        Route {
            name,
            matches: self.matches.clone(),
            portion,
            action: destination.action(&self.matches.path, self.error_status),
            request_headers: effects.request_headers.clone(),
            response_headers: effects.response_headers.clone(),
            cors: effects.cors_with(persistence.as_ref()),
            persistence,
        }
    }
}
