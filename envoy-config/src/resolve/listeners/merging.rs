//! The listeners of a Gateway and its ListenerSets, merged by port (Gateway API, `GatewaySpec.listeners` and
//! `ListenerSetSpec.listeners`).
//!
//! All listeners on a port use TLS, or none does. If the Gateway itself breaks this, none of its listeners there is
//! served: picking one would be a guess. A listener of a ListenerSet gives way: it is not served if one that takes
//! precedence has another protocol on its port, or the same hostname there.

use std::collections::BTreeMap;

use super::protocols;
use super::section::{Owner, Section};
use crate::diagnostic::{Code, Diagnostic};
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// The listeners on a port.
#[derive(Default)]
struct OnPort<'m> {
    /// In their order of precedence.
    listeners: Vec<Section<'m>>,
    /// Whether they are not served, because their protocols conflict.
    is_refused: bool,
}

/// The listeners that can be served on each port, by the objects that list them in their order of precedence: the
/// Gateway first. Reports those that cannot.
pub(super) fn merged<'m>(
    owners: impl Iterator<Item = Owner<'m>>,
    report: &mut Report,
) -> impl Iterator<Item = (u16, Vec<Section<'m>>)> {
    let mut ports: BTreeMap<u16, OnPort<'m>> = BTreeMap::new();
    for (number, owner) in owners.enumerate() {
        let is_gateway = number == 0;
        for section in owner.sections() {
            let taken = ports.get(&section.listener.port.value).filter(|_| !is_gateway);
            if !taken.is_some_and(|taken| conflicts(&section, taken, report))
                && protocols::is_supported(section, report)
            {
                ports.entry(section.listener.port.value).or_default().listeners.push(section);
            }
        }
        if is_gateway {
            for port in ports.values_mut() {
                port.is_refused = !have_one_protocol(&port.listeners, report);
            }
        }
    }
    let served = ports.into_iter().filter(|(_, port)| !port.is_refused);
    served.map(|(port, OnPort { listeners, .. })| (port, listeners))
}

/// Whether a listener of a ListenerSet conflicts with those on its port. Reports an error if so.
fn conflicts(section: &Section<'_>, port: &OnPort<'_>, report: &mut Report) -> bool {
    let protocol = |section: &Section<'_>| section.listener.protocol.value.name().to_owned();
    let number = section.listener.port.value;
    if let Some(first) = port.listeners.iter().find(|first| protocol(first) != protocol(section)) {
        let message = format!(
            "port {number} of the Gateway has {} listeners, which take precedence over this {} listener",
            protocol(first),
            protocol(section)
        );
        let error = report.error(Code::ProtocolConflict, conflicted(section), message);
        takes_precedence(error, first);
        error.hint = Some(String::from("use different ports for different protocols"));
        return true;
    }
    let domain = section.domain();
    let Some(first) = port.listeners.iter().find(|first| first.domain() == domain) else { return false };
    let message = format!(
        "another listener of the Gateway serves {} on port {number}, and takes precedence",
        domain.written()
    );
    let span = section.listener.hostname.as_ref().map_or(section.listener.span, |hostname| hostname.span);
    let place = section.against(".hostname", span, ConditionType::Conflicted, Reason::HostnameConflict);
    let error = report.error(Code::ListenerConflict, place, message);
    takes_precedence(error, first);
    error.hint = Some(String::from(
        "the listeners of the Gateway take precedence, then those of the oldest ListenerSet, then of the first by name",
    ));
    true
}

fn takes_precedence(error: &mut Diagnostic, first: &Section<'_>) {
    error.related = Some((first.listener.name.span, String::from("this listener takes precedence")));
}

/// Whether all listeners of a Gateway on a port use TLS, or none does. Otherwise none is served (Gateway API,
/// `ProtocolConflict`).
fn have_one_protocol(listeners: &[Section<'_>], report: &mut Report) -> bool {
    let Some((first, others)) = listeners.split_first() else { return true };
    let mut agreed = true;
    for other in others.iter().filter(|other| other.is_secure() != first.is_secure()) {
        if std::mem::take(&mut agreed) {
            report.decide(&conflicted(first), &mixed_protocols(first));
        }
        let error = report.error(Code::ProtocolConflict, conflicted(other), mixed_protocols(other));
        error.related = Some((first.listener.protocol.span, String::from("the first listener on this port")));
        error.hint = Some(String::from("use different ports for HTTP and HTTPS"));
    }
    agreed
}

fn mixed_protocols(section: &Section<'_>) -> String {
    format!(
        "port {} has both HTTP and HTTPS listeners; all listeners on a port must use the same protocol",
        section.listener.port.value
    )
}

fn conflicted<'m>(section: &Section<'m>) -> Place<'m> {
    let span = section.listener.protocol.span;
    section.against(".protocol", span, ConditionType::Conflicted, Reason::ProtocolConflict)
}
