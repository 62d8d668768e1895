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
use super::report::Report;
use crate::manifest::gateway::Gateway;
use crate::manifest::route::HttpRoute;
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
        route: &'m Object<HttpRoute>,
        hostnames: &[Domain],
        report: &mut Report,
    ) -> Attachment {
        let parents = &route.spec.parent_refs;
        if parents.is_empty() {
            refusal::no_parent(route, self.gateways, report);
        }
        let mut selected = parents.is_empty();
        let mut listeners = Vec::new();
        for (number, reference) in parents.iter().enumerate() {
            let parent = Parent { route, number, reference };
            match self.gateways.find(parent.namespace(), &reference.name.value) {
                None => parent.no_gateway(self.gateways, report),
                Some(Standing::NotSelected) => continue,
                Some(Standing::Refused) => {}
                Some(Standing::Served(gateway)) => match self.pass(gateway, parent, hostnames) {
                    Ok(passed) => listeners.extend(passed),
                    Err(gate) => parent.refuse(gate, &self.namespaces, report),
                },
            }
            selected = true;
        }
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
    ) -> Result<Vec<ListenerPosition>, Gate<'m>> {
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
        let domains: Vec<Domain> =
            allowed.iter().map(|(_, section)| Domain::of(section.listener.hostname.as_ref())).collect();
        let meeting: Vec<_> = allowed
            .iter()
            .zip(&domains)
            .filter(|(_, domain)| hostnames.iter().any(|hostname| domain.intersection(hostname).is_some()))
            .map(|((position, _), _)| *position)
            .collect();
        if meeting.is_empty() { Err(Gate::Hostname(domains)) } else { Ok(meeting) }
    }
}
