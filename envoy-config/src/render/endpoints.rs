//! Localities, weights and draining (`envoy.config.endpoint.v3.ClusterLoadAssignment`).
//!
//! One locality per backend. New sessions are distributed by weight. A locality with weight 0 gets no new sessions, but pinned
//! requests still reach its endpoints. Without endpoints, Envoy would give a locality's requests to the other localities, so a
//! backend that cannot be reached gets an endpoint that answers with an error ([`super::error_listener`]).
//!
//! Endpoints without new sessions have the status `DRAINING`, because Envoy ignores draining endpoints when it computes
//! panic mode and the load of localities: with three of four endpoints draining there is no panic mode, and a locality of
//! weight 70 still gets 70 of 100 requests with six of its seven endpoints draining (Envoy 1.40, 100 requests each, default
//! panic threshold and overprovisioning factor; `UNHEALTHY` endpoints are counted). This also applies to the second address
//! of a dual-stack pod. (Envoy's `additional_addresses` do not help: `override_host` can pin only to the first address.)

use serde::Serialize;
use session_persistence::config::Pin;

use super::address::Address;
use super::endpoint_metadata::EndpointMetadata;
use super::error_status::ErrorStatus;
use super::extension::Message;
use crate::model::{Cluster, Endpoint, EndpointState, Endpoints, Locality, Name};

#[derive(Serialize)]
pub(super) struct LoadAssignment {
    cluster_name: String,
    endpoints: Vec<LocalityEndpoints>,
}

#[derive(Serialize)]
struct LocalityEndpoints {
    locality: LocalityName,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balancing_weight: Option<u32>,
    lb_endpoints: Vec<LbEndpoint>,
}

#[derive(Serialize)]
struct LocalityName {
    sub_zone: String,
}

#[derive(Serialize)]
struct LbEndpoint {
    endpoint: Target,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<EndpointMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_status: Option<&'static str>,
}

#[derive(Serialize)]
struct Target {
    address: Address,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_check_config: Option<HealthCheckPort>,
}

/// `envoy.config.endpoint.v3.Endpoint.HealthCheckConfig`.
#[derive(Clone, Copy, Serialize)]
struct HealthCheckPort {
    port_value: u16,
}

impl Message for LoadAssignment {
    const TYPE: &'static str = "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment";
}

impl LoadAssignment {
    pub(super) fn of(cluster: &Cluster, pin: Pin) -> Self {
        // Otherwise, the errors are sampled before routing.
        let has_errors = !cluster.samples_errors();
        let localities = cluster.localities.iter();
        let localities = localities.filter_map(|locality| match ErrorStatus::of_backend(locality, cluster) {
            None => LocalityEndpoints::of(locality, cluster, pin),
            Some(status) if has_errors => {
                Some(LocalityEndpoints::error(&locality.name, locality.weight, status))
            }
            Some(_) => None,
        });
        let new_sessions = ErrorStatus::of_cluster(cluster).filter(|_| has_errors);
        let new_sessions = new_sessions.map(|status| LocalityEndpoints::error("", 1, status));
        Self { cluster_name: cluster.name.clone(), endpoints: localities.chain(new_sessions).collect() }
    }
}

impl LocalityEndpoints {
    /// `None` if the locality has no endpoints.
    fn of(locality: &Locality, cluster: &Cluster, pin: Pin) -> Option<Self> {
        let metadata = |address| EndpointMetadata::of(locality, cluster, pin, address);
        let lb_endpoints: Vec<LbEndpoint> = match &locality.endpoints {
            Endpoints::Addresses(endpoints) => {
                // Like kube-proxy (KEP-1669): if a Service has only terminating endpoints, they get new sessions.
                let has_serving = endpoints.iter().any(|endpoint| endpoint.state == EndpointState::Serving);
                let use_draining = locality.weight > 0 && !has_serving;
                let with_metadata = |endpoint: &Endpoint| LbEndpoint {
                    metadata: metadata(Some(endpoint.address)),
                    ..LbEndpoint::of(endpoint, use_draining)
                };
                endpoints.iter().map(with_metadata).collect()
            }
            Endpoints::Names(names) => {
                let at = |name: &Name| LbEndpoint::at(Address::host(&name.host, name.port));
                names.iter().map(|name| LbEndpoint { metadata: metadata(None), ..at(name) }).collect()
            }
            Endpoints::Unresolved => Vec::new(),
        };
        let health_check_config = cluster.settings.health.active.as_ref().and_then(|check| check.port);
        let health_check_config = health_check_config.map(|port_value| HealthCheckPort { port_value });
        let with_settings = |endpoint: LbEndpoint| LbEndpoint {
            endpoint: Target { health_check_config, ..endpoint.endpoint },
            ..endpoint
        };
        (!lb_endpoints.is_empty()).then(|| Self {
            locality: LocalityName { sub_zone: locality.name.clone() },
            load_balancing_weight: (locality.weight > 0).then_some(locality.weight),
            lb_endpoints: lb_endpoints.into_iter().map(with_settings).collect(),
        })
    }

    /// A locality whose requests get an error.
    fn error(name: &str, weight: u32, status: ErrorStatus) -> Self {
        Self {
            locality: LocalityName { sub_zone: name.to_owned() },
            load_balancing_weight: Some(weight),
            lb_endpoints: vec![LbEndpoint::at(status.address(name))],
        }
    }
}

impl LbEndpoint {
    fn at(address: Address) -> Self {
        Self { endpoint: Target { address, health_check_config: None }, metadata: None, health_status: None }
    }

    fn of(endpoint: &Endpoint, use_draining: bool) -> Self {
        let draining = match endpoint.state {
            EndpointState::Serving => false,
            EndpointState::Draining => !use_draining,
            EndpointState::Alternative => true,
        };
        Self { health_status: draining.then_some("DRAINING"), ..Self::at(endpoint.address.into()) }
    }
}
