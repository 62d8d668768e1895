//! Which address each listener binds: the listeners of a Gateway that share a port share an address.
//!
//! They speak one protocol there: HTTP, or HTTP over TLS.
//!
//! The address is the listener's own port on the listen address, or what a port mapping says.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::net::SocketAddr;

use super::decisions::Part;
use super::gateways::Gateways;
use super::kinds;
use super::report::{Place, Report};
use crate::manifest::Object;
use crate::manifest::gateway::{Gateway, Listener, Protocol};
use crate::model::{Certificate, Clients, Domain};
use crate::options::{ListenerName, Misfit, Options};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// One address and the listeners it serves.
pub(super) struct Bound<'m> {
    pub(super) gateway: &'m Object<Gateway>,
    /// The port in the manifest, which is that of all the listeners.
    pub(super) port: u16,
    pub(super) bind: SocketAddr,
    pub(super) listeners: Vec<Section<'m>>,
    pub(super) security: Security,
}

/// Whether the clients of an address come over TLS.
pub(super) enum Security {
    Clear,
    /// With the handshake of each listener, in the listeners' order; one without a certificate is not served.
    Tls(Vec<Handshake>),
}

/// What a listener shows to its clients, and wants to see of them.
pub(super) struct Handshake {
    pub(super) certificates: Vec<Certificate>,
    pub(super) clients: Clients,
}

impl Handshake {
    /// Whether there is anything to show.
    pub(super) fn is_served(&self) -> bool {
        !self.certificates.is_empty()
    }
}

/// A listener and its position in the Gateway.
#[derive(Clone, Copy)]
pub(super) struct Section<'m> {
    pub(super) position: usize,
    pub(super) listener: &'m Listener,
}

impl Section<'_> {
    /// The hostnames it serves.
    pub(super) fn domain(&self) -> Domain {
        Domain::of(self.listener.hostname.as_ref())
    }

    pub(super) fn is_secure(&self) -> bool {
        matches!(self.listener.protocol.value, Protocol::Https(_))
    }

    /// The place of one of its fields, written here; an empty field stands for the whole listener.
    pub(super) fn at<'m>(&self, gateway: &'m Object<Gateway>, field: &str, span: Span) -> Place<'m> {
        Place::new(gateway, format!("spec.listeners[{}]{field}", self.position), span)
    }
}

/// A port of a Gateway.
type Port<'m> = (&'m str, &'m str, u16);

/// Gives every listener of the served Gateways its address; sorted by address, each address once.
pub(super) fn assign<'m>(
    gateways: &Gateways<'m>,
    options: &Options,
    report: &mut Report,
) -> Result<Vec<Bound<'m>>, Vec<Misfit>> {
    let mapped = map_ports(gateways, options, report)?;
    let mut by_address: BTreeMap<SocketAddr, Vec<Bound<'m>>> = BTreeMap::new();
    for gateway in gateways.served() {
        let mut ports: BTreeMap<u16, Vec<Section<'m>>> = BTreeMap::new();
        for (position, listener) in gateway.spec.listeners.iter().enumerate() {
            let section = Section { position, listener };
            if kinds::are_served(gateway, section, report) {
                ports.entry(listener.port.value).or_default().push(section);
            }
        }
        for (port, listeners) in ports {
            let (namespace, name) = gateway.metadata.key();
            let default = SocketAddr::new(options.listen_address, port);
            let bind = mapped.get(&(namespace, name, port)).copied().unwrap_or(default);
            if speak_one_protocol(gateway, &listeners, report) {
                // Certificates come later, when it is known which listeners are served.
                let security = Security::Clear;
                by_address.entry(bind).or_default().push(Bound { gateway, port, bind, listeners, security });
            }
        }
    }
    Ok(by_address.into_values().filter_map(|bounds| sole(bounds, report)).collect())
}

/// Whether the listeners of a port agree on TLS. Where they do not, none is picked (Gateway API, `ProtocolConflict`).
fn speak_one_protocol(gateway: &Object<Gateway>, listeners: &[Section<'_>], report: &mut Report) -> bool {
    let Some((first, others)) = listeners.split_first() else { return true };
    let mut agreed = true;
    for other in others.iter().filter(|other| other.is_secure() != first.is_secure()) {
        if std::mem::take(&mut agreed) {
            report.decide(&conflicted(gateway, first), &mixed(first));
        }
        let error = report.error("protocol-conflict", conflicted(gateway, other), mixed(other));
        error.related =
            Some((first.listener.protocol.span, String::from("the protocol of the port's first listener")));
        error.hint = Some(String::from("give them different ports"));
    }
    agreed
}

fn mixed(section: &Section<'_>) -> String {
    format!("the port {} speaks both HTTP and HTTPS, and can speak only one", section.listener.port.value)
}

fn conflicted<'m>(gateway: &'m Object<Gateway>, section: &Section<'m>) -> Place<'m> {
    let place = section.at(gateway, ".protocol", section.listener.protocol.span);
    place.because(Part::Listener(section.position), ConditionType::Conflicted, Reason::ProtocolConflict)
}

/// The one that binds an address. Where there are several none is picked: that would be a guess (Gateway API,
/// `GatewaySpec.listeners`).
fn sole<'m>(mut bounds: Vec<Bound<'m>>, report: &mut Report) -> Option<Bound<'m>> {
    if bounds.len() < 2 {
        return bounds.pop();
    }
    let named: Vec<(String, Place<'m>)> = bounds.iter().filter_map(Bound::first).collect();
    let mut named = named.into_iter();
    let (first, first_place) = named.next()?;
    let first_span = first_place.span();
    for bound in &bounds {
        for section in &bound.listeners {
            let message = format!("{} is the address of other listeners, too", bound.bind);
            report.decide(&bound.unavailable(section), &message);
        }
    }
    for ((other, place), bound) in named.zip(bounds.iter().skip(1)) {
        let message = format!("{} is the address of two listeners: {first} and {other}", bound.bind);
        let error = report.error("address-conflict", place, message);
        error.related = Some((first_span, String::from("the other listener")));
        error.hint = Some(format!("give one of them another address, as --map-port {other}=8889"));
    }
    None
}

