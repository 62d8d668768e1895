//! The share of the requests that Envoy itself has to refuse.
//!
//! Gateway API, `HTTPRouteRule.backendRefs`: the share of a backend that does not resolve is answered 500, and the others
//! keep theirs. The share must be decided where the weights are, behind the pin, or it would hit sessions that are pinned
//! to an endpoint that exists. So the backend's locality has one endpoint, inside this Envoy: an internal listener that
//! gives the answer. To the outer request it is an answer like any other; it is not retried, whatever statuses its rule
//! retries (a header says so), and since its address is
//! not `ip:port`, no session is made of it. (Envoy 1.40: weights 1:1 gave 50 of 100 requests 500 without a
//! token and without a retry; 50 of 50 pinned requests went through.)

use std::collections::BTreeSet;

use serde::Serialize;

use super::address::Address;
use super::extension::{Empty, Extension, Message};
use super::filters::Router;
use super::listener::{CONNECTION_MANAGER, FilterChain};
use super::routes::RouteConfiguration;
use super::shares::looks_names_up;
use crate::model::{Cluster, Endpoints, Locality, Model, Traffic};

/// Why a request is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Refusal {
    /// 500: the backend does not exist, or no backend has a weight.
    Error,
    /// 503: the backends exist and have no endpoint; or the same for gRPC, which takes it for `UNAVAILABLE`.
    Unavailable,
}

#[derive(Serialize)]
pub(super) struct RefusingListener {
    name: &'static str,
    internal_listener: Empty,
    filter_chains: (FilterChain<Extension<ConnectionManager>>,),
}

#[derive(Serialize)]
struct ConnectionManager {
    stat_prefix: &'static str,
    server_header_transformation: &'static str,
    route_config: RouteConfiguration,
    http_filters: (Extension<Router>,),
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

impl Refusal {
    /// All that a model needs, each once.
    pub(super) fn all(model: &Model) -> BTreeSet<Self> {
        model.clusters.iter().filter(|cluster| !looks_names_up(cluster)).flat_map(Self::all_of).collect()
    }

    /// All that a cluster needs that does not look names up.
    pub(super) fn all_of(cluster: &Cluster) -> impl Iterator<Item = Self> {
        let shares = cluster.localities.iter().filter_map(|locality| Self::of_share(locality, cluster));
        shares.chain(Self::of_rest(cluster))
    }

    /// Why the share of a backend is refused; none where it is served, or there is no share.
    pub(super) fn of_share(locality: &Locality, cluster: &Cluster) -> Option<Self> {
        if locality.weight == 0 {
            return None;
        }
        match &locality.endpoints {
            Endpoints::Unresolved => Some(Self::of_missing_backends(cluster)),
            Endpoints::Addresses(endpoints) if endpoints.is_empty() => Some(Self::Unavailable),
            Endpoints::Addresses(_) | Endpoints::Names(_) => None,
        }
    }

    /// Why everything is refused that is not pinned: no backend has a share.
    pub(super) fn of_rest(cluster: &Cluster) -> Option<Self> {
        let idle = cluster.localities.iter().all(|locality| locality.weight == 0);
        idle.then(|| Self::of_missing_backends(cluster))
    }

    /// Where no backend can be asked, for want of one or of a weight.
    const fn of_missing_backends(cluster: &Cluster) -> Self {
        match cluster.traffic {
            Traffic::Http => Self::Error,
            Traffic::Grpc => Self::Unavailable,
        }
    }

    pub(super) const fn status(self) -> u16 {
        match self {
            Self::Error => 500,
            Self::Unavailable => 503,
        }
    }

    const fn listener(self) -> &'static str {
        match self {
            Self::Error => "refuse-500",
            Self::Unavailable => "refuse-503",
        }
    }

    /// The endpoint that refuses for the locality of this name.
    pub(super) fn address(self, locality: &str) -> Address {
        Address::EnvoyInternal {
            server_listener_name: self.listener().to_owned(),
            endpoint_id: locality.to_owned(),
        }
    }
}

impl RefusingListener {
    pub(super) fn new(refusal: Refusal) -> Self {
        let manager = ConnectionManager {
            stat_prefix: refusal.listener(),
            // The answer is the outer listener's, which has no such header by itself.
            server_header_transformation: "PASS_THROUGH",
            route_config: RouteConfiguration::refusing(refusal.status()),
            http_filters: (Router::extension(),),
        };
        Self {
            name: refusal.listener(),
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
