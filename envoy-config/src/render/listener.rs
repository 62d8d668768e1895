//! Listeners with their connection managers (`envoy.config.listener.v3.Listener`, `HttpConnectionManager`).
//!
//! The list of HTTP filters does not depend on the routes: Envoy drains a listener whose filters change, which would close all
//! connections when the first rule gets session persistence.

use serde::Serialize;

use super::Options;
use super::access_log::{self, Loggers};
use super::address::Address;
use super::error_fraction::ErrorFractions;
use super::extension::{Extension, Message};
use super::filters::HttpFilters;
use super::protocol::{CommonHttp, Http2};
use super::retries::Time;
use super::routes::RouteConfiguration;
use super::sources::{ConfigSource, Folder, Sources};
use super::tls::{TlsChain, TlsInspector};
use super::url::ListenerOrigin;
use crate::model;

#[derive(Serialize)]
pub(super) struct Listener {
    name: String,
    address: Address,
    #[serde(rename = "listener_filters", skip_serializing_if = "Option::is_none")]
    inspector: Option<(Extension<TlsInspector>,)>,
    per_connection_buffer_limit_bytes: u32,
    filter_chains: Vec<BoundChain>,
}

/// The filter chain for all connections, or for those to one site.
#[derive(Serialize)]
struct BoundChain {
    #[serde(flatten)]
    tls: Option<TlsChain>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport_socket_connect_timeout: Option<Time>,
    #[serde(flatten)]
    chain: FilterChain<Extension<ConnectionManager>>,
}

#[derive(Serialize)]
pub(super) struct FilterChain<F> {
    pub(super) filters: (F,),
}

/// The name of the connection manager as a network filter.
pub(super) const CONNECTION_MANAGER: &str = "envoy.filters.network.http_connection_manager";

#[derive(Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "they are Envoy's fields")]
struct ConnectionManager {
    stat_prefix: String,
    common_http_protocol_options: CommonHttp,
    http2_protocol_options: Http2,
    stream_idle_timeout: Time,
    request_timeout: Time,
    request_headers_timeout: Time,
    use_remote_address: bool,
    strip_trailing_host_dot: bool,
    normalize_path: bool,
    merge_slashes: bool,
    path_with_escaped_slashes_action: &'static str,
    server_header_transformation: &'static str,
    upgrade_configs: (Upgrade,),
    #[serde(skip_serializing_if = "Vec::is_empty")]
    access_log: Loggers,
    #[serde(flatten)]
    routes: Routes,
    http_filters: HttpFilters,
}

/// The routes, or the file that has them.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Routes {
    RouteConfig(RouteConfiguration),
    Rds(Rds),
}

#[derive(Serialize)]
struct Rds {
    config_source: ConfigSource,
    route_config_name: String,
}

#[derive(Serialize)]
struct Upgrade {
    upgrade_type: &'static str,
}

impl Message for ConnectionManager {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
}

impl Message for Listener {
    const TYPE: &'static str = "type.googleapis.com/envoy.config.listener.v3.Listener";
}

impl Listener {
    pub(super) fn new(
        listener: &model::Listener,
        errors: &ErrorFractions,
        options: &Options,
        sources: Sources<'_>,
    ) -> Self {
        let chain = |site: Option<&model::Site>, hosts: &[model::VirtualHost], tls: Option<TlsChain>| {
            let routes = match sources {
                Sources::Inline => Routes::RouteConfig(RouteConfiguration::new(
                    hosts,
                    ListenerOrigin::of(listener),
                    errors,
                    options,
                )),
                Sources::Files { directory, .. } => {
                    Routes::Rds(Rds::new(routes_name(listener, site), directory))
                }
            };
            let manager = ConnectionManager::new(listener, routes, options);
            let chain = FilterChain { filters: (Extension::new(CONNECTION_MANAGER, manager),) };
            let timeout = options.limits.handshake_timeout;
            let transport_socket_connect_timeout = tls.is_some().then_some(Time(timeout));
            BoundChain { tls, transport_socket_connect_timeout, chain }
        };
        let (inspector, filter_chains) = match &listener.protocol {
            model::Protocol::Http { virtual_hosts } => (None, vec![chain(None, virtual_hosts, None)]),
            model::Protocol::Https { sites } => {
                let tls = |site| Some(TlsChain::of(site, listener, sources));
                (
                    TlsInspector::of(sites, sources).map(|inspector| (inspector,)),
                    sites.iter().map(|site| chain(Some(site), &site.virtual_hosts, tls(site))).collect(),
                )
            }
        };
        Self {
            name: listener.name.clone(),
            address: listener.bind.into(),
            inspector,
            per_connection_buffer_limit_bytes: options.limits.connection_buffer,
            filter_chains,
        }
    }
}

/// The routes of a listener, by name: one configuration, or one for each site.
pub(super) fn routes<'a>(
    listener: &'a model::Listener,
    errors: &'a ErrorFractions<'a>,
    options: &'a Options,
) -> impl Iterator<Item = RouteConfiguration> + 'a {
    let routes = move |site: Option<&model::Site>, hosts: &[model::VirtualHost]| {
        let routes = RouteConfiguration::new(hosts, ListenerOrigin::of(listener), errors, options);
        routes.named(routes_name(listener, site))
    };
    let all: Vec<RouteConfiguration> = match &listener.protocol {
        model::Protocol::Http { virtual_hosts } => vec![routes(None, virtual_hosts)],
        model::Protocol::Https { sites } => {
            sites.iter().map(|site| routes(Some(site), &site.virtual_hosts)).collect()
        }
    };
    all.into_iter()
}

/// How many configurations [`routes`] returns.
pub(super) const fn count_routes(listener: &model::Listener) -> usize {
    match &listener.protocol {
        model::Protocol::Http { .. } => 1,
        model::Protocol::Https { sites } => sites.len(),
    }
}

/// The name of the routes of a listener, or of one of its sites.
fn routes_name(listener: &model::Listener, site: Option<&model::Site>) -> String {
    match site {
        None => listener.name.clone(),
        Some(site) => format!("{}/{}", listener.name, site.domain),
    }
}

impl Rds {
    fn new(route_config_name: String, directory: &str) -> Self {
        let file = Folder::Routes.file(&route_config_name, b"");
        Self { config_source: ConfigSource::new(directory, &file), route_config_name }
    }
}

impl ConnectionManager {
    fn new(listener: &model::Listener, routes: Routes, options: &Options) -> Self {
        let limits = &options.limits;
        Self {
            stat_prefix: listener.name.clone(),
            common_http_protocol_options: CommonHttp::of_clients(limits),
            http2_protocol_options: Http2::of_clients(limits),
            stream_idle_timeout: Time(limits.stream_idle_timeout),
            request_timeout: Time(limits.request_receive_timeout),
            request_headers_timeout: Time(limits.request_headers_timeout),
            // Envoy is the edge proxy: the client's address is that of the connection.
            use_remote_address: true,
            // `shop.example.com.` is the same host, and must not match a less specific listener.
            strip_trailing_host_dot: true,
            // `/public/../admin` must not match the prefix `/public`.
            normalize_path: true,
            // In the Gateway API, `//` and `%2F` are ordinary parts of a path.
            merge_slashes: false,
            path_with_escaped_slashes_action: "KEEP_UNCHANGED",
            // Do not change the `server` header of backends.
            server_header_transformation: "PASS_THROUGH",
            upgrade_configs: (Upgrade { upgrade_type: "websocket" },),
            access_log: access_log::loggers(&options.access_log, options.pin),
            routes,
            http_filters: HttpFilters::new(),
        }
    }
}
