//! Which listeners a route attaches to (Gateway API, `ParentReference` and `AllowedRoutes`).
//!
//! A parentRef must pass five checks: the Gateway or ListenerSet exists, it has a matching listener, and that listener
//! allows the kind, the namespace and a hostname of the route. Only its own listeners count: a route of a Gateway does
//! not attach to the listeners of its ListenerSets. If no listener passes all of them, an error
//! names the check that failed. Listeners that are not served count as well: they have errors of their own.

pub(super) mod hostname_conflicts;
mod rejection;

use std::collections::HashMap;

use self::rejection::{Parent, Rejection};
use super::gateways::listener_sets::ListenerSetState;
use super::gateways::{GatewayState, Gateways};
use super::listeners::addresses::BoundAddress;
use super::listeners::section::{Owner, OwnerKey, Section};
use super::references::allowed_namespaces::Namespaces;
use super::status::decisions::ParentOutcome;
use super::status::report::{Place, Report};
use crate::diagnostic::Code;
use crate::manifest::gateway_api::route::{ParentKind, Route};
use crate::manifest::{Manifests, Object};
use crate::model::Domain;

/// Finds the listeners that routes attach to.
pub(super) struct Attacher<'m, 'b> {
    gateways: &'b Gateways<'m>,
    /// By the object that lists the listener, and by the position there.
    served: HashMap<OwnerKey<'m>, HashMap<usize, ListenerPosition>>,
    namespaces: Namespaces<'m>,
}

/// The result for all parentRefs of a route.
pub(super) enum Attachment {
    /// All of its Gateways are excluded by `--gateway`.
    NotSelected,
    /// The listeners that the route attaches to, possibly none; sorted and without duplicates.
    Listeners(Vec<ListenerPosition>),
}

/// A listener: the position of its address, and its position at that address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListenerPosition {
    pub(super) bound: usize,
    pub(super) listener: usize,
}

/// What a parentRef names: a Gateway or a ListenerSet.
enum ParentState<'m> {
    /// It is not in the input.
    Missing,
    /// `--gateway` excludes it.
    NotSelected,
    /// It has an error that was reported.
    Rejected,
    Served(Owner<'m>),
}

/// A listener that a route attaches to, and its position if it is served.
type Attached<'m> = (Option<ListenerPosition>, Section<'m>);

