//! The endpoints of an XBackend, and the version of HTTP that they accept (GEP-4894).
//!
//! A label selector selects pods. If the input has Pods with these labels and with addresses in the namespace of the XBackend,
//! they are its endpoints: only they say which pods have the labels now. Otherwise, its endpoints are those of the Services in
//! the namespace with the same selector, whose EndpointSlices a cluster keeps for the same pods. The port is that of the
//! XBackend.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::SocketAddr;

use super::endpoints::{PortEndpoints, PortOf, Slices};
use super::local_endpoints::LocalEndpoints;
use super::reference::Reference;
use crate::diagnostic::Code;
use crate::manifest::core::pod::{Pod, Problem, Unusable};
use crate::manifest::core::service::Service;
use crate::manifest::gateway_api::route::RouteKind;
use crate::manifest::gateway_api::xbackend::{Destination, Protocol, XBackend};
use crate::manifest::{Manifests, Object};
use crate::model::{Endpoint, EndpointState, Endpoints, HttpVersion, Name};
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// The labels that a pod must have.
type Selector = BTreeMap<String, String>;

/// What a selector selects from.
pub(super) struct Selected<'m> {
    /// The Pods by namespace and label.
    pods: HashMap<(&'m str, &'m str, &'m str), Vec<&'m Object<Pod>>>,
    /// The Services by namespace and selector.
    services: HashMap<(&'m str, &'m Selector), Vec<&'m Object<Service>>>,
    /// Namespaces and names of Pods, whose problems were reported, and the port for which they were: several XBackends can
    /// select a Pod.
    reported: HashSet<(&'m str, &'m str, Option<u16>)>,
}

impl<'m> Selected<'m> {
    pub(super) fn index(manifests: &'m Manifests, report: &mut Report) -> Self {
        let mut found = Self { pods: HashMap::new(), services: HashMap::new(), reported: HashSet::new() };
        // Nothing else selects Pods.
        if manifests.xbackends.is_empty() {
            return found;
        }
        let mut names = HashMap::new();
        for pod in &manifests.pods {
            let name = pod.metadata.name.span;
            if let Some(first) = names.insert(pod.metadata.key(), name) {
                let place = Place::new(pod, "metadata.name", name);
                let error =
                    report.error(Code::DuplicateObject, place, String::from("this Pod is already defined"));
                error.related = Some((first, String::from("first defined here")));
                continue;
            }
            for (key, value) in &pod.metadata.labels {
                let label = (pod.metadata.namespace.value.as_str(), key.as_str(), value.value.as_str());
                found.pods.entry(label).or_default().push(pod);
            }
        }
        for service in &manifests.services {
            let key = (service.metadata.namespace.value.as_str(), &service.spec.selector);
            found.services.entry(key).or_default().push(service);
        }
        found
    }

    /// The Pods with all of these labels.
    fn pods(&self, namespace: &str, labels: &Selector) -> Vec<&'m Object<Pod>> {
        let mut fewest: Option<&Vec<&'m Object<Pod>>> = None;
        for (key, value) in labels {
            let Some(list) = self.pods.get(&(namespace, key.as_str(), value.as_str())) else {
                return Vec::new();
            };
            if fewest.is_none_or(|fewest| list.len() < fewest.len()) {
                fewest = Some(list);
            }
        }
        let has_all = |pod: &&'m Object<Pod>| {
            labels
                .iter()
                .all(|(key, value)| pod.metadata.labels.get(key).is_some_and(|label| label.value == *value))
        };
        fewest.into_iter().flatten().copied().filter(has_all).collect()
    }

    /// The primary address of each Pod that is ready. A terminating Pod that is still ready drains, as in EndpointSlices.
    fn of_pods(
        &mut self,
        pods: &[&'m Object<Pod>],
        port: u16,
        local: &LocalEndpoints,
        report: &mut Report,
    ) -> PortEndpoints {
        let mut found: BTreeMap<SocketAddr, (EndpointState, String)> = BTreeMap::new();
        let mut rejected = false;
        for pod in pods {
            let (namespace, name) = pod.metadata.key();
            if self.reported.insert((namespace, name, None)) {
                report_unusable(pod, report);
            }
            rejected |= !pod.spec.unusable.is_empty();
            if !pod.spec.ready {
                continue;
            }
            let first = self.reported.insert((namespace, name, Some(port)));
            for (number, address) in pod.spec.addresses.iter().enumerate() {
                let endpoint = SocketAddr::new(address.value, port);
                if let Some(local) = local.address(endpoint) {
                    rejected = true;
                    if first {
                        let place = Place::new(*pod, format!("status.podIPs[{number}].ip"), address.span);
                        let message = local.message(&address.value.to_string(), port);
                        report.error(local.code(), place, message).hint = Some(local.hint());
                    }
                    continue;
                }
                let state = match (number, pod.spec.terminating) {
                    (0, false) => EndpointState::Serving,
                    (0, true) => EndpointState::Draining,
                    _ => EndpointState::Alternative,
                };
                let owner = (state, format!("{namespace}/{name}"));
                // Pods in the network of one node have one address: the one that serves has it.
                let known = found.entry(endpoint).or_insert_with(|| owner.clone());
                if owner < *known {
                    *known = owner;
                }
            }
        }
        let endpoint = |(address, (state, pod))| Endpoint { address, state, pod: Some(pod) };
        PortEndpoints { endpoints: found.into_iter().map(endpoint).collect(), rejected }
    }
}

