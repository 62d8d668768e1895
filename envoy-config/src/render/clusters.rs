//! Clusters (`envoy.config.cluster.v3.Cluster`): discovery of endpoints, connect timeouts, and connections in advance.

use std::time::Duration;

use serde::Serialize;
use session_persistence::config::{OnEndpointLost, Pin};

use super::Options;
use super::balancing::LoadBalancing;
use super::circuit_breakers::CircuitBreakers;
use super::cors::PREFLIGHTS;
use super::endpoints::LoadAssignment;
use super::extension::{Extension, Message};
use super::health::{HealthCheck, OutlierDetection};
use super::protocol::ProtocolOptions;
use super::retries::Time;
use super::sources::{ConfigSource, Folder, Sources};
use super::upstream_tls::SocketMatch;
use crate::model::{self, HttpVersion};

#[derive(Serialize)]
pub(super) struct Cluster {
    name: String,
    #[serde(flatten)]
    discovery: Discovery,
    connect_timeout: Time,
    per_connection_buffer_limit_bytes: u32,
    typed_extension_protocol_options: ProtocolOptions,
    load_balancing_policy: LoadBalancing,
    #[serde(skip_serializing_if = "Option::is_none")]
    common_lb_config: Option<CommonBalancing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    health_checks: Option<(HealthCheck,)>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ignore_health_on_host_removal: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outlier_detection: Option<OutlierDetection>,
    circuit_breakers: CircuitBreakers,
    #[serde(skip_serializing_if = "Option::is_none")]
    track_cluster_stats: Option<TrackedStats>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preconnect_policy: Option<Preconnect>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    transport_socket_matches: Vec<SocketMatch>,
    #[serde(flatten)]
    assignment: Option<Assignment>,
}

/// `envoy.config.cluster.v3.TrackClusterStats`: Envoy counts the requests of each endpoint anyway, and this lets Prometheus have the
/// numbers. Where sessions stay on their endpoints, the load is as even as the sessions are.
#[derive(Serialize)]
struct TrackedStats {
    per_endpoint_stats: bool,
}

/// The endpoints, or the file that has them.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Assignment {
    LoadAssignment(LoadAssignment),
    EdsClusterConfig(EdsClusterConfig),
}

#[derive(Serialize)]
struct EdsClusterConfig {
    #[serde(rename = "eds_config")]
    endpoints: ConfigSource,
    #[serde(skip)]
    path: String,
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

/// `envoy.config.cluster.v3.Cluster.CommonLbConfig`: in which health an endpoint keeps its sessions, and when health does not count.
#[derive(Serialize)]
struct CommonBalancing {
    #[serde(skip_serializing_if = "Option::is_none")]
    override_host_status: Option<HealthStatuses>,
    #[serde(skip_serializing_if = "Option::is_none")]
    healthy_panic_threshold: Option<Percent>,
}

#[derive(Serialize)]
struct Percent {
    value: u32,
}

#[derive(Serialize)]
struct HealthStatuses {
    statuses: [&'static str; 4],
}

#[derive(Serialize)]
struct Preconnect {
    per_upstream_preconnect_ratio: f64,
}

impl Message for DnsCluster {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.clusters.dns.v3.DnsCluster";
}

impl Message for Cluster {
    const TYPE: &'static str = "type.googleapis.com/envoy.config.cluster.v3.Cluster";
}

impl Cluster {
    pub(super) fn new(cluster: &model::Cluster, options: &Options, sources: Sources<'_>) -> Self {
        let mut rendered = Self::without_endpoints(cluster, options, sources);
        let inline = || Assignment::LoadAssignment(LoadAssignment::of(cluster, options.pin_of(cluster)));
        rendered.assignment = Some(match sources {
            // Envoy resolves the names itself.
            _ if cluster.has_dns_names() => inline(),
            Sources::Inline | Sources::Files { endpoints: false, .. } => inline(),
            Sources::Files { directory, endpoints: true } => {
                // The types always serialize. If they did not, the file would have the name of another version.
                let settings = serde_json::to_vec(&rendered).unwrap_or_default();
                let path = Folder::Endpoints.file(&cluster.name, &settings);
                Assignment::EdsClusterConfig(EdsClusterConfig {
                    endpoints: ConfigSource::new(directory, &path),
                    path,
                })
            }
        });
        rendered
    }

    /// The path of the file with its endpoints, if they are not in the cluster itself.
    pub(super) fn endpoints_file(&self) -> Option<&str> {
        match &self.assignment {
            Some(Assignment::EdsClusterConfig(config)) => Some(&config.path),
            Some(Assignment::LoadAssignment(_)) | None => None,
        }
    }

