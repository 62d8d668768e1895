//! Listeners with their connection managers and access logs (`envoy.config.listener.v3.Listener`, `HttpConnectionManager`).
//!
//! The list of HTTP filters does not depend on the routes: Envoy drains a listener whose filters change, which would close all
//! connections when the first rule gets session persistence.

use serde::Serialize;
use session_persistence::names;

use super::Options;
use super::address::Address;
use super::error_fraction::ErrorFractions;
use super::extension::{Extension, Message};
use super::filters::HttpFilters;
use super::protocol::{CommonHttp, Http2};
use super::retries::Time;
use super::routes::RouteConfiguration;
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
    access_log: (Extension<StdoutAccessLog>,),
    route_config: RouteConfiguration,
    http_filters: HttpFilters,
}

#[derive(Serialize)]
struct Upgrade {
    upgrade_type: &'static str,
}

#[derive(Serialize)]
struct StdoutAccessLog {
    log_format: LogFormat,
}

#[derive(Serialize)]
struct LogFormat {
    text_format_source: InlineString,
}

#[derive(Serialize)]
struct InlineString {
    inline_string: String,
}

impl Message for ConnectionManager {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
}

impl Message for StdoutAccessLog {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.access_loggers.stream.v3.StdoutAccessLog";
}

impl Listener {
    pub(super) fn new(listener: &model::Listener, errors: &ErrorFractions, options: &Options) -> Self {
        let chain = |hosts: &[model::VirtualHost], tls: Option<TlsChain>| {
            let manager = ConnectionManager::new(listener, hosts, errors, options);
            let chain = FilterChain { filters: (Extension::new(CONNECTION_MANAGER, manager),) };
            let timeout = options.limits.handshake_timeout;
            let transport_socket_connect_timeout = tls.is_some().then_some(Time(timeout));
            BoundChain { tls, transport_socket_connect_timeout, chain }
        };
        let (inspector, filter_chains) = match &listener.protocol {
            model::Protocol::Http { virtual_hosts } => (None, vec![chain(virtual_hosts, None)]),
            model::Protocol::Https { sites } => (
                TlsInspector::of(sites).map(|inspector| (inspector,)),
                sites.iter().map(|site| chain(&site.virtual_hosts, Some(TlsChain::of(site)))).collect(),
            ),
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

impl ConnectionManager {
    /// The connection manager of a filter chain with these virtual hosts.
    fn new(
        listener: &model::Listener,
        hosts: &[model::VirtualHost],
        errors: &ErrorFractions,
        options: &Options,
    ) -> Self {
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
            access_log: (Extension::new("envoy.access_loggers.stdout", StdoutAccessLog::lines()),),
            route_config: RouteConfiguration::new(hosts, ListenerOrigin::of(listener), errors, options),
            http_filters: HttpFilters::new(),
        }
    }
}

impl StdoutAccessLog {
    /// One line per request. The last word is the session: the endpoint that it is pinned to, or the state that the filter reports.
    fn lines() -> Self {
        let line = format!(
            "%START_TIME% %REQ(:METHOD)% %REQ(:AUTHORITY)%%REQ(X-ENVOY-ORIGINAL-PATH?:PATH)% %RESPONSE_CODE% \
             %RESPONSE_FLAGS% %ROUTE_NAME% %UPSTREAM_HOST% %COALESCE({{\"operators\": [\
             {{\"command\": \"DYNAMIC_METADATA\", \"param\": \"{}:{}\"}}, \
             {{\"command\": \"FILTER_STATE\", \"param\": \"{}:PLAIN\"}}]}})%\n",
            names::METADATA_NAMESPACE,
            names::METADATA_KEY,
            names::FILTER_STATE,
        );
        Self { log_format: LogFormat { text_format_source: InlineString { inline_string: line } } }
    }
}
