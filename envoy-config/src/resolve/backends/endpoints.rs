//! The endpoints of a Service port (discovery.k8s.io EndpointSlices).
//!
//! A ready endpoint serves; a terminating endpoint that still serves is draining; others are ignored. A
//! dual-stack pod is in one slice for each address family, but is one endpoint: its address is that of the
//! first family in the Service's `ipFamilies`, or IPv4, as kube-proxy does for the first cluster IP.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

use super::local_endpoints::{LocalEndpoint, LocalEndpoints};
use crate::diagnostic::Code;
use crate::manifest::core::endpoint_slice::{
    AddressType, EndpointSlice, EndpointTarget, SliceEndpoint, SlicePort,
};
use crate::manifest::core::service::{Service, ServicePort};
use crate::manifest::{Manifests, Object};
use crate::model::{Endpoint, EndpointState};
use crate::resolve::references::lookup::{Objects, Scope, Unresolved};
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;

/// The label by which an EndpointSlice names its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The label with which an EndpointSlice from another cluster names its ServiceImport (Multi-Cluster Services
/// API).
const IMPORT_LABEL: &str = "multicluster.kubernetes.io/service-name";

/// The EndpointSlices by namespace and name of their Service.
pub(super) struct Slices<'m> {
    of_services: HashMap<(&'m str, &'m str), Vec<&'m Object<EndpointSlice>>>,
    /// Slices whose rejected endpoints were reported, by the reason.
    reported: HashSet<(&'m str, &'m str, LocalEndpoint)>,
}

/// The endpoints of a Service port.
pub(super) struct PortEndpoints {
    /// Sorted and without duplicates.
    pub(super) endpoints: Vec<Endpoint>,
    /// Whether other endpoints are left out because they are local.
    pub(super) rejected: bool,
}

/// How a port of EndpointSlices is found.
#[derive(Clone, Copy)]
pub(super) enum PortOf<'p> {
    /// By the name and the protocol of a Service port.
    Service(&'p ServicePort),
    /// This number, whatever ports the EndpointSlices have: only their addresses count.
    Number(u16),
}

impl PortOf<'_> {
    fn number(self, ports: &[SlicePort]) -> Option<u16> {
        match self {
            Self::Service(port) => {
                let is_port = |of_slice: &&SlicePort| {
                    of_slice.name == port.name && of_slice.protocol == port.protocol.value
                };
                ports.iter().find(is_port)?.port
            }
            Self::Number(number) => Some(number),
        }
    }
}

impl<'m> Slices<'m> {
    pub(super) fn index(
        manifests: &'m Manifests,
        services: &Objects<'m, Service>,
        report: &mut Report,
    ) -> Self {
        let mut slices: HashMap<_, Vec<_>> = HashMap::new();
        for slice in &manifests.endpoint_slices {
            let namespace = slice.metadata.namespace.value.as_str();
            let Some(service) =
                slice.metadata.labels.get(SERVICE_LABEL).filter(|label| !label.value.is_empty())
            else {
                unlabelled(slice, report);
                continue;
            };
            if let Err(unresolved) =
                services.find(namespace, &service.value, Scope::OwnNamespace(slice.kind), report)
            {
                orphaned(slice, service.span, unresolved, report);
            }
            slices.entry((namespace, service.value.as_str())).or_default().push(slice);
        }
        Self { of_services: slices, reported: HashSet::new() }
    }

    /// Whether a Service has any EndpointSlices.
    pub(super) fn has(&self, service: &Object<Service>) -> bool {
        self.of_services.contains_key(&service.metadata.key())
    }

    /// The endpoints of a Service on this port; `None` if the Service has no EndpointSlices.
    pub(super) fn endpoints(
        &mut self,
        service: &Object<Service>,
        port: PortOf<'_>,
        local: &LocalEndpoints,
        report: &mut Report,
    ) -> Option<PortEndpoints> {
        let slices = self.of_services.get(&service.metadata.key())?;
        let mut rejected = false;
        let mut serving: BTreeMap<SocketAddr, Serving<'_>> = BTreeMap::new();
        for slice in slices {
            let Some(number) = port.number(&slice.spec.ports) else { continue };
            let namespace = slice.metadata.namespace.value.as_str();
            let mut rejected_here = Rejected::new();
            for (position, endpoint) in slice.spec.endpoints.iter().enumerate() {
                let Some(draining) = drains(endpoint, service.spec.publish_not_ready_addresses) else {
                    continue;
                };
                let Some(address) = endpoint.addresses.first() else { continue };
                let (place, address) = (address.span, SocketAddr::new(address.value, number));
                if let Some(rejected) = local.address(address) {
                    rejected_here.entry(rejected).or_default().push((position, place, address));
                    continue;
                }
                let found = Serving { draining, namespace, target: endpoint.target.as_ref() };
                serving.entry(address).and_modify(|known| known.merge(&found)).or_insert(found);
            }
            for (why, endpoints) in rejected_here {
                rejected = true;
                let (namespace, name) = slice.metadata.key();
                if self.reported.insert((namespace, name, why)) {
                    reject(slice, why, &endpoints, report);
                }
            }
        }
        let endpoints = once_per_pod(serving, service.spec.family.unwrap_or(AddressType::Ipv4));
        Some(PortEndpoints { endpoints, rejected })
    }
}

