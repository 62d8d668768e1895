//! Load balancing (`envoy.config.cluster.v3.LoadBalancingPolicy`): the endpoint that a request is pinned to; otherwise one by
//! weight. [`super::endpoints`] writes the weights.

use serde::Serialize;
use session_persistence::names;

use super::extension::{Empty, Extension, Message};

/// Envoy uses the first policy that it supports, so this list has only one.
#[derive(Serialize)]
pub(super) struct LoadBalancing {
    policies: (Policy,),
}

#[derive(Serialize)]
struct Policy {
    typed_extension_config: AnyPolicy,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnyPolicy {
    Pinned(Extension<OverrideHost>),
    Weighted(Extension<RoundRobin>),
}

#[derive(Serialize)]
struct OverrideHost {
    override_host_sources: (Source, Source),
    fallback_policy: Box<LoadBalancing>,
}

#[derive(Serialize)]
struct Source {
    metadata: MetadataKey,
}

#[derive(Serialize)]
struct MetadataKey {
    key: &'static str,
    path: (PathSegment,),
}

#[derive(Serialize)]
struct PathSegment {
    key: &'static str,
}

#[derive(Serialize)]
struct RoundRobin {
    locality_lb_config: LocalityBalancing,
}

#[derive(Serialize)]
struct LocalityBalancing {
    locality_weighted_lb_config: Empty,
}

impl Message for OverrideHost {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.load_balancing_policies.override_host.v3.OverrideHost";
}

impl Message for RoundRobin {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.load_balancing_policies.round_robin.v3.RoundRobin";
}

impl LoadBalancing {
    /// Uses the endpoint that the request is pinned to, if it is in the cluster, whatever its health or the weight of its
    /// locality; otherwise one by weight.
    ///
    /// Each attempt uses the next source. Listing the same source twice makes the first retry go to the session's endpoint again:
    /// if that only closed an idle connection while the request was sent, it still has the session's state. Further retries go to
    /// other endpoints.
    pub(super) fn pinned() -> Self {
        let source = || Source {
            metadata: MetadataKey {
                key: names::METADATA_NAMESPACE,
                path: (PathSegment { key: names::METADATA_KEY },),
            },
        };
        let policy = OverrideHost {
            override_host_sources: (source(), source()),
            fallback_policy: Box::new(Self::weighted()),
        };
        Self::of(AnyPolicy::Pinned(Extension::new("envoy.load_balancing_policies.override_host", policy)))
    }

    /// Chooses a locality by weight, and then its endpoints in turn (round robin).
    pub(super) fn weighted() -> Self {
        let policy =
            RoundRobin { locality_lb_config: LocalityBalancing { locality_weighted_lb_config: Empty {} } };
        Self::of(AnyPolicy::Weighted(Extension::new("envoy.load_balancing_policies.round_robin", policy)))
    }

    fn of(policy: AnyPolicy) -> Self {
        Self { policies: (Policy { typed_extension_config: policy },) }
    }
}
