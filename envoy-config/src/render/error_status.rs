//! Which requests to a cluster Envoy answers with an error, and with which status.
//!
//! Gateway API, `HTTPRouteRule.backendRefs`: the fraction of requests for a backend that does not resolve gets 500, and the other
//! backends keep theirs. [`super::error_listener`] and [`super::error_fraction`] are the two ways to give these answers.

use super::address::Address;
use crate::model::{Cluster, Endpoints, Locality, Traffic};

/// The status of an error.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ErrorStatus {
    /// 500: the backend does not exist, or all weights are 0.
    InternalServerError,
    /// 503: the backend exists but has no endpoints. For gRPC also instead of 500, because Envoy turns 503 into `UNAVAILABLE`.
    ServiceUnavailable,
}

impl ErrorStatus {
    pub(super) const EVERY: [Self; 2] = [Self::InternalServerError, Self::ServiceUnavailable];

    /// The statuses of all errors of a cluster.
    pub(super) fn all_of(cluster: &Cluster) -> impl Iterator<Item = Self> {
        let of_backends =
            cluster.localities.iter().filter_map(|locality| Self::of_backend(locality, cluster));
        of_backends.chain(Self::of_cluster(cluster))
    }

    /// The status for the new sessions of a backend; `None` if it serves them or gets none.
    pub(super) fn of_backend(locality: &Locality, cluster: &Cluster) -> Option<Self> {
        if locality.weight == 0 {
            return None;
        }
        match &locality.endpoints {
            Endpoints::Unresolved => Some(Self::without_backend(cluster)),
            Endpoints::Addresses(endpoints) if endpoints.is_empty() => Some(Self::ServiceUnavailable),
            Endpoints::Addresses(_) | Endpoints::Names(_) => None,
        }
    }

    /// The status for all new sessions of a cluster; `None` if a backend has a weight.
    pub(super) fn of_cluster(cluster: &Cluster) -> Option<Self> {
        let without_weights = cluster.localities.iter().all(|locality| locality.weight == 0);
        without_weights.then(|| Self::without_backend(cluster))
    }

    const fn without_backend(cluster: &Cluster) -> Self {
        match cluster.traffic {
            Traffic::Http => Self::InternalServerError,
            Traffic::Grpc => Self::ServiceUnavailable,
        }
    }

    pub(super) const fn code(self) -> u16 {
        match self {
            Self::InternalServerError => 500,
            Self::ServiceUnavailable => 503,
        }
    }

    /// The name of the internal listener that answers with this status.
    pub(super) const fn listener_name(self) -> &'static str {
        match self {
            Self::InternalServerError => "refuse-500",
            Self::ServiceUnavailable => "refuse-503",
        }
    }

    /// The endpoint that answers with this status for the locality of this name.
    pub(super) fn address(self, locality: &str) -> Address {
        Address::EnvoyInternal {
            server_listener_name: self.listener_name().to_owned(),
            endpoint_id: locality.to_owned(),
        }
    }
}
