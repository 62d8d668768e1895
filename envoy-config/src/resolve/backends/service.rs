//! The Service port of a backendRef: its protocol, and its DNS name if the Service has no EndpointSlices.

use std::net::IpAddr;

use super::protocol::{self, Protocol};
use super::reference::Reference;
use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::core::service::{Service, ServiceKind, ServicePort, TargetPort};
use crate::model::Name;
use crate::resolve::backends::local_endpoints::LocalEndpoints;
use crate::resolve::policies::backend_tls::Connection;
use crate::resolve::status::report::Report;
use crate::status::Reason;

/// DNS names in a cluster end with this, or with `svc` alone.
const CLUSTER_DOMAIN: &str = "cluster.local";

/// A port of a Service.
#[derive(Clone, Copy)]
pub(super) struct Port<'m> {
    pub(super) service: &'m Object<Service>,
    /// The number in backendRefs.
    pub(super) number: u16,
    /// `None` for an ExternalName without ports, which accepts any port.
    pub(super) listed: Option<&'m ServicePort>,
}

impl<'m> Port<'m> {
    /// The port that a backendRef names.
    pub(super) fn of(
        reference: &Reference<'m>,
        service: &'m Object<Service>,
        report: &mut Report,
    ) -> Option<Self> {
        // The reader rejects references to a Service without a port.
        let number = reference.backend.port.as_ref()?.value;
        let of_number = || service.spec.ports.iter().filter(|port| port.port.value == number);
        let listed = of_number().find(|port| port.protocol.value == "TCP");
        let external = matches!(service.spec.kind.value, ServiceKind::External(_));
        if listed.is_some() || (external && service.spec.ports.is_empty()) {
            return Some(Self { service, number, listed });
        }
        let name = &service.metadata.name.value;
        if let Some(other) = of_number().next() {
            let protocol = &other.protocol;
            let message = format!(
                "port {number} of Service `{name}` uses {}, but a backend must use TCP",
                protocol.value
            );
            let error = report.error(
                Code::UnsupportedProtocol,
                reference.at_port(Reason::UnsupportedProtocol),
                message,
            );
            error.related = Some((protocol.span, String::from("its protocol")));
            return None;
        }
        let message = format!("Service `{name}` has no port {number}");
        let error = report.error(Code::WrongPort, reference.at_port(Reason::BackendNotFound), message);
        error.related = Some((service.metadata.name.span, String::from("this Service")));
        let ports: Vec<String> = service.spec.ports.iter().map(|port| port.port.value.to_string()).collect();
        error.hint = Some(match &ports[..] {
            [] => String::from("it has no ports"),
            [only] => format!("its only port is {only}"),
            _ => format!("its ports are {}", ports.join(", ")),
        });
        None
    }

    /// The protocol of the port, if it can carry the requests of the route.
    pub(super) fn protocol(
        &self,
        reference: &Reference<'m>,
        connection: &Connection,
        report: &mut Report,
    ) -> Option<Protocol> {
        let kind = reference.route.spec.kind;
        let app_protocol = self.listed.and_then(|port| port.app_protocol.as_ref());
        let protocol = Protocol::of(app_protocol.map(|name| name.value.as_str()), kind);
        let Some(written) = app_protocol else { return protocol };
        let has = format!(
            "port {} of Service `{}` has the appProtocol `{}`",
            self.number, self.service.metadata.name.value, written.value
        );
        let (message, hint) = match protocol {
            None => (
                format!("{has}, which is not supported for {}s", reference.route.kind),
                protocol::hint(&written.value, kind),
            ),
            Some(protocol) if protocol.secure && matches!(connection, Connection::Plaintext) => (
                format!("{has}, but no BackendTLSPolicy says how to validate its certificate"),
                String::from("add a BackendTLSPolicy for the Service to the input"),
            ),
            Some(protocol) => return Some(protocol),
        };
        let error =
            report.error(Code::UnsupportedProtocol, reference.at_port(Reason::UnsupportedProtocol), message);
        error.related = Some((written.span, String::from("its appProtocol")));
        error.hint = Some(hint);
        None
    }

