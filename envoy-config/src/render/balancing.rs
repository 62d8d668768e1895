//! Load balancing: the pin first, where requests can be pinned; the weights otherwise.

use serde::Serialize;
use session_persistence::names;

use super::extension::{Empty, Extension, Message};

/// `envoy.config.cluster.v3.LoadBalancingPolicy`: the first policy that Envoy knows, so we name one.
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
    /// The endpoint the request is pinned to, if the cluster has it, whatever its health or its locality's weight;
    /// otherwise by weight.
    ///
    /// Each attempt takes the next of the endpoints that the sources name. The same source twice makes the first retry go to the
    /// session's own endpoint: one that closed an idle connection just as the request was sent is alive and has the session's
    /// state. Further retries go elsewhere.
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

    /// By the localities' weights, in turn within each.
    pub(super) fn weighted() -> Self {
        let policy =
            RoundRobin { locality_lb_config: LocalityBalancing { locality_weighted_lb_config: Empty {} } };
        Self::of(AnyPolicy::Weighted(Extension::new("envoy.load_balancing_policies.round_robin", policy)))
    }

    fn of(policy: AnyPolicy) -> Self {
        Self { policies: (Policy { typed_extension_config: policy },) }
    }
}