impl<'m> Bound<'m> {
    /// Whether the listener at this position is served.
    pub(super) fn serves(&self, position: usize) -> bool {
        match &self.security {
            Security::Clear => true,
            Security::Tls(handshakes) => handshakes.get(position).is_some_and(Handshake::is_served),
        }
    }

    /// Records which of its listeners are served.
    pub(super) fn program(&self, report: &mut Report) {
        for (position, section) in self.listeners.iter().enumerate() {
            if self.serves(position) {
                report.program(self.gateway, section.position);
            }
        }
    }

    /// One of its listeners, which cannot have this address.
    fn unavailable(&self, section: &Section<'m>) -> Place<'m> {
        let place = section.at(self.gateway, ".port", section.listener.port.span);
        place.because(Part::Listener(section.position), ConditionType::Accepted, Reason::PortUnavailable)
    }

    /// The name and the port of its first listener.
    fn first(&self) -> Option<(String, Place<'m>)> {
        let section = self.listeners.first()?;
        let place = section.at(self.gateway, ".port", section.listener.port.span);
        Some((full_name(self.gateway, section.listener), place))
    }
}

fn full_name(gateway: &Object<Gateway>, listener: &Listener) -> String {
    let (namespace, name) = gateway.metadata.key();
    format!("{namespace}/{name}/{}", listener.name.value)
}

fn map_ports<'m>(
    gateways: &Gateways<'m>,
    options: &Options,
    report: &Report,
) -> Result<BTreeMap<Port<'m>, SocketAddr>, Vec<Misfit>> {
    let mut mapped: BTreeMap<Port<'m>, SocketAddr> = BTreeMap::new();
    let mut misfits = Vec::new();
    for mapping in &options.port_mappings {
        let found = match find(gateways, &mapping.listener) {
            Ok(found) => found,
            // The listener may be in what could not be read; its absence is no second mistake.
            Err(Misfit::UnknownListener { .. }) if report.may_lack("Gateway") => continue,
            Err(misfit) => {
                misfits.push(misfit);
                continue;
            }
        };
        let (gateway, listener) = found;
        let (namespace, name) = gateway.metadata.key();
        let bind = mapping.bind.address(options.listen_address);
        match mapped.entry((namespace, name, listener.port.value)) {
            Entry::Vacant(place) => {
                place.insert(bind);
            }
            Entry::Occupied(first) if *first.get() == bind => {}
            Entry::Occupied(first) => misfits.push(Misfit::TwoBinds {
                listener: full_name(gateway, listener),
                first: *first.get(),
                second: bind,
            }),
        }
    }
    if misfits.is_empty() { Ok(mapped) } else { Err(misfits) }
}

/// The one listener of this name.
fn find<'m>(
    gateways: &Gateways<'m>,
    wanted: &ListenerName,
) -> Result<(&'m Object<Gateway>, &'m Listener), Misfit> {
    let all =
        || gateways.served().flat_map(|gateway| gateway.spec.listeners.iter().map(move |one| (gateway, one)));
    let mut found = all().filter(|(gateway, listener)| {
        let (namespace, name) = gateway.metadata.key();
        wanted.namespace.as_ref().is_none_or(|wanted| wanted == namespace)
            && wanted.gateway.as_ref().is_none_or(|wanted| wanted == name)
            && wanted.listener == listener.name.value
    });
    let names = |listeners: &mut dyn Iterator<Item = _>| {
        listeners.map(|(gateway, one)| full_name(gateway, one)).collect()
    };
    match (found.next(), found.next()) {
        (Some(one), None) => Ok(one),
        (None, _) => Err(Misfit::UnknownListener { wanted: wanted.clone(), choices: names(&mut all()) }),
        (Some(one), Some(two)) => Err(Misfit::AmbiguousListener {
            wanted: wanted.clone(),
            choices: names(&mut [one, two].into_iter().chain(found)),
        }),
    }
}
