//! The endpoints of a backendRef (Gateway API, `HTTPBackendRef`): those of a Service port, of an
//! XBackend, or of Envoy Gateway's Backend.
//!
//! A backendRef that does not resolve is an error, and becomes [`Endpoints::Unresolved`] with its weight.

mod endpoints;
mod envoy_gateway;
pub(super) mod local_endpoints;
mod protocol;
mod reference;
mod service;
mod target;
mod xbackend;

use std::collections::{HashMap, HashSet};

use self::endpoints::{PortEndpoints, PortOf, Slices};
use self::local_endpoints::LocalEndpoints;
use self::reference::{Reference, Referent};
use self::service::Port;
use self::target::Target;
use self::xbackend::Selected;
use super::policies::backend_tls::{Connection, TlsPolicies};
use super::policies::scope::RulePolicies;
use super::references::grants::Grants;
use super::references::lookup::Objects;
use super::sessions::source::{Session, SessionPolicies};
use super::status::report::{Place, Report};
use crate::diagnostic::Code;
use crate::manifest::backend::Backend as EnvoyGatewayBackend;
use crate::manifest::backend::GROUP as ENVOY_GATEWAY;
use crate::manifest::core::service::{Service, ServiceKind};
use crate::manifest::gateway_api::route::{BackendRef, Route, Rule};
use crate::manifest::gateway_api::xbackend::XBackend;
use crate::manifest::{Manifests, Object};
use crate::model::{Endpoints, HttpVersion, Locality};
use crate::status::Reason;

/// Finds the endpoints of backendRefs.
pub(super) struct Backends<'m, 'g> {
    local: LocalEndpoints,
    grants: &'g Grants<'m>,
    services: Objects<'m, Service>,
    slices: Slices<'m>,
    sessions: SessionPolicies<'m>,
    pub(super) policies: RulePolicies<'m>,
    envoy_gateway: Objects<'m, EnvoyGatewayBackend>,
    xbackends: Objects<'m, XBackend>,
    selected: Selected<'m>,
    /// The endpoints and the TLS settings of each XBackend that was resolved.
    resolved_xbackends: HashMap<(&'m str, &'m str), (Endpoints, Connection)>,
    tls: TlsPolicies<'m>,
    /// The endpoints of each Service port that was resolved: many rules share one.
    resolved: HashMap<(&'m str, &'m str, u16), Endpoints>,
    /// Services that were checked for sessions, and Backends whose endpoints were checked: each is reported
    /// once.
    reported: HashSet<(Referent, &'m str, &'m str)>,
}

/// A resolved backendRef.
pub(super) struct Backend {
    pub(super) locality: Locality,
    /// `None` if no request is sent to it, so that any version will do.
    pub(super) version: Option<HttpVersion>,
}

/// Whether backends of one rule need a cluster each, because they differ in something that Envoy configures
/// for a whole cluster. Differences between endpoints or localities do not count. Such a rule is split.
pub(super) fn need_own_clusters(backends: &[Backend]) -> bool {
    let mut versions = backends.iter().filter_map(|backend| backend.version);
    versions.next().is_some_and(|first| versions.any(|other| other != first))
}

impl<'m, 'g> Backends<'m, 'g> {
    pub(super) fn index(
        manifests: &'m Manifests,
        local: LocalEndpoints,
        grants: &'g Grants<'m>,
        policies: RulePolicies<'m>,
        report: &mut Report,
    ) -> Self {
        let services = Objects::index(&manifests.services);
        Self {
            local,
            grants,
            slices: Slices::index(manifests, &services, report),
            sessions: SessionPolicies::index(manifests, report),
            policies,
            services,
            tls: TlsPolicies::index(manifests, report),
            envoy_gateway: Objects::index(&manifests.backends),
            xbackends: Objects::index(&manifests.xbackends),
            selected: Selected::index(manifests, report),
            resolved_xbackends: HashMap::new(),
            resolved: HashMap::new(),
            reported: HashSet::new(),
        }
    }