/// Where requests to an XBackend go. Reports what is wrong with it; this is called once for each.
pub(super) fn endpoints<'m>(
    backend: &Object<XBackend>,
    selected: &mut Selected<'m>,
    slices: &mut Slices<'m>,
    local: &LocalEndpoints,
    report: &mut Report,
) -> Endpoints {
    let port = backend.spec.port.value;
    let labels = match &backend.spec.destination {
        Destination::Selector(labels) => labels,
        Destination::Hostname(hostname) => {
            if let Some(rejected) = local.name(&hostname.value, port) {
                let place = Place::new(backend, "spec.externalHostname.hostname", hostname.span);
                let place = place.because(Part::Whole, ConditionType::Accepted, Reason::Invalid);
                let message = rejected.message(&hostname.value, port);
                report.error(rejected.code(), place, message).hint = Some(rejected.hint());
                return Endpoints::Unresolved;
            }
            return Endpoints::Names(vec![Name { host: hostname.value.clone(), port }]);
        }
    };
    let namespace = backend.metadata.namespace.value.as_str();
    let pods = selected.pods(namespace, labels);
    // Pods that nobody has started yet say nothing about endpoints.
    let have_status = |pod: &&Object<Pod>| !(pod.spec.addresses.is_empty() && pod.spec.unusable.is_empty());
    let PortEndpoints { endpoints, rejected } = if pods.iter().any(have_status) {
        selected.of_pods(&pods, port, local, report)
    } else {
        let services = selected.services.get(&(namespace, labels));
        of_services(services.map_or(&[], Vec::as_slice), port, slices, local, report)
    };
    if endpoints.is_empty() && !rejected && !report.may_have_unread_in("EndpointSlice", namespace) {
        let place = Place::new(backend, "", backend.metadata.name.span);
        let message = "the XBackend has no endpoints that accept requests, so requests to it get 503";
        report.warning(Code::NoEndpoints, place, message.to_owned()).hint = Some(String::from(
            "add its Pods with their `status` to the input, or a Service with the same `selector` and its EndpointSlices",
        ));
    }
    Endpoints::Addresses(endpoints)
}

fn report_unusable(pod: &Object<Pod>, report: &mut Report) {
    for Unusable { field, span, problem } in &pod.spec.unusable {
        let place = Place::new(pod, field.as_str(), *span);
        match problem {
            Problem::Address(text) => {
                report.error(Code::InvalidIpAddress, place, format!("{text:?} is not an IP address"));
            }
            Problem::NotAString => {
                let message = String::from("expected a string, so the Pod does not count as ready");
                let error = report.error(Code::WrongType { expected: "a string" }, place, message);
                error.hint = Some(String::from("quote it: \"True\""));
            }
        }
    }
}

/// The endpoints of the Services with the same selector, on this port.
fn of_services(
    services: &[&Object<Service>],
    port: u16,
    slices: &mut Slices<'_>,
    local: &LocalEndpoints,
    report: &mut Report,
) -> PortEndpoints {
    let mut all: BTreeMap<SocketAddr, Endpoint> = BTreeMap::new();
    let mut any_rejected = false;
    for service in services {
        let Some(of_service) = slices.endpoints(service, PortOf::Number(port), local, report) else {
            continue;
        };
        any_rejected |= of_service.rejected;
        for endpoint in of_service.endpoints {
            let known = all.entry(endpoint.address).or_insert_with(|| endpoint.clone());
            if endpoint.state < known.state {
                *known = endpoint;
            }
        }
    }
    PortEndpoints { endpoints: all.into_values().collect(), rejected: any_rejected }
}

/// The version of HTTP for requests of this route.
pub(super) fn version(
    backend: &Object<XBackend>,
    reference: &Reference<'_>,
    report: &mut Report,
) -> Option<HttpVersion> {
    let kind = reference.route.spec.kind;
    let protocol = backend.spec.protocol.as_ref();
    let (span, message) = match (protocol.map(|protocol| protocol.value), kind) {
        (Some(Protocol::Http2), _) | (Some(Protocol::Http) | None, RouteKind::Grpc) => {
            return Some(HttpVersion::Http2);
        }
        (Some(Protocol::Http | Protocol::Http1) | None, RouteKind::Http) => return Some(HttpVersion::Http1),
        (Some(Protocol::Http1), RouteKind::Grpc) => (
            protocol.map_or(backend.span, |protocol| protocol.span),
            format!(
                "XBackend `{}` uses HTTP/1.1, which cannot carry gRPC requests",
                backend.metadata.name.value
            ),
        ),
    };
    let place = reference.at(".name", reference.backend.name.span, Reason::UnsupportedProtocol);
    let error = report.error(Code::UnsupportedProtocol, place, message);
    error.related = Some((span, String::from("its protocol")));
    error.hint = Some(String::from("write `protocol: H2C`, or `GRPC` or `HTTP2` with `tls`"));
    None
}
