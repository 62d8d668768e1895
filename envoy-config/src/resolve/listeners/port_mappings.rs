//! `--map-port`: which listener each mapping names.
//!
//! A listener is named with the object that lists it, a Gateway or a ListenerSet. A mapping that names no listener, or
//! several on different ports, is a usage error. A mapping for a Gateway that is not served, or a ListenerSet that is not
//! attached, is not: it has an error of its own.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;

use super::section::{Owner, Section};
use crate::diagnostic::Code;
use crate::manifest::gateway_api::gateway::Gateway;
use crate::manifest::{Manifests, Object};
use crate::options::{ListenerName, Options, PortMapping, UsageError};
use crate::resolve::gateways::Gateways;
use crate::resolve::status::report::{Place, Report};

/// A port of a Gateway.
pub(super) type Port<'m> = (&'m str, &'m str, u16);

/// The mapped addresses of the ports of served Gateways.
pub(super) fn map_ports<'m>(
    manifests: &'m Manifests,
    gateways: &Gateways<'m>,
    options: &Options,
    report: &mut Report,
) -> Result<BTreeMap<Port<'m>, SocketAddr>, Vec<UsageError>> {
    let mut mapped: BTreeMap<Port<'m>, SocketAddr> = BTreeMap::new();
    let mut usage_errors = Vec::new();
    for mapping in &options.port_mappings {
        let found = match find(gateways, &mapping.listener) {
            Ok(found) => found,
            // The listener may be in a Gateway that could not be read.
            Err(UsageError::UnknownListener { .. })
                if is_unused(mapping, manifests, report) || report.may_have_unread("Gateway") =>
            {
                continue;
            }
            Err(usage_error) => {
                usage_errors.push(usage_error);
                continue;
            }
        };
        let (gateway, section) = found;
        let (namespace, name) = gateway.metadata.key();
        let bind = mapping.bind.address(options.listen_address);
        match mapped.entry((namespace, name, section.listener.port.value)) {
            Entry::Vacant(place) => {
                place.insert(bind);
            }
            Entry::Occupied(first) if *first.get() == bind => {}
            Entry::Occupied(first) => usage_errors.push(UsageError::TwoBinds {
                listener: section.full_name(),
                first: *first.get(),
                second: bind,
            }),
        }
    }
    if usage_errors.is_empty() { Ok(mapped) } else { Err(usage_errors) }
}

/// Whether a mapping names a listener of a Gateway that is not served. Warns about it.
fn is_unused(mapping: &PortMapping, manifests: &Manifests, report: &mut Report) -> bool {
    let mut unused = false;
    let gateways = manifests.gateways.iter().map(Owner::from);
    for owner in gateways.chain(manifests.listener_sets.iter().map(Owner::from)) {
        if owner.sections().any(|section| is_meant(&mapping.listener, &section)) {
            unused = true;
            let Owner { kind, metadata, .. } = owner;
            let place = Place::of(kind, metadata, "", metadata.name.span);
            let message = format!("`--map-port {mapping}` has no effect: this {kind} is not served");
            report.warning(Code::UnusedMapPort, place, message);
        }
    }
    unused
}

/// Whether a name means this listener.
fn is_meant(name: &ListenerName, section: &Section<'_>) -> bool {
    let (_, own_namespace, own_name) = section.owner.key();
    let ListenerName { namespace, gateway, listener: wanted } = name;
    namespace.as_ref().is_none_or(|wanted| wanted == own_namespace)
        && gateway.as_ref().is_none_or(|wanted| wanted == own_name)
        && *wanted == section.listener.name.value
}

/// The only listener of this name.
fn find<'m>(
    gateways: &Gateways<'m>,
    wanted: &ListenerName,
) -> Result<(&'m Object<Gateway>, Section<'m>), UsageError> {
    let all = || {
        gateways.served().flat_map(|gateway| {
            let sections = gateways.owners(gateway).flat_map(Owner::sections);
            sections.map(move |section| (gateway, section))
        })
    };
    let mut found = all().filter(|(_, section)| is_meant(wanted, section));
    let names = |listeners: &mut dyn Iterator<Item = (_, Section<'m>)>| {
        listeners.map(|(_, section)| section.full_name()).collect()
    };
    let Some(one) = found.next() else {
        return Err(UsageError::UnknownListener { wanted: wanted.clone(), choices: names(&mut all()) });
    };
    // A Gateway and its ListenerSet may have listeners of one name on one port.
    let port = |(gateway, section): &(&Object<Gateway>, Section<'_>)| {
        let (namespace, name) = gateway.metadata.key();
        (namespace.to_owned(), name.to_owned(), section.listener.port.value)
    };
    match found.find(|other| port(other) != port(&one)) {
        None => Ok(one),
        Some(two) => Err(UsageError::AmbiguousListener {
            wanted: wanted.clone(),
            choices: names(&mut [one, two].into_iter().chain(found)),
        }),
    }
}
