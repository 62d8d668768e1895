//! Which address each listener binds: the listen address with the listener's port, or what `--map-port` says.
//!
//! The listeners of a Gateway that share a port share an address; `merging` decides which they are.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::Arc;

use super::merging::merged;
use super::port_mappings;
use super::section::{Owner, Section};
use crate::diagnostic::Code;
use crate::manifest::gateway_api::gateway::Gateway;
use crate::manifest::{Manifests, Object};
use crate::model::{Certificate, ClientCertificates};
use crate::options::{Options, Target, UsageError};
use crate::resolve::gateways::Gateways;
use crate::resolve::status::decisions::ObjectKey;
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// One address and the listeners it serves.
pub(in crate::resolve) struct BoundAddress<'m> {
    pub(in crate::resolve) gateway: &'m Object<Gateway>,
    /// The port in the manifest, which all of the listeners have.
    pub(in crate::resolve) port: u16,
    pub(in crate::resolve) bind: SocketAddr,
    pub(in crate::resolve) listeners: Vec<Section<'m>>,
    pub(in crate::resolve) security: Security,
    /// The client certificate that the Gateway presents to backends.
    pub(in crate::resolve) for_backends: Option<Arc<Certificate>>,
}

/// Whether clients of an address use TLS.
pub(in crate::resolve) enum Security {
    Plaintext,
    /// The handshake of each listener, in the order of the listeners. A listener without a certificate is not
    /// served.
    Tls(Vec<Handshake>),
}

/// The certificates that a listener presents, and those that it requires of clients.
pub(in crate::resolve) struct Handshake {
    pub(in crate::resolve) certificates: Vec<Certificate>,
    pub(in crate::resolve) client_certificates: ClientCertificates,
}

impl Handshake {
    /// Whether the listener has a certificate.
    pub(in crate::resolve) fn is_served(&self) -> bool {
        !self.certificates.is_empty()
    }
}

/// Assigns an address to every listener of the served Gateways; sorted, each address once if one Envoy serves all Gateways.
pub(in crate::resolve) fn assign<'m>(
    manifests: &'m Manifests,
    gateways: &Gateways<'m>,
    options: &Options,
    report: &mut Report,
) -> Result<Vec<BoundAddress<'m>>, Vec<UsageError>> {
    let mapped = port_mappings::map_ports(manifests, gateways, options, report)?;
    let mut by_address: BTreeMap<SocketAddr, Vec<BoundAddress<'m>>> = BTreeMap::new();
    for gateway in gateways.served() {
        for (port, listeners) in merged(gateways.owners(gateway), report) {
            let (namespace, name) = gateway.metadata.key();
            let default = SocketAddr::new(options.listen_address, port);
            let bind = mapped.get(&(namespace, name, port)).copied().unwrap_or(default);
            // Certificates are added later, when it is known which listeners are served.
            let security = Security::Plaintext;
            let bound = BoundAddress { gateway, port, bind, listeners, security, for_backends: None };
            by_address.entry(bind).or_default().push(bound);
        }
    }
    if matches!(options.target, Target::Implementation(_)) {
        return Ok(by_address.into_values().flatten().collect());
    }
    let mut free = FreePorts { taken: by_address.keys().map(SocketAddr::port).collect(), next: 8889 };
    Ok(by_address.into_values().filter_map(|bounds| only_binding(bounds, &mut free, report)).collect())
}

/// Free ports to suggest for listeners whose address is taken; each is suggested once.
struct FreePorts {
    taken: BTreeSet<u16>,
    next: u16,
}

impl Iterator for FreePorts {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        while !self.taken.insert(self.next) {
            self.next = self.next.checked_add(1)?;
        }
        Some(self.next)
    }
}

/// The only listeners that bind an address. If there are several, none is served: picking one would be a
/// guess (Gateway API, `GatewaySpec.listeners`).
fn only_binding<'m>(
    mut bounds: Vec<BoundAddress<'m>>,
    free: &mut FreePorts,
    report: &mut Report,
) -> Option<BoundAddress<'m>> {
    if bounds.len() < 2 {
        return bounds.pop();
    }
    for bound in &bounds {
        for section in &bound.listeners {
            let message = format!("other listeners also bind {}", bound.bind);
            report.decide(&unavailable(section), &message);
        }
    }
    let (mut names, places): (Vec<String>, Vec<Place<'m>>) =
        bounds.iter().filter_map(BoundAddress::first).unzip();
    let mut places = places.into_iter();
    let (bind, first, second) = (bounds.first()?.bind, places.next()?.span(), places.next()?);
    let mappings: Vec<String> = names
        .iter()
        .skip(1)
        .zip(free)
        .map(|(listener, port)| format!("--map-port {listener}={port}"))
        .collect();
    let last = names.pop()?;
    let message = format!("{} listeners would bind {bind}: {} and {last}", bounds.len(), names.join(", "));
    let error = report.error(Code::AddressConflict, second, message);
    error.related = Some((first, String::from("the first listener")));
    error.hint = Some(format!("move all but one, for example with {}", mappings.join(" ")));
    None
}

impl<'m> BoundAddress<'m> {
    /// Whether the listener at this position is served.
    pub(in crate::resolve) fn serves(&self, position: usize) -> bool {
        match &self.security {
            Security::Plaintext => true,
            Security::Tls(handshakes) => handshakes.get(position).is_some_and(Handshake::is_served),
        }
    }

    /// Records which of its listeners are served.
    pub(in crate::resolve) fn program(&self, report: &mut Report) {
        for (position, section) in self.listeners.iter().enumerate() {
            if self.serves(position) {
                let Owner { kind, metadata, .. } = section.owner;
                report.decisions.program(ObjectKey::new(kind, metadata), section.position);
            }
        }
    }

    /// The name and the port of its first listener.
    fn first(&self) -> Option<(String, Place<'m>)> {
        let section = self.listeners.first()?;
        Some((section.full_name(), section.at(".port", section.listener.port.span)))
    }
}

/// A listener that cannot bind its address.
fn unavailable<'m>(section: &Section<'m>) -> Place<'m> {
    let span = section.listener.port.span;
    section.against(".port", span, ConditionType::Accepted, Reason::PortUnavailable)
}
