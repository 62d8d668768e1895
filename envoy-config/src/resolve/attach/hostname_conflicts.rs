//! HTTPRoutes and GRPCRoutes that claim the same hostname of a listener: the older route gets it, and the
//! other one is not accepted there (Gateway API, `GRPCRouteSpec.hostnames`). They are never merged
//! (`GRPCRouteRule.matches`).

use std::collections::BTreeMap;

use crate::diagnostic::Code;
use crate::manifest::gateway_api::route::{ParentRef, RouteKind};
use crate::model::Domain;
use crate::resolve::attach::ListenerPosition;
use crate::resolve::listeners::addresses::BoundAddress;
use crate::resolve::listeners::section::{Owner, Section};
use crate::resolve::routes::rules::ResolvedRoute;
use crate::resolve::seniority::Seniority;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// The hostnames of a listener that routes of one kind claim, each with the position of the first route.
#[derive(Default)]
struct Claimed {
    /// The claimed hostnames.
    own: BTreeMap<Domain, usize>,
    /// All hostnames that cover a claimed one.
    covering: BTreeMap<Domain, usize>,
}

/// Detaches routes from listeners where an older route of the other kind claims one of their hostnames.
/// `attached` has the listeners of each route.
pub(in crate::resolve) fn resolve(
    bounds: &[BoundAddress<'_>],
    routes: &[ResolvedRoute<'_>],
    attached: &mut [Vec<ListenerPosition>],
    report: &mut Report,
) {
    let is_of = |kind| routes.iter().any(|route| route.object.spec.kind == kind);
    if !(is_of(RouteKind::Http) && is_of(RouteKind::Grpc)) {
        return;
    }
    let mut by_age: Vec<_> = routes.iter().zip(attached).enumerate().collect();
    by_age.sort_by_key(|(_, (route, _))| (Seniority::of(route.object), route.object.spec.kind));
    let mut claimed: BTreeMap<(ListenerPosition, RouteKind), Claimed> = BTreeMap::new();
    for (position, (route, listeners)) in by_age {
        let kind = route.object.spec.kind;
        let mut lost = Vec::new();
        listeners.retain(|listener| {
            let Some(section) = section(bounds, *listener) else { return false };
            let domain = section.domain();
            let hostnames = route.hostnames.iter().enumerate();
            let hostnames: Vec<_> = hostnames
                .filter_map(|(number, hostname)| Some((number, domain.intersection(hostname)?)))
                .collect();
            let others = claimed.get(&(*listener, other(kind)));
            let taken = others.and_then(|others| {
                hostnames.iter().find_map(|(number, one)| Some((*number, one, others.meets(one)?)))
            });
            if let Some((number, hostname, rival)) = taken {
                let hostname = Domain::clone(hostname);
                lost.extend(routes.get(rival).map(|rival| Loss { section, number, hostname, rival }));
                return false;
            }
            let own = claimed.entry((*listener, kind)).or_default();
            for (_, hostname) in hostnames {
                own.add(hostname, position);
            }
            true
        });
        report_conflict(route, &lost, report);
    }
}

/// A listener that a route loses to another route.
struct Loss<'l, 'm> {
    section: &'l Section<'m>,
    /// The position of the hostname in the route.
    number: usize,
    /// The hostname, as far as the listener serves it.
    hostname: Domain,
    rival: &'l ResolvedRoute<'m>,
}

fn section<'b, 'm>(bounds: &'b [BoundAddress<'m>], position: ListenerPosition) -> Option<&'b Section<'m>> {
    bounds.get(position.bound)?.listeners.get(position.listener)
}

const fn other(kind: RouteKind) -> RouteKind {
    match kind {
        RouteKind::Http => RouteKind::Grpc,
        RouteKind::Grpc => RouteKind::Http,
    }
}

impl Claimed {
    fn add(&mut self, hostname: &Domain, route: usize) {
        self.own.entry(hostname.clone()).or_insert(route);
        for covering in hostname.chain() {
            self.covering.entry(covering).or_insert(route);
        }
    }

    /// A route that claims a hostname that overlaps with this one.
    fn meets(&self, hostname: &Domain) -> Option<usize> {
        let covered = || hostname.chain().find_map(|one| self.own.get(&one));
        self.covering.get(hostname).or_else(covered).copied()
    }
}

/// Reports once what a route loses. A parentRef that has no listener left is not accepted.
fn report_conflict(route: &ResolvedRoute<'_>, lost: &[Loss<'_, '_>], report: &mut Report) {
    let Some(Loss { section, number, hostname, rival, .. }) = lost.first() else { return };
    let object = route.object;
    let place = || match object.spec.hostnames.get(*number) {
        Some(hostname) => Place::new(object, format!("spec.hostnames[{number}]"), hostname.span),
        None => Place::new(object, "spec", object.metadata.name.span),
    };
    let (namespace, name) = rival.object.metadata.key();
    let message = format!(
        "{} `{namespace}/{name}` already serves `{hostname}` on listener `{}`: an HTTPRoute and a GRPCRoute cannot share a \
         hostname",
        rival.object.kind, section.listener.name.value
    );
    for Loss { section, .. } in lost {
        for number in parents(route, section.owner) {
            if report.decisions.detach(object, number, section.position) {
                let part = Part::Parent(number);
                let place = place().because(part, ConditionType::Accepted, Reason::HostnameConflict);
                report.decide(&place, &message);
            }
        }
    }
    let error = report.error(Code::HostnameTaken, place(), message);
    error.related = Some((
        rival.object.metadata.name.span,
        String::from("this route takes precedence: the older one does, then the first by name"),
    ));
    error.hint = Some(String::from("use different hostnames or different listeners for the two routes"));
}

/// The positions of the parentRefs that name this object.
fn parents<'r>(route: &'r ResolvedRoute<'_>, owner: Owner<'r>) -> impl Iterator<Item = usize> {
    let metadata = &route.object.metadata;
    let is_meant = move |reference: &ParentRef| {
        let namespace = reference.namespace.as_ref().unwrap_or(&metadata.namespace);
        (reference.kind.name(), namespace.value.as_str(), reference.name.value.as_str()) == owner.key()
    };
    let references = route.object.spec.parent_refs.iter().enumerate();
    references.filter(move |(_, reference)| is_meant(reference)).map(|(number, _)| number)
}
