//! Which endpoints a Service port has (discovery.k8s.io EndpointSlices).
//!
//! A ready endpoint serves; one that terminates but still serves is draining; any other is left out.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;

use super::backends::Services;
use super::report::{Place, Report};
use crate::diagnostic::closest;
use crate::manifest::core::{EndpointSlice, Service, ServicePort, SliceEndpoint};
use crate::manifest::{Manifests, Object};
use crate::model::Endpoint;

/// The label by which an EndpointSlice names its Service.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The EndpointSlices by the namespace and name of their Service.
pub(super) struct Slices<'m>(HashMap<(&'m str, &'m str), Vec<&'m EndpointSlice>>);

impl<'m> Slices<'m> {
    pub(super) fn index(manifests: &'m Manifests, services: &Services<'m>, report: &mut Report) -> Self {
        let mut slices: HashMap<_, Vec<_>> = HashMap::new();
        for slice in &manifests.endpoint_slices {
            let namespace = slice.metadata.namespace.value.as_str();
            let Some(service) = slice.metadata.labels.get(SERVICE_LABEL).filter(|label| !label.is_empty())
            else {
                unlabelled(slice, report);
                continue;
            };
            if !services.contains_key(&(namespace, service)) {
                orphaned(slice, service, services, report);
            }
            slices.entry((namespace, service.as_str())).or_default().push(&slice.spec);
        }
        Self(slices)
    }

    /// Whether a Service has any.
    pub(super) fn has(&self, service: &Object<Service>) -> bool {
        self.0.contains_key(&service.metadata.key())
    }

    /// The endpoints of a Service port, sorted, each once; none if the Service has no EndpointSlices.
    pub(super) fn endpoints(&self, service: &Object<Service>, port: &ServicePort) -> Option<Vec<Endpoint>> {
        let slices = self.0.get(&service.metadata.key())?;
        let mut draining: BTreeMap<SocketAddr, bool> = BTreeMap::new();
        for slice in slices {
            let of_port = slice
                .ports
                .iter()
                .find(|of_slice| of_slice.name == port.name && of_slice.protocol == port.protocol.value);
            let Some(number) = of_port.and_then(|of_slice| of_slice.port) else { continue };
            for endpoint in &slice.endpoints {
                let Some(drains) = drains(endpoint, service.spec.publish_not_ready_addresses) else {
                    continue;
                };
                let Some(address) = endpoint.addresses.first() else { continue };
                let address = SocketAddr::new(address.value, number);
                // Slices may repeat an endpoint while it moves between them: whichever says that it is ready is newer.
                draining.entry(address).and_modify(|both| *both &= drains).or_insert(drains);
            }
        }
        Some(draining.into_iter().map(|(address, draining)| Endpoint { address, draining }).collect())
    }
}

/// Whether an endpoint that serves is draining; none if it does not serve.
fn drains(endpoint: &SliceEndpoint, not_ready_too: bool) -> Option<bool> {
    if endpoint.ready || (not_ready_too && !endpoint.terminating) {
        Some(false)
    } else {
        (endpoint.serving && endpoint.terminating).then_some(true)
    }
}

fn unlabelled(slice: &Object<EndpointSlice>, report: &mut Report) {
    let place = Place::new(slice, "metadata.labels", slice.metadata.name.span);
    let message = String::from("the EndpointSlice belongs to no Service");
    let warning = report.warning("endpoints-without-service", place, message);
    warning.hint = Some(format!("name its Service in the label `{SERVICE_LABEL}`"));
}

fn orphaned(slice: &Object<EndpointSlice>, service: &str, services: &Services<'_>, report: &mut Report) {
    let namespace = slice.metadata.namespace.value.as_str();
    if report.may_be_unread("Service", namespace, service) {
        return;
    }
    let field = format!("metadata.labels[{SERVICE_LABEL:?}]");
    let place = Place::new(slice, field, slice.metadata.name.span);
    let message = format!("there is no Service `{namespace}/{service}` among the manifests");
    let warning = report.warning("endpoints-without-service", place, message);
    let neighbours = services.keys().filter(|(other, _)| *other == namespace).map(|(_, name)| *name);
    warning.hint = Some(match closest(service, neighbours) {
        Some(near) => format!("did you mean `{near}`?"),
        None => String::from("add the Service to the input, or leave the EndpointSlice out"),
    });
}
