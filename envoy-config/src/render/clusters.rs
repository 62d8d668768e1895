//! Clusters (`envoy.config.cluster.v3.Cluster`): how endpoints are found and connected to.

use std::time::Duration;

use serde::Serialize;

use super::Options;
use super::balancing::LoadBalancing;
use super::cors::PREFLIGHTS;
use super::endpoints::LoadAssignment;
use super::extension::{Empty, Extension, Message, Typed};
use super::retries::Time;
use super::shares::looks_names_up;
use super::upstream_tls::SocketMatch;
use crate::model::{self, HttpVersion};

#[derive(Serialize)]
pub(super) struct Cluster {
    name: String,
    #[serde(flatten)]
    discovery: Discovery,
    connect_timeout: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    typed_extension_protocol_options: Option<ProtocolOptions>,
    load_balancing_policy: LoadBalancing,
    circuit_breakers: CircuitBreakers,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transport_socket_matches: Vec<SocketMatch>,
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

/// By the name of the extension.
#[derive(Serialize)]
struct ProtocolOptions {
    #[serde(rename = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")]
    http: Typed<HttpProtocolOptions>,
}

#[derive(Serialize)]
struct HttpProtocolOptions {
    explicit_http_config: ExplicitHttp,
}

#[derive(Serialize)]
struct ExplicitHttp {
    http2_protocol_options: Empty,
}

impl Message for DnsCluster {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster";
}

impl Message for HttpProtocolOptions {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
}

impl Cluster {
    pub(super) fn new(cluster: &model::Cluster, options: &Options) -> Self {
        Self {
            name: cluster.name.clone(),
            discovery: Discovery::of(cluster),
            connect_timeout: Time(connect_timeout(cluster)),
            typed_extension_protocol_options: ProtocolOptions::of(cluster.version),
            load_balancing_policy: if cluster.persistent {
                LoadBalancing::pinned()
            } else {
                LoadBalancing::weighted()
            },
            // Envoy's limit of three retries at a time would turn a dead endpoint under load into 503s; this is its limit
            // of requests, so that each of them may be a retry.
            circuit_breakers: CircuitBreakers { thresholds: (Thresholds { max_retries: 1024 },) },
            transport_socket_matches: SocketMatch::all(cluster, &options.system_authorities),
            load_assignment: LoadAssignment::of(cluster),
        }
    }
}

/// The cluster that [`PREFLIGHTS`] names, if a route needs it.
pub(super) fn of_preflights(model: &model::Model) -> Option<model::Cluster> {
    let mut routes =
        model.listeners.iter().flat_map(model::Listener::virtual_hosts).flat_map(|host| &host.routes);
    routes.any(|route| route.cors.is_some()).then(|| model::Cluster {
        name: String::from(PREFLIGHTS),
        persistent: false,
        traffic: model::Traffic::Http,
        version: HttpVersion::Http1,
        within: None,
        localities: Vec::new(),
    })
}

impl ProtocolOptions {
    /// HTTP/1.1 is Envoy's own choice.
    fn of(version: HttpVersion) -> Option<Self> {
        match version {
            HttpVersion::Http1 => None,
            HttpVersion::Http2 => {
                let explicit_http_config = ExplicitHttp { http2_protocol_options: Empty {} };
                Some(Self { http: HttpProtocolOptions { explicit_http_config }.into() })
            }
        }
    }
}

/// A node that is gone answers nothing at all: the client waits this long for its failover, for which there must be time.
fn connect_timeout(cluster: &model::Cluster) -> Duration {
    const LONGEST: Duration = Duration::from_secs(2);
    const SHORTEST: Duration = Duration::from_millis(1);
    cluster.within.map_or(LONGEST, |time| (time / 2).clamp(SHORTEST, LONGEST))
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
