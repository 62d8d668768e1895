//! HTTP versions, idle timeouts and flow-control windows of connections to clients and backends
//! (`envoy.config.core.v3.HttpProtocolOptions`,
//! `Http2ProtocolOptions`).
//!
//! `headers_with_underscores_action` keeps Envoy's default, which allows such headers: the Gateway API allows underscores in
//! the names of matched headers and session headers.

use std::time::Duration;

use serde::Serialize;

use super::extension::{Empty, Message, Typed};
use super::retries::Time;
use crate::limits::Limits;
use crate::model::{ClusterSettings, HttpVersion, Limit};

#[derive(Serialize)]
pub(super) struct CommonHttp {
    idle_timeout: Time,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_connection_duration: Option<Time>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_requests_per_connection: Option<u32>,
}

#[derive(Serialize)]
pub(super) struct Http2 {
    max_concurrent_streams: u32,
    initial_stream_window_size: u32,
    initial_connection_window_size: u32,
}

/// Keyed by extension name.
#[derive(Serialize)]
pub(super) struct ProtocolOptions {
    #[serde(rename = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions")]
    http: Typed<HttpProtocolOptions>,
}

#[derive(Serialize)]
struct HttpProtocolOptions {
    common_http_protocol_options: CommonHttp,
    explicit_http_config: ExplicitHttp,
}

#[derive(Serialize)]
enum ExplicitHttp {
    #[serde(rename = "http_protocol_options")]
    Http1(Empty),
    #[serde(rename = "http2_protocol_options")]
    Http2(Http2),
}

impl Message for HttpProtocolOptions {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions";
}

impl CommonHttp {
    pub(super) const fn of_clients(limits: &Limits) -> Self {
        Self {
            idle_timeout: Time(limits.connection_idle_timeout),
            max_connection_duration: None,
            max_requests_per_connection: None,
        }
    }

    fn of_backends(settings: &ClusterSettings, limits: &Limits) -> Self {
        let idle_timeout = match settings.connection_idle_timeout {
            Some(Limit::Never) => Duration::ZERO,
            Some(Limit::After(time)) => time,
            None => limits.upstream_idle_timeout,
        };
        Self {
            idle_timeout: Time(idle_timeout),
            max_connection_duration: settings.connection_duration.map(Time),
            max_requests_per_connection: settings
                .circuit_breaker
                .and_then(|breaker| breaker.requests_per_connection),
        }
    }
}

impl Http2 {
    pub(super) const fn of_clients(limits: &Limits) -> Self {
        Self {
            max_concurrent_streams: limits.streams_per_connection,
            initial_stream_window_size: limits.stream_window,
            initial_connection_window_size: limits.connection_window,
        }
    }

    /// Many clients share a connection to a backend. Its window is the sum of the windows of all its streams, so that a client
    /// that reads its response slowly does not block the others.
    fn of_backends(limits: &Limits) -> Self {
        let all_streams = limits.stream_window.saturating_mul(limits.streams_per_connection);
        Self {
            max_concurrent_streams: limits.streams_per_connection,
            initial_stream_window_size: limits.stream_window,
            initial_connection_window_size: all_streams.min(i32::MAX.cast_unsigned()),
        }
    }
}

impl ProtocolOptions {
    pub(super) fn of(version: HttpVersion, settings: &ClusterSettings, limits: &Limits) -> Self {
        let options = HttpProtocolOptions {
            common_http_protocol_options: CommonHttp::of_backends(settings, limits),
            explicit_http_config: match version {
                HttpVersion::Http1 => ExplicitHttp::Http1(Empty {}),
                HttpVersion::Http2 => ExplicitHttp::Http2(Http2::of_backends(limits)),
            },
        };
        Self { http: options.into() }
    }
}
