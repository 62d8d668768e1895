//! Which port of which Service a backendRef means.

use std::collections::BTreeMap;

use super::protocol::{self, Spoken};
use crate::diagnostic::closest;
use crate::manifest::Object;
use crate::manifest::core::{Service, ServiceKind, ServicePort};
use crate::manifest::route::{BackendRef, Route};
use crate::resolve::decisions::Part;
use crate::resolve::grants::{GATEWAY_API, Grants, Party};
use crate::resolve::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The Services by namespace and name.
pub(in crate::resolve) type Services<'m> = BTreeMap<(&'m str, &'m str), &'m Object<Service>>;

/// A backendRef and where it stands.
pub(super) struct Reference<'m> {
    pub(super) route: &'m Object<Route>,
    pub(super) backend: &'m BackendRef,
    pub(super) field: String,
}

impl<'m> Reference<'m> {
    /// A field of the reference, and why it does not resolve.
    pub(super) fn at(&self, field: &str, span: Span, reason: Reason) -> Place<'m> {
        let place = Place::new(self.route, format!("{}{field}", self.field), span);
        place.because(Part::Whole, ConditionType::ResolvedRefs, reason)
    }

    /// `namespace/name:port`.
    pub(super) fn locality(&self) -> String {
        let BackendRef { namespace, name, port, .. } = self.backend;
        let namespace = &namespace.as_ref().unwrap_or(&self.route.metadata.namespace).value;
        let port = port.as_ref().map(|port| format!(":{}", port.value)).unwrap_or_default();
        format!("{namespace}/{}{port}", name.value)
    }

    /// The Service, if it is one that can be a backend.
    pub(super) fn service(
        &self,
        services: &Services<'m>,
        grants: &Grants<'m>,
        report: &mut Report,
    ) -> Option<&'m Object<Service>> {
        let BackendRef { group, kind, namespace, name, .. } = self.backend;
        if !group.value.is_empty() || kind.value != "Service" {
            let group = if group.value.is_empty() { String::new() } else { format!("{}/", group.value) };
            let message = format!("backends of the kind {group}{} are not supported yet", kind.value);
            let place = self.at(".kind", kind.span, Reason::InvalidKind);
            let error = report.error("not-supported", place, message);
            error.hint = Some(String::from("only Services are"));
            return None;
        }
        let own = self.route.metadata.namespace.value.as_str();
        let (target, span) = namespace.as_ref().map_or((own, name.span), |other| (&other.value, other.span));
        let from = Party { group: GATEWAY_API, kind: self.route.kind, namespace: own };
        let to = Party { group: "", kind: "Service", namespace: target };
        let place = self.at(".namespace", span, Reason::RefNotPermitted);
        if !grants.permit(from, to, &name.value, place, report) {
            return None;
        }
        let found = services.get(&(target, name.value.as_str())).copied();
        if found.is_none() {
            if report.may_be_unread("Service", target, &name.value) {
                let place = self.at(".name", name.span, Reason::BackendNotFound);
                report.decide(&place, "the Service is not there or could not be read");
            } else {
                self.missing(services, target, report);
            }
        }
        let service = found?;
        if let ServiceKind::External(host) = &service.spec.kind.value {
            let message =
                format!("the Service `{}` is an ExternalName, which is not supported yet", name.value);
            let place = self.at(".name", name.span, Reason::InvalidKind);
            let error = report.error("not-supported", place, message);
            error.related = Some((service.spec.kind.span, format!("it stands for `{host}`")));
            return None;
        }
        Some(service)
    }

    fn missing(&self, services: &Services<'_>, namespace: &str, report: &mut Report) {
        let name = &self.backend.name;
        let message = format!("there is no Service `{namespace}/{}` among the manifests", name.value);
        let place = self.at(".name", name.span, Reason::BackendNotFound);
        let error = report.error("missing-service", place, message);
        let neighbours = services.keys().filter(|(other, _)| *other == namespace).map(|(_, name)| *name);
        let elsewhere = services.keys().find(|(_, other)| *other == name.value);
        error.hint = Some(match (closest(&name.value, neighbours), elsewhere) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some((elsewhere, _))) => format!("there is one in the namespace `{elsewhere}`"),
            (None, None) => String::from("add the Service to the input"),
        });
    }

    /// The port of a Service that the backendRef means.
    pub(super) fn port(&self, service: &'m Object<Service>, report: &mut Report) -> Option<&'m ServicePort> {
        // The reader lets no reference to a Service pass without a port.
        let wanted = self.backend.port.as_ref()?;
        let name = &service.metadata.name.value;
        let of_number = || service.spec.ports.iter().filter(|port| port.port.value == wanted.value);
        let Some(port) = of_number().find(|port| port.protocol.value == "TCP") else {
            let place = self.at(".port", wanted.span, Reason::BackendNotFound);
            if let Some(other) = of_number().next() {
                let protocol = &other.protocol;
                let message = format!(
                    "the port {} of the Service `{name}` is {}, not TCP",
                    wanted.value, protocol.value
                );
                let error = report.error("unsupported-protocol", place, message);
                error.related = Some((protocol.span, String::from("its protocol")));
            } else {
                let message = format!("the Service `{name}` has no port {}", wanted.value);
                let ports: Vec<String> =
                    service.spec.ports.iter().map(|port| port.port.value.to_string()).collect();
                let error = report.error("wrong-port", place, message);
                error.related = Some((service.metadata.name.span, String::from("this Service")));
                error.hint = Some(match &ports[..] {
                    [] => String::from("it has no ports at all"),
                    [only] => format!("its only port is {only}"),
                    _ => format!("its ports are {}", ports.join(", ")),
                });
            }
            return None;
        };
        Some(port)
    }

    /// What the port speaks, if requests of the route can be sent in it.
    pub(super) fn spoken(
        &self,
        service: &Object<Service>,
        port: &ServicePort,
        report: &mut Report,
    ) -> Option<Spoken> {
        let kind = self.route.spec.kind;
        let spoken = Spoken::of(port.app_protocol.as_ref().map(|name| name.value.as_str()), kind);
        let Some(protocol) = &port.app_protocol else { return spoken };
        let span = self.backend.port.as_ref().map_or(self.backend.span, |port| port.span);
        let speaks = format!(
            "the port {} of the Service `{}` speaks `{}`",
            port.port.value, service.metadata.name.value, protocol.value
        );
        let (message, hint) = match spoken {
            None => (
                format!("{speaks}, in which no requests of {}s can be sent", self.route.kind),
                protocol::hint(&protocol.value, kind),
            ),
            Some(spoken) if spoken.secure => (
                format!("{speaks}, and nothing says how to check its certificate"),
                String::from(
                    "that is what a BackendTLSPolicy for the Service says, which is not supported yet",
                ),
            ),
            Some(spoken) => return Some(spoken),
        };
        let place = self.at(".port", span, Reason::UnsupportedProtocol);
        let error = report.error("unsupported-protocol", place, message);
        error.related = Some((protocol.span, String::from("its appProtocol")));
        error.hint = Some(hint);
        None
    }
}