impl<'m, 'b> Attacher<'m, 'b> {
    pub(super) fn new(
        manifests: &'m Manifests,
        gateways: &'b Gateways<'m>,
        bounds: &[BoundAddress<'m>],
    ) -> Self {
        let mut served: HashMap<_, HashMap<_, _>> = HashMap::new();
        for (bound, found) in bounds.iter().enumerate() {
            for (listener, section) in found.listeners.iter().enumerate() {
                if found.serves(listener) {
                    let of_owner = served.entry(section.owner.key()).or_default();
                    of_owner.insert(section.position, ListenerPosition { bound, listener });
                }
            }
        }
        Self { gateways, served, namespaces: Namespaces::index(manifests) }
    }

    /// The listeners of a route with these hostnames ([`Domain::Any`] if it has none).
    pub(super) fn attach(
        &self,
        route: &'m Object<Route>,
        hostnames: &[Domain],
        report: &mut Report,
    ) -> Attachment {
        let parents = &route.spec.parent_refs;
        if parents.is_empty() {
            rejection::no_parent(route, self.gateways, report);
        }
        let mut unclaimed = None;
        let mut selected = parents.is_empty();
        let mut complete = !parents.is_empty();
        let mut listeners = Vec::new();
        for (number, reference) in parents.iter().enumerate() {
            let parent = Parent { route, number, reference };
            let before = listeners.len();
            if let ParentKind::Other { group, kind } = &reference.kind {
                parent.unsupported_kind(group, kind, report);
                complete = false;
                selected = true;
                report.decisions.attach(route, number, ParentOutcome::NotSelected);
                continue;
            }
            match self.owner(parent) {
                ParentState::Missing => parent.missing(self.gateways, report),
                ParentState::NotSelected => {
                    complete = false;
                    report.decisions.attach(route, number, ParentOutcome::NotSelected);
                    continue;
                }
                ParentState::Rejected => parent.not_accepted(report),
                ParentState::Served(owner) => match self.listeners_for(owner, parent, hostnames) {
                    Ok(passed) => listeners.extend(passed),
                    // A default Gateway decides which routes it claims, so this is not an error of the route.
                    Err(rejection) if reference.kind == ParentKind::DefaultGateway => {
                        unclaimed.get_or_insert((parent, rejection));
                        selected = true;
                        report.decisions.attach(route, number, ParentOutcome::NotSelected);
                        continue;
                    }
                    Err(rejection) => parent.reject(rejection, self, report),
                },
            }
            let passed = listeners.iter().skip(before);
            let positions = passed.map(|(_, section): &Attached<'_>| section.position).collect();
            report.decisions.attach(route, number, ParentOutcome::Attached(positions));
            complete &= listeners.len() > before;
            selected = true;
        }
        if let Some((parent, rejection)) = unclaimed.filter(|_| listeners.is_empty()) {
            parent.reject(rejection, self, report);
        }
        if complete {
            warn_unused_hostnames(route, hostnames, &listeners, report);
        }
        let mut listeners: Vec<_> = listeners.into_iter().filter_map(|(position, _)| position).collect();
        listeners.sort_unstable();
        listeners.dedup();
        if selected { Attachment::Listeners(listeners) } else { Attachment::NotSelected }
    }

    /// What a parentRef names.
    fn owner(&self, parent: Parent<'m>) -> ParentState<'m> {
        let (namespace, name) = (parent.namespace(), &parent.reference.name.value);
        if parent.reference.kind == ParentKind::ListenerSet {
            return match self.gateways.listener_sets().find(namespace, name) {
                None => ParentState::Missing,
                Some(ListenerSetState::NotSelected) => ParentState::NotSelected,
                Some(ListenerSetState::Rejected) => ParentState::Rejected,
                Some(ListenerSetState::Attached(set)) => ParentState::Served(set.into()),
            };
        }
        match self.gateways.find(namespace, name) {
            None => ParentState::Missing,
            Some(GatewayState::NotSelected) => ParentState::NotSelected,
            Some(GatewayState::Rejected) => ParentState::Rejected,
            Some(GatewayState::Served(gateway)) => ParentState::Served(gateway.into()),
        }
    }

    /// The listeners of an object that accept the route, or the last check that failed.
    fn listeners_for(
        &self,
        owner: Owner<'m>,
        Parent { route, reference, .. }: Parent<'m>,
        hostnames: &[Domain],
    ) -> Result<Vec<Attached<'m>>, Rejection<'m>> {
        let served = self.served.get(&owner.key());
        let sections = owner.sections().map(|section| {
            let bound = served.and_then(|served| served.get(&section.position)).copied();
            (bound, section)
        });
        let (named, others): (Vec<_>, Vec<_>) = sections.partition(|(_, Section { listener, .. })| {
            reference.section_name.as_ref().is_none_or(|name| name.value == listener.name.value)
                && reference.port.as_ref().is_none_or(|port| port.value == listener.port.value)
        });
        if named.is_empty() {
            return Err(Rejection::Section(others.into_iter().map(|(_, section)| section).collect()));
        }
        let (allowing, others): (Vec<_>, Vec<_>) =
            named.into_iter().partition(|(_, section)| section.listener.allows_kind(route.kind));
        if allowing.is_empty() {
            let mut others = others.into_iter().map(|(_, section)| section);
            return Err(Rejection::Kind(others.find(Section::is_supported)));
        }
        let first = allowing.first().map(|(_, section)| *section);
        let own = &owner.metadata.namespace.value;
        let namespace = &route.metadata.namespace.value;
        let allowed: Vec<_> = allowing
            .into_iter()
            .filter(|(_, section)| {
                self.namespaces.allow(&section.listener.allowed_namespaces, own, namespace)
            })
            .collect();
        if allowed.is_empty() {
            return Err(Rejection::Namespace(first));
        }
        let overlaps = |section: &Section<'_>| {
            let domain = section.domain();
            hostnames.iter().any(|hostname| domain.intersection(hostname).is_some())
        };
        let (overlapping, disjoint): (Vec<_>, Vec<_>) =
            allowed.into_iter().partition(|(_, section)| overlaps(section));
        if overlapping.is_empty() {
            return Err(Rejection::Hostname(disjoint.iter().map(|(_, section)| section.domain()).collect()));
        }
        Ok(overlapping)
    }
}

/// If there is no Gateway, every parentRef is rejected.
pub(super) fn reject_without_gateway(manifests: &Manifests, report: &mut Report) {
    for route in &manifests.routes {
        for (number, reference) in route.spec.parent_refs.iter().enumerate() {
            Parent { route, number, reference }.reject_without_gateway(report);
            report.decisions.attach(route, number, ParentOutcome::Attached(Vec::new()));
        }
    }
}

/// Hostnames that match no listener are not served (Gateway API, `HTTPRouteSpec.hostnames`); this warns about
/// them.
fn warn_unused_hostnames(
    route: &Object<Route>,
    hostnames: &[Domain],
    listeners: &[Attached<'_>],
    report: &mut Report,
) {
    for (number, (written, hostname)) in route.spec.hostnames.iter().zip(hostnames).enumerate() {
        let used = |(_, section): &Attached<'_>| section.domain().intersection(hostname).is_some();
        if !listeners.iter().any(used) {
            let place = Place::new(route, format!("spec.hostnames[{number}]"), written.span);
            let message = format!("no listener of this route matches {}", hostname.written());
            report.warning(Code::UnusedHostname, place, message);
        }
    }
}