/// An address that accepts requests.
struct Serving<'m> {
    draining: bool,
    /// The namespace of its slice.
    namespace: &'m str,
    target: Option<&'m EndpointTarget>,
}

impl Serving<'_> {
    /// Slices may repeat an endpoint while it moves between them. The one that says ready is the newer one; one
    /// that does not say what has the address adds nothing.
    fn merge(&mut self, other: &Self) {
        let order = |one: &Self| (one.target.is_none(), one.draining, one.target.cloned());
        if order(other) < order(self) {
            self.target = other.target;
        }
        self.draining &= other.draining;
    }

    /// `namespace/name` of the pod that has the address.
    fn pod(&self) -> Option<String> {
        let pod = self.target.filter(|target| target.kind == "Pod" && !target.name.is_empty())?;
        let namespace = if pod.namespace.is_empty() { self.namespace } else { &pod.namespace };
        Some(format!("{namespace}/{}", pod.name))
    }
}

/// For a pod with addresses of both families, the address of this family is the endpoint. Without a
/// `targetRef`, addresses cannot be matched to a pod, so each is an endpoint.
fn once_per_pod(serving: BTreeMap<SocketAddr, Serving<'_>>, family: AddressType) -> Vec<Endpoint> {
    let counts = |address: &SocketAddr| address.is_ipv4() == (family == AddressType::Ipv4);
    let targets: HashSet<&EndpointTarget> = serving
        .iter()
        .filter(|(address, _)| counts(address))
        .filter_map(|(_, serving)| serving.target)
        .collect();
    let endpoint = |(address, serving): (SocketAddr, Serving<'_>)| {
        let elsewhere = !counts(&address) && serving.target.is_some_and(|target| targets.contains(target));
        let state = match (elsewhere, serving.draining) {
            (true, _) => EndpointState::Alternative,
            (false, true) => EndpointState::Draining,
            (false, false) => EndpointState::Serving,
        };
        Endpoint { address, state, pod: serving.pod() }
    };
    serving.into_iter().map(endpoint).collect()
}

/// Whether a serving endpoint is draining; `None` if it does not serve.
fn drains(endpoint: &SliceEndpoint, not_ready_too: bool) -> Option<bool> {
    if endpoint.ready || (not_ready_too && !endpoint.terminating) {
        Some(false)
    } else {
        (endpoint.serving && endpoint.terminating).then_some(true)
    }
}

/// Rejected endpoints of a slice by the reason: position, place and address.
type Rejected = BTreeMap<LocalEndpoint, Vec<(usize, Span, SocketAddr)>>;

fn reject(
    slice: &Object<EndpointSlice>,
    why: LocalEndpoint,
    endpoints: &[(usize, Span, SocketAddr)],
    report: &mut Report,
) {
    let Some(&(position, span, address)) = endpoints.first() else { return };
    let place = Place::new(slice, format!("endpoints[{position}].addresses[0]"), span);
    let message = why.message(&address.ip().to_string(), address.port());
    let message = match endpoints.len() - 1 {
        0 => message,
        1 => format!("{message}; one more endpoint is rejected for the same reason"),
        more => format!("{message}; {more} more endpoints are rejected for the same reason"),
    };
    report.error(why.code(), place, message).hint = Some(why.hint());
}

fn unlabelled(slice: &Object<EndpointSlice>, report: &mut Report) {
    if let Some(import) = slice.metadata.labels.get(IMPORT_LABEL).filter(|label| !label.value.is_empty()) {
        let place = Place::new(slice, format!("metadata.labels[{IMPORT_LABEL:?}]"), import.span);
        let message = format!(
            "the EndpointSlice belongs to the ServiceImport `{}`: ServiceImports are not supported, so its \
             endpoints get no requests",
            import.value
        );
        report.warning(Code::EndpointsWithoutService, place, message);
        return;
    }
    let place = Place::new(slice, "metadata.labels", slice.metadata.name.span);
    let message = String::from("the EndpointSlice does not name its Service");
    let warning = report.warning(Code::EndpointsWithoutService, place, message);
    warning.hint = Some(format!("set the label `{SERVICE_LABEL}` to the name of the Service"));
}

fn orphaned(slice: &Object<EndpointSlice>, label: Span, unresolved: Unresolved, report: &mut Report) {
    let field = format!("metadata.labels[{SERVICE_LABEL:?}]");
    let place = Place::new(slice, field, label);
    unresolved.warn(Code::EndpointsWithoutService, place, report);
}
