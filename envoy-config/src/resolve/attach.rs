//! Which listeners a route attaches to (Gateway API, `ParentReference` and `AllowedRoutes`).
//!
//! Each parentRef passes four gates: the Gateway, its sections, their namespaces, their hostnames. One that passes none
//! of a Gateway's listeners through all of them is an error that names the gate.

mod namespaces;
mod refusal;

use std::collections::HashMap;

use self::namespaces::Namespaces;
use self::refusal::{Gate, Parent};
use super::binds::{Bound, Section};
use super::gateways::{Gateways, Standing};
use super::report::{Place, Report};
use crate::manifest::gateway::Gateway;
use crate::manifest::route::Route;
use crate::manifest::{Manifests, Object};
use crate::model::Domain;

/// Finds the listeners of routes.
pub(super) struct Attacher<'m, 'b> {
    gateways: &'b Gateways<'m>,
    /// The bound addresses of a Gateway.
    bounds: HashMap<(&'m str, &'m str), Vec<(usize, &'b Bound<'m>)>>,
    namespaces: Namespaces<'m>,
}

/// What a route's parentRefs came to.
pub(super) enum Attachment {
    /// None of its Gateways was asked for.
    NotSelected,
    /// The listeners it is attached to, perhaps none; sorted, each once.
    Listeners(Vec<ListenerPosition>),
}

/// A listener: the position of its address, and its own position at that address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ListenerPosition {
    pub(super) bound: usize,
    pub(super) listener: usize,
}

/// A listener that a route is attached to.
type Attached<'m> = (ListenerPosition, Section<'m>);

impl<'m, 'b> Attacher<'m, 'b> {
    pub(super) fn new(manifests: &'m Manifests, gateways: &'b Gateways<'m>, bounds: &'b [Bound<'m>]) -> Self {
        let mut by_gateway: HashMap<_, Vec<_>> = HashMap::new();
        for (position, bound) in bounds.iter().enumerate() {
            by_gateway.entry(bound.gateway.metadata.key()).or_default().push((position, bound));
        }
        Self { gateways, bounds: by_gateway, namespaces: Namespaces::index(manifests) }
    }

    /// The listeners of a route, whose hostnames are these ([`Domain::Any`] if it has none).
    pub(super) fn attach(
        &self,
        route: &'m Object<Route>,
        hostnames: &[Domain],
        report: &mut Report,
    ) -> Attachment {
        let parents = &route.spec.parent_refs;
        if parents.is_empty() {
            refusal::no_parent(route, self.gateways, report);
        }
        let mut selected = parents.is_empty();
        let mut complete = !parents.is_empty();
        let mut listeners = Vec::new();
        for (number, reference) in parents.iter().enumerate() {
            let parent = Parent { route, number, reference };
            let before = listeners.len();
            match self.gateways.find(parent.namespace(), &reference.name.value) {
                None => parent.no_gateway(self.gateways, report),
                Some(Standing::NotSelected) => {
                    complete = false;
                    continue;
                }
                Some(Standing::Refused) => {}
                Some(Standing::Served(gateway)) => match self.pass(gateway, parent, hostnames) {
                    Ok(passed) => listeners.extend(passed),
                    Err(gate) => parent.refuse(gate, &self.namespaces, report),
                },
            }
            complete &= listeners.len() > before;
            selected = true;
        }
        if complete {
            tell_of_unused(route, hostnames, &listeners, report);
        }
        let mut listeners: Vec<_> = listeners.into_iter().map(|(position, _)| position).collect();
        listeners.sort_unstable();
        listeners.dedup();
        if selected { Attachment::Listeners(listeners) } else { Attachment::NotSelected }
    }

    /// The listeners of a Gateway that let the route pass, or the gate that the last of them fell at.
    fn pass(
        &self,
        gateway: &'m Object<Gateway>,
        Parent { route, reference, .. }: Parent<'m>,
        hostnames: &[Domain],
    ) -> Result<Vec<Attached<'m>>, Gate<'m>> {
        let bounds = self.bounds.get(&gateway.metadata.key()).into_iter().flatten();
        let sections = bounds.flat_map(|(bound, served)| {
            let positions = served.listeners.iter().enumerate();
            positions.map(|(listener, section)| (ListenerPosition { bound: *bound, listener }, *section))
        });
        let (named, others): (Vec<_>, Vec<_>) = sections.partition(|(_, Section { listener, .. })| {
            reference.section_name.as_ref().is_none_or(|name| name.value == listener.name.value)
                && reference.port.as_ref().is_none_or(|port| port.value == listener.port.value)
        });
        if named.is_empty() {
            // A listener that lost its address was complained of there.
            let left_out = gateway.spec.listeners.len() > others.len();
            let others = others.into_iter().map(|(_, section)| section).collect();
            return if left_out { Ok(Vec::new()) } else { Err(Gate::Section(others)) };
        }
        let first = named.first().map(|(_, section)| *section);
        let own = &gateway.metadata.namespace.value;
        let namespace = &route.metadata.namespace.value;
        let allowed: Vec<_> = named
            .into_iter()
            .filter(|(_, section)| {
                self.namespaces.allow(&section.listener.allowed_namespaces, own, namespace)
            })
            .collect();
        if allowed.is_empty() {
            return Err(Gate::Namespace(first));
        }
        let meets = |section: &Section<'_>| {
            let domain = section.domain();
            hostnames.iter().any(|hostname| domain.intersection(hostname).is_some())
        };
        let (meeting, strange): (Vec<_>, Vec<_>) =
            allowed.into_iter().partition(|(_, section)| meets(section));
        if meeting.is_empty() {
            return Err(Gate::Hostname(strange.iter().map(|(_, section)| section.domain()).collect()));
        }
        Ok(meeting)
    }
}

/// Hostnames that no listener of the route has are left out (Gateway API, `HTTPRouteSpec.hostnames`), but not in
/// silence.
fn tell_of_unused(
    route: &Object<Route>,
    hostnames: &[Domain],
    listeners: &[Attached<'_>],
    report: &mut Report,
) {
    for (number, (written, hostname)) in route.spec.hostnames.iter().zip(hostnames).enumerate() {
        let used = |(_, section): &Attached<'_>| section.domain().intersection(hostname).is_some();
        if !listeners.iter().any(used) {
            let place = Place::new(route, format!("spec.hostnames[{number}]"), written.span);
            let message = format!("no listener that the route is attached to has {}", hostname.written());
            report.warning("unused-hostname", place, message);
        }
    }
}