    /// The session persistence of a rule, if any.
    pub(super) fn session(
        &self,
        route: &'m Object<Route>,
        number: usize,
        rule: &'m Rule,
        report: &mut Report,
    ) -> Option<Session<'m>> {
        let session_of = |backend| self.sessions.xbackend(route, backend, self.grants);
        self.sessions.of((route, number, rule), session_of, report)
    }

    /// The backends of a rule, one for each backendRef, in the order of the manifest. `persistent`: the rule
    /// has session persistence.
    pub(super) fn of_rule(
        &mut self,
        route: &'m Object<Route>,
        number: usize,
        rule: &'m Rule,
        persistent: bool,
        report: &mut Report,
    ) -> Vec<Backend> {
        let mut names: HashMap<String, usize> = HashMap::new();
        let mut backends = Vec::with_capacity(rule.backend_refs.len());
        for (position, backend) in rule.backend_refs.iter().enumerate() {
            let field = format!("spec.rules[{number}].backendRefs[{position}]");
            let reference = Reference { route, backend, field };
            let name = reference.locality();
            let repeated = names.entry(name.clone()).or_default();
            *repeated += 1;
            let target = self.resolve(&reference, persistent, report);
            let version = target.as_ref().map(|target| target.version);
            let (endpoints, tls) =
                target.map_or((Endpoints::Unresolved, None), |target| (target.endpoints, target.tls));
            let name = if *repeated > 1 { format!("{name}#{repeated}") } else { name };
            let weight = backend.weight.value;
            backends.push(Backend { locality: Locality { name, weight, endpoints, tls }, version });
        }
        backends
    }

    /// The backend that a filter refers to; `None` if it does not resolve.
    pub(super) fn of_filter(
        &mut self,
        route: &'m Object<Route>,
        field: String,
        backend: &'m BackendRef,
        report: &mut Report,
    ) -> Option<Backend> {
        let reference = Reference { route, backend, field };
        let name = reference.locality();
        let target = self.resolve(&reference, false, report)?;
        Some(Backend {
            version: Some(target.version),
            locality: Locality { name, weight: 1, endpoints: target.endpoints, tls: target.tls },
        })
    }

    fn resolve(
        &mut self,
        reference: &Reference<'m>,
        persistent: bool,
        report: &mut Report,
    ) -> Option<Target> {
        match reference.referent(report)? {
            Referent::Service => self.service(reference, persistent, report),
            Referent::XBackend => self.xbackend(reference, report),
            Referent::Backend => {
                let backend = reference.object(&self.envoy_gateway, self.grants, report)?;
                let (namespace, name) = backend.metadata.key();
                let key = (ENVOY_GATEWAY, "Backend", namespace, name);
                let connection = self.tls.of(key, "", reference.route, report);
                let first = self.reported.insert((Referent::Backend, namespace, name));
                envoy_gateway::BackendTarget { backend, local: &self.local, first }
                    .target(connection, reference, report)
            }
        }
    }

    /// Resolves a reference to an XBackend.
    fn xbackend(&mut self, reference: &Reference<'m>, report: &mut Report) -> Option<Target> {
        let backend = reference.object(&self.xbackends, self.grants, report)?;
        report.decisions.record_affected(backend, reference.route);
        let version = xbackend::version(backend, reference, report)?;
        let key = backend.metadata.key();
        let (endpoints, connection) = if let Some(known) = self.resolved_xbackends.get(&key) {
            known.clone()
        } else {
            let endpoints =
                xbackend::endpoints(backend, &mut self.selected, &mut self.slices, &self.local, report);
            let resolved = (endpoints, self.tls.of_xbackend(backend, self.grants, report));
            self.resolved_xbackends.insert(key, resolved.clone());
            resolved
        };
        if endpoints == Endpoints::Unresolved {
            let place = reference.at(".name", reference.backend.name.span, Reason::BackendNotFound);
            report.decide(&place, "the XBackend has no usable address");
            return None;
        }
        Some(Target { endpoints, version, tls: connection.tls()? })
    }

    /// Resolves a reference to a Service.
    fn service(
        &mut self,
        reference: &Reference<'m>,
        persistent: bool,
        report: &mut Report,
    ) -> Option<Target> {
        let service = reference.object(&self.services, self.grants, report)?;
        let port = Port::of(reference, service, report)?;
        let (namespace, name) = service.metadata.key();
        let section = port.listed.map_or("", |port| port.name.as_str());
        let connection = self.tls.of(("", "Service", namespace, name), section, reference.route, report);
        let version = port.protocol(reference, &connection, report)?.version;
        let tls = connection.tls()?;
        if persistent {
            self.warn_about_sessions(service, report);
        }
        let key = (namespace, name, port.number);
        if let Some(known) = self.resolved.get(&key) {
            return Some(Target { endpoints: known.clone(), version, tls });
        }
        let of_slices = match service.spec.kind.value {
            ServiceKind::Cluster => port
                .listed
                .and_then(|port| self.slices.endpoints(service, PortOf::Service(port), &self.local, report)),
            ServiceKind::External(_) => None,
        };
        let endpoints = match of_slices {
            Some(PortEndpoints { endpoints, rejected }) => {
                if endpoints.is_empty() && !rejected && !report.may_have_unread_in("EndpointSlice", namespace)
                {
                    no_endpoints(port, report);
                }
                Endpoints::Addresses(endpoints)
            }
            // A slice that could not be read may belong to this Service, so its name is not used instead.
            None if service.spec.kind.value == ServiceKind::Cluster
                && report.has_unread_in("EndpointSlice", namespace) =>
            {
                Endpoints::Addresses(Vec::new())
            }
            None => Endpoints::Names(vec![port.name(reference, &self.local, report)?]),
        };
        self.resolved.insert(key, endpoints.clone());
        Some(Target { endpoints, version, tls })
    }

    /// Warns once about what makes sessions with this Service behave unexpectedly.
    fn warn_about_sessions(&mut self, service: &'m Object<Service>, report: &mut Report) {
        let (namespace, name) = service.metadata.key();
        if !self.reported.insert((Referent::Service, namespace, name)) {
            return;
        }
        if let Some(affinity) = &service.spec.client_ip_affinity {
            let place = Place::new(service, "spec.sessionAffinity", affinity.span);
            let message = "`sessionAffinity` has no effect: Envoy sends requests to the endpoints, not through the Service";
            let warning = report.warning(Code::SessionAffinity, place, message.to_owned());
            warning.hint = Some(String::from(
                "the route's `sessionPersistence` already keeps clients on one endpoint; remove `sessionAffinity`, or ignore this warning",
            ));
        }
        let may_have_slices = || {
            self.slices.has(service)
                || report.may_have_unread_in("EndpointSlice", &service.metadata.namespace.value)
        };
        let by_name = !service.spec.headless && service.spec.kind.value == ServiceKind::Cluster;
        if by_name && !may_have_slices() {
            let place = Place::new(service, "", service.metadata.name.span);
            let message = "sessions cannot be pinned to a pod: the name of the Service resolves to one cluster IP for all pods";
            let warning = report.warning(Code::SessionByName, place, message.to_owned());
            warning.hint = Some(String::from(
                "add its EndpointSlices to the input, or make it headless (`clusterIP: None`)",
            ));
        }
    }
}

fn no_endpoints(Port { service, number, listed }: Port<'_>, report: &mut Report) {
    let place = Place::new(service, "", service.metadata.name.span);
    let message = format!(
        "port {number} of the Service has no endpoints that accept requests, so requests to it get 503"
    );
    let warning = report.warning(Code::NoEndpoints, place, message);
    let port = match listed.map(|port| port.name.as_str()) {
        None | Some("") => String::from("an unnamed port"),
        Some(name) => format!("port `{name}`"),
    };
    warning.hint = Some(format!("none of its EndpointSlices has a ready or serving endpoint on {port}"));
}