    fn without_endpoints(cluster: &model::Cluster, options: &Options, sources: Sources<'_>) -> Self {
        let (settings, limits, pin) = (&cluster.settings, &options.limits, options.pin_of(cluster));
        let health = &settings.health;
        Self {
            name: cluster.name.clone(),
            discovery: Discovery::of(cluster, sources),
            connect_timeout: Time(connect_timeout(cluster)),
            per_connection_buffer_limit_bytes: settings.connection_buffer.unwrap_or(limits.connection_buffer),
            typed_extension_protocol_options: ProtocolOptions::of(cluster.version, settings, limits),
            load_balancing_policy: match pin {
                Pin::Metadata if cluster.persistent => LoadBalancing::pinned(settings.load_balancing),
                Pin::Metadata | Pin::StatefulSession => LoadBalancing::of(settings.load_balancing),
            },
            common_lb_config: CommonBalancing::of(cluster, pin),
            health_checks: health.active.as_ref().map(|check| (HealthCheck::of(check, cluster.version),)),
            // Otherwise, an endpoint that passes its checks stays when it is no longer among the endpoints.
            ignore_health_on_host_removal: health.active.as_ref().map(|_| true),
            outlier_detection: health.outliers.as_ref().map(OutlierDetection::of),
            circuit_breakers: CircuitBreakers::of(settings.circuit_breaker.as_ref(), limits),
            track_cluster_stats: cluster.persistent.then_some(TrackedStats { per_endpoint_stats: true }),
            preconnect_policy: settings.preconnect_percent.map(Preconnect::of),
            transport_socket_matches: SocketMatch::all(cluster, &options.system_authorities, sources),
            assignment: None,
        }
    }
}

impl CommonBalancing {
    fn of(cluster: &model::Cluster, pin: Pin) -> Option<Self> {
        let pinned = cluster.persistent && pin == Pin::StatefulSession;
        let override_host_status = pinned.then_some(HealthStatuses::keeping_draining());
        let healthy_panic_threshold = cluster.settings.health.panic_percent.map(|value| Percent { value });
        let is_default = override_host_status.is_none() && healthy_panic_threshold.is_none();
        (!is_default).then_some(Self { override_host_status, healthy_panic_threshold })
    }
}

impl HealthStatuses {
    /// Envoy's own list has no draining endpoints, which keep their sessions until they go.
    const fn keeping_draining() -> Self {
        Self { statuses: ["UNKNOWN", "HEALTHY", "DEGRADED", "DRAINING"] }
    }
}

impl Preconnect {
    fn of(percent: u32) -> Self {
        Self { per_upstream_preconnect_ratio: f64::from(percent) / 100.0 }
    }
}

/// The cluster [`PREFLIGHTS`], if a route has CORS.
pub(super) fn of_preflights(model: &model::Model) -> Option<model::Cluster> {
    let mut routes =
        model.listeners.iter().flat_map(model::Listener::virtual_hosts).flat_map(|host| &host.routes);
    routes.any(|route| route.cors.is_some()).then(|| model::Cluster {
        name: String::from(PREFLIGHTS),
        identity: String::from(PREFLIGHTS),
        persistent: false,
        on_endpoint_lost: OnEndpointLost::default(),
        traffic: model::Traffic::Http,
        version: HttpVersion::Http1,
        within: None,
        settings: model::ClusterSettings::default(),
        localities: Vec::new(),
    })
}

/// A node that is down does not answer at all, so the client waits this long for failover. The limit for the request must leave time
/// for another endpoint. The endpoint of a session is tried twice.
fn connect_timeout(cluster: &model::Cluster) -> Duration {
    const SHORTEST: Duration = Duration::from_millis(1);
    if let Some(time) = cluster.settings.connect_timeout {
        return time;
    }
    let (longest, tries) =
        if cluster.persistent { (Duration::from_secs(1), 2) } else { (Duration::from_secs(2), 1) };
    cluster.within.map_or(longest, |time| (time / 2 / tries).clamp(SHORTEST, longest))
}

impl Discovery {
    fn of(cluster: &model::Cluster, sources: Sources<'_>) -> Self {
        match sources {
            _ if cluster.has_dns_names() => {
                Self::ClusterType(Extension::new("envoy.clusters.dns", DnsCluster::of_containers()))
            }
            Sources::Inline | Sources::Files { endpoints: false, .. } => Self::Type("STATIC"),
            Sources::Files { endpoints: true, .. } => Self::Type("EDS"),
        }
    }
}

impl DnsCluster {
    /// Settings for names of containers: Docker's DNS has a TTL of ten minutes, but addresses change within a second.
    fn of_containers() -> Self {
        Self {
            dns_refresh_rate: "2s",
            // Only one address family: dual-stack endpoints would get twice the requests.
            dns_lookup_family: "V4_PREFERRED",
            respect_dns_ttl: false,
        }
    }
}