    /// The DNS name of the port: the Service's own, or that of an ExternalName.
    pub(super) fn name(
        &self,
        reference: &Reference<'m>,
        local: &LocalEndpoints,
        report: &mut Report,
    ) -> Option<Name> {
        let (namespace, name) = self.service.metadata.key();
        let host = match &self.service.spec.kind.value {
            ServiceKind::External(host) => self.external(host, reference, local, report)?,
            ServiceKind::Cluster => format!("{name}.{namespace}.svc.{CLUSTER_DOMAIN}"),
        };
        let port = match self.listed.map(|port| (&port.target_port, port)) {
            // The name of a headless Service resolves to the pods.
            Some((TargetPort::Number(number), _)) if self.service.spec.headless => *number,
            Some((TargetPort::Name(target), port)) if self.service.spec.headless => {
                let message = format!(
                    "cannot resolve the target port `{target}` of the headless Service `{name}` to a number"
                );
                let error =
                    report.error(Code::NamedTargetPort, reference.at_port(Reason::BackendNotFound), message);
                error.related = Some((port.port.span, String::from("this port's `targetPort` is a name")));
                error.hint =
                    Some(String::from("add its EndpointSlices to the input, or make `targetPort` a number"));
                return None;
            }
            Some(_) | None => self.number,
        };
        Some(Name { host, port })
    }

    /// The DNS name of an ExternalName Service, unless its owner may not direct requests there (because of
    /// CVE-2021-25740, the API recommends rejecting ExternalName Services).
    fn external(
        &self,
        host: &str,
        reference: &Reference<'m>,
        local: &LocalEndpoints,
        report: &mut Report,
    ) -> Option<String> {
        let host = host.strip_suffix('.').unwrap_or(host);
        let (own, name) = self.service.metadata.key();
        let (code, reason, message, hint) = if host.parse::<IpAddr>().is_ok() {
            (
                Code::ExternalName,
                Reason::BackendNotFound,
                format!("`externalName` must be a DNS name, but `{host}` is an IP address"),
                String::from(
                    "in the Service, replace `type: ExternalName` and `externalName` with `ports`, and add an EndpointSlice with the address",
                ),
            )
        } else if let Some(other) = namespace_of(host).filter(|other| *other != own) {
            (
                Code::RefNotPermitted,
                Reason::RefNotPermitted,
                format!(
                    "ExternalName Service `{name}` points into namespace `{other}` and bypasses the ReferenceGrants there"
                ),
                String::from("refer to that Service directly, and add a ReferenceGrant in its namespace"),
            )
        } else if let Some(rejected) = local.name(host, self.number) {
            (rejected.code(), Reason::BackendNotFound, rejected.message(host, self.number), rejected.hint())
        } else {
            return Some(host.to_owned());
        };
        let error = report.error(code, reference.at(".name", reference.backend.name.span, reason), message);
        error.related = Some((self.service.spec.kind.span, format!("its `externalName` is `{host}`")));
        error.hint = Some(hint);
        None
    }
}

/// The namespace in a cluster DNS name: `service.namespace.svc`, `pod.service.namespace.svc.cluster.local`
/// and so on.
fn namespace_of(host: &str) -> Option<&str> {
    let host = host.strip_suffix(CLUSTER_DOMAIN).and_then(|rest| rest.strip_suffix('.')).unwrap_or(host);
    host.strip_suffix(".svc")?.rsplit('.').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cluster_dns_names_have_a_namespace() {
        for (host, namespace) in [
            ("s.shop.svc", Some("shop")),
            ("s.shop.svc.cluster.local", Some("shop")),
            ("pod.s.shop.svc.cluster.local", Some("shop")),
            ("shop.example.com", None),
            ("s.shop", None),
            ("svc", None),
            ("cluster.local", None),
        ] {
            assert_eq!(namespace_of(host), namespace, "{host}");
        }
    }
}
