//! Errors from an endpoint: an internal listener of this Envoy that answers every request with the same status.
//!
//! A backend that cannot serve must keep its weight, and must not affect sessions that are pinned to other endpoints. So the
//! choice is left to the load balancer: the locality of the backend has one endpoint, the address of this listener. For the
//! outer request, its answer is like that of any backend, with two exceptions: a header prevents retries, whatever statuses
//! the rule retries; and its address is not `ip:port`, so the filter issues no token for it. (Envoy 1.40, weights 1:1: 50 of
//! 100 requests got 500, without a token and without a retry; 50 of 50 pinned requests reached their endpoint.)
//!
//! DNS clusters cannot contain such an endpoint; see [`super::error_fraction`].

use std::collections::BTreeSet;

use serde::Serialize;

use super::Options;
use super::error_status::ErrorStatus;
use super::extension::{Empty, Extension, Message};
use super::filters::{Router, Unused};
use super::listener::{CONNECTION_MANAGER, FilterChain};
use super::routes::RouteConfiguration;
use crate::model::Model;

#[derive(Serialize)]
pub(super) struct ErrorListener {
    name: &'static str,
    internal_listener: Empty,
    filter_chains: (FilterChain<Extension<ConnectionManager>>,),
}

#[derive(Serialize)]
struct ConnectionManager {
    stat_prefix: &'static str,
    server_header_transformation: &'static str,
    route_config: RouteConfiguration,
    http_filters: Vec<HttpFilter>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum HttpFilter {
    Unused(Box<Unused>),
    Router(Extension<Router>),
}

#[derive(Serialize)]
pub(super) struct InternalListeners(Empty);

impl Message for ConnectionManager {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager";
}

impl Message for InternalListeners {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.bootstrap.internal_listener.v3.InternalListener";
}

impl ErrorListener {
    /// One for each status that a cluster of the model needs.
    pub(super) fn all(model: &Model) -> Vec<Self> {
        let clusters = model.clusters.iter().filter(|cluster| !cluster.samples_errors());
        let statuses: BTreeSet<ErrorStatus> = clusters.flat_map(ErrorStatus::all_of).collect();
        statuses.into_iter().map(|status| Self::new(status, None)).collect()
    }

    /// One for each status that a cluster can need, for a bootstrap whose routes are in files. The first one has the filter.
    pub(super) fn of_every_status(options: &Options) -> Vec<Self> {
        let mut unused = Some(HttpFilter::Unused(Box::new(Unused::new(options))));
        ErrorStatus::EVERY.map(|status| Self::new(status, unused.take())).into()
    }

    fn new(status: ErrorStatus, unused: Option<HttpFilter>) -> Self {
        let manager = ConnectionManager {
            stat_prefix: status.listener_name(),
            // Without this, Envoy would add a `server` header, which its own errors on the outer listener do not have.
            server_header_transformation: "PASS_THROUGH",
            route_config: RouteConfiguration::error(status.code()),
            http_filters: unused.into_iter().chain([HttpFilter::Router(Router::extension())]).collect(),
        };
        Self {
            name: status.listener_name(),
            internal_listener: Empty {},
            filter_chains: (FilterChain { filters: (Extension::new(CONNECTION_MANAGER, manager),) },),
        }
    }
}

impl InternalListeners {
    pub(super) fn extension() -> Extension<Self> {
        Extension::new("envoy.bootstrap.internal_listener", Self(Empty {}))
    }
}
