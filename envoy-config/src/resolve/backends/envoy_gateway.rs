//! The endpoints of Envoy Gateway's Backend, and the version of HTTP that they accept.

use std::collections::BTreeSet;

use super::reference::Reference;
use super::target::Target;
use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::backend::{AppProtocol, Backend, BackendEndpoint};
use crate::manifest::gateway_api::route::RouteKind;
use crate::model::{Endpoint, EndpointState, Endpoints, HttpVersion, Name};
use crate::resolve::backends::local_endpoints::LocalEndpoints;
use crate::resolve::policies::backend_tls::Connection;
use crate::resolve::status::report::{Place, Report};
use crate::status::Reason;

/// A Backend that is resolved for a reference.
pub(super) struct BackendTarget<'a> {
    pub(super) backend: &'a Object<Backend>,
    pub(super) local: &'a LocalEndpoints,
    /// Whether this is the first reference to it: its endpoints are checked once.
    pub(super) first: bool,
}

impl BackendTarget<'_> {
    pub(super) fn target(
        &self,
        connection: Connection,
        reference: &Reference<'_>,
        report: &mut Report,
    ) -> Option<Target> {
        if let Some(port) = &reference.backend.port {
            let place = Place::new(reference.route, format!("{}.port", reference.field), port.span);
            let message =
                "`port` has no effect in a reference to a Backend: its endpoints have their own ports";
            report.warning(Code::NoEffect, place, message.to_owned());
        }
        let version = version(self.backend, &connection, reference, report)?;
        let endpoints = self.endpoints(reference, report)?;
        Some(Target { endpoints, version, tls: connection.tls()? })
    }

    /// Its endpoints without the local ones; `None` if all of them are local. The reader rejects Backends
    /// that mix addresses and names.
    fn endpoints(&self, reference: &Reference<'_>, report: &mut Report) -> Option<Endpoints> {
        let (mut addresses, mut names) = (BTreeSet::new(), BTreeSet::new());
        let mut first = None;
        for (position, endpoint) in self.backend.spec.endpoints.iter().enumerate() {
            let (rejected, host, port) = match &endpoint.value {
                BackendEndpoint::Ip(address) => {
                    (self.local.address(*address), address.ip().to_string(), address.port())
                }
                BackendEndpoint::Fqdn { hostname, port } => {
                    (self.local.name(hostname, *port), hostname.clone(), *port)
                }
            };
            if let Some(rejected) = rejected {
                let message = rejected.message(&host, port);
                if self.first {
                    let place =
                        Place::new(self.backend, format!("spec.endpoints[{position}]"), endpoint.span);
                    report.error(rejected.code(), place, message.clone()).hint = Some(rejected.hint());
                }
                first.get_or_insert(message);
                continue;
            }
            match &endpoint.value {
                BackendEndpoint::Ip(address) => {
                    let (address, state) = (*address, EndpointState::Serving);
                    addresses.insert(Endpoint { address, state, pod: None });
                }
                BackendEndpoint::Fqdn { hostname, port } => {
                    names.insert(Name { host: hostname.clone(), port: *port });
                }
            }
        }
        if !names.is_empty() {
            return Some(Endpoints::Names(names.into_iter().collect()));
        }
        if let Some(message) = first.filter(|_| addresses.is_empty()) {
            report.decide(
                &reference.at(".name", reference.backend.name.span, Reason::BackendNotFound),
                &message,
            );
            return None;
        }
        Some(Endpoints::Addresses(addresses.into_iter().collect()))
    }
}

/// The version of HTTP for requests to a Backend: the one that the route needs, if the Backend accepts it.
fn version(
    backend: &Object<Backend>,
    connection: &Connection,
    reference: &Reference<'_>,
    report: &mut Report,
) -> Option<HttpVersion> {
    let protocols = &backend.spec.app_protocols;
    let accepts = |protocol| protocols.iter().find(|accepted| accepted.value == protocol);
    let name = &backend.metadata.name.value;
    let secure = accepts(AppProtocol::Wss).filter(|_| matches!(connection, Connection::Plaintext));
    let (span, message, hint) = if let Some(secure) = secure {
        (
            secure.span,
            format!(
                "Backend `{name}` uses TLS, but no BackendTLSPolicy says how to validate its certificate"
            ),
            "add a BackendTLSPolicy for the Backend to the input",
        )
    } else {
        let upgrade = accepts(AppProtocol::Ws).or(accepts(AppProtocol::Wss));
        match (reference.route.spec.kind, accepts(AppProtocol::H2c), upgrade) {
            (_, Some(_), None) | (RouteKind::Grpc, _, None) | (RouteKind::Grpc, Some(_), Some(_)) => {
                return Some(HttpVersion::Http2);
            }
            (RouteKind::Http, None, _) | (RouteKind::Http, Some(_), Some(_)) => {
                return Some(HttpVersion::Http1);
            }
            (RouteKind::Grpc, None, Some(upgrade)) => (
                upgrade.span,
                format!("Backend `{name}` uses WebSocket, which cannot carry gRPC requests"),
                "add `gateway.envoyproxy.io/h2c` to its `appProtocols`, or remove them",
            ),
        }
    };
    let place = reference.at(".name", reference.backend.name.span, Reason::UnsupportedProtocol);
    let error = report.error(Code::UnsupportedProtocol, place, message);
    error.related = Some((span, String::from("one of its appProtocols")));
    error.hint = Some(hint.to_owned());
    None
}
