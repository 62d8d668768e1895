//! Localities, weights and draining (`envoy.config.endpoint.v3.ClusterLoadAssignment`).
//!
//! One locality per backend. New sessions go by the localities' weights; one without a weight gets none, and pinned
//! requests reach its endpoints all the same. A share that nobody can serve is refused, and so is everything when no
//! locality has a weight, because Envoy's own answer would be to use the others ([`super::refusal`]).
//!
//! A draining endpoint gets no new sessions, and Envoy leaves it out of all its sums: with one endpoint of four not
//! draining there is no panic, and a locality of weight 70 keeps its 70 of 100 with six of its seven endpoints draining
//! (Envoy 1.40, 100 requests each, default panic threshold and overprovisioning factor; `UNHEALTHY` ones would count).
//! The other address of a dual-stack pod is written the same way. (Envoy's `additional_addresses` of one endpoint cannot be
//! pinned to: `override_host` knows the first address alone.)

use serde::Serialize;

use super::address::Address;
use super::refusal::Refusal;
use super::shares::looks_names_up;
use super::upstream_tls::SocketMetadata;
use crate::model::{Cluster, Endpoint, EndpointState, Endpoints, Locality};

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
    metadata: Option<SocketMetadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_status: Option<&'static str>,
}

#[derive(Serialize)]
struct Target {
    address: Address,
}

impl LoadAssignment {
    pub(super) fn of(cluster: &Cluster) -> Self {
        // Where names are looked up, the routes refuse.
        let refuses = !looks_names_up(cluster);
        let localities = cluster.localities.iter();
        let localities = localities.filter_map(|locality| match Refusal::of_share(locality, cluster) {
            None => LocalityEndpoints::of(locality, cluster),
            Some(refusal) if refuses => {
                Some(LocalityEndpoints::refusing(&locality.name, locality.weight, refusal))
            }
            Some(_) => None,
        });
        let rest = Refusal::of_rest(cluster).filter(|_| refuses);
        let rest = rest.map(|refusal| LocalityEndpoints::refusing("", 1, refusal));
        Self { cluster_name: cluster.name.clone(), endpoints: localities.chain(rest).collect() }
    }
}

impl LocalityEndpoints {
    /// None for a locality without endpoints.
    fn of(locality: &Locality, cluster: &Cluster) -> Option<Self> {
        let lb_endpoints: Vec<LbEndpoint> = match &locality.endpoints {
            Endpoints::Addresses(endpoints) => {
                // As kube-proxy has it (KEP-1669), a terminating endpoint of a Service is taken before none.
                let serves = endpoints.iter().any(|endpoint| endpoint.state == EndpointState::Serving);
                let excused = locality.weight > 0 && !serves;
                endpoints.iter().map(|endpoint| LbEndpoint::of(endpoint, excused)).collect()
            }
            Endpoints::Names(names) => {
                names.iter().map(|name| LbEndpoint::at(Address::host(&name.host, name.port))).collect()
            }
            Endpoints::Unresolved => Vec::new(),
        };
        let metadata = locality.tls.as_ref().and_then(|tls| SocketMetadata::of(tls, cluster));
        let of_socket = |endpoint| LbEndpoint { metadata: metadata.clone(), ..endpoint };
        (!lb_endpoints.is_empty()).then(|| Self {
            locality: LocalityName { sub_zone: locality.name.clone() },
            load_balancing_weight: (locality.weight > 0).then_some(locality.weight),
            lb_endpoints: lb_endpoints.into_iter().map(of_socket).collect(),
        })
    }

    fn refusing(name: &str, weight: u32, refusal: Refusal) -> Self {
        Self {
            locality: LocalityName { sub_zone: name.to_owned() },
            load_balancing_weight: Some(weight),
            lb_endpoints: vec![LbEndpoint::at(refusal.address(name))],
        }
    }
}

impl LbEndpoint {
    fn at(address: Address) -> Self {
        Self { endpoint: Target { address }, metadata: None, health_status: None }
    }

    fn of(endpoint: &Endpoint, excused: bool) -> Self {
        let draining = match endpoint.state {
            EndpointState::Serving => false,
            EndpointState::Draining => !excused,
            EndpointState::Alternative => true,
        };
        Self { health_status: draining.then_some("DRAINING"), ..Self::at(endpoint.address.into()) }
    }
}
