//! Clusters (`envoy.config.cluster.v3.Cluster`): how endpoints are found and connected to.

use serde::Serialize;

use super::balancing::LoadBalancing;
use super::endpoints::LoadAssignment;
use super::extension::{Extension, Message};
use super::shares::looks_names_up;
use crate::model;

#[derive(Serialize)]
pub(super) struct Cluster {
    name: String,
    #[serde(flatten)]
    discovery: Discovery,
    connect_timeout: &'static str,
    load_balancing_policy: LoadBalancing,
    circuit_breakers: CircuitBreakers,
    load_assignment: LoadAssignment,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Discovery {
    #[serde(rename = "type")]
    Type(&'static str),
    ClusterType(Extension<DnsCluster>),
}

#[derive(Serialize)]
struct DnsCluster {
    dns_refresh_rate: &'static str,
    dns_lookup_family: &'static str,
    respect_dns_ttl: bool,
}

#[derive(Serialize)]
struct CircuitBreakers {
    thresholds: (Thresholds,),
}

#[derive(Serialize)]
struct Thresholds {
    max_retries: u32,
}

impl Message for DnsCluster {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster";
}

impl From<&model::Cluster> for Cluster {
    fn from(cluster: &model::Cluster) -> Self {
        Self {
            name: cluster.name.clone(),
            discovery: Discovery::of(cluster),
            // A node that is gone answers nothing at all: the client waits this long for its failover.
            connect_timeout: "2s",
            load_balancing_policy: if cluster.persistent {
                LoadBalancing::pinned()
            } else {
                LoadBalancing::weighted()
            },
            // Envoy's limit of three retries at a time would turn a dead endpoint under load into 503s; this is its limit
            // of requests, so that each of them may be a retry.
            circuit_breakers: CircuitBreakers { thresholds: (Thresholds { max_retries: 1024 },) },
            load_assignment: LoadAssignment::of(cluster),
        }
    }
}

impl Discovery {
    fn of(cluster: &model::Cluster) -> Self {
        if looks_names_up(cluster) {
            Self::ClusterType(Extension::new("envoy.clusters.dns", DnsCluster::of_containers()))
        } else {
            Self::Type("STATIC")
        }
    }
}

impl DnsCluster {
    /// For names whose addresses come and go: Docker's DNS gives ten minutes to live and changes within a second.
    fn of_containers() -> Self {
        Self {
            dns_refresh_rate: "2s",
            // One family, or every dual-stack endpoint would count twice.
            dns_lookup_family: "V4_PREFERRED",
            respect_dns_ttl: false,
        }
    }
}
