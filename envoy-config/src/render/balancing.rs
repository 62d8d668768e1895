//! Load balancing (`envoy.config.cluster.v3.LoadBalancingPolicy`): the endpoint that a request is pinned to; otherwise one by
//! weight. [`super::endpoints`] writes the weights.

use std::time::Duration;

use serde::Serialize;
use session_persistence::names;

use super::extension::{Empty, Extension, Message};
use super::retries::Time;
use crate::model;

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
    RoundRobin(Extension<RoundRobin>),
    LeastRequest(Extension<LeastRequest>),
    Random(Extension<Random>),
    Maglev(Extension<Maglev>),
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
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_start_config: Option<SlowStart>,
    locality_lb_config: LocalityBalancing,
}

#[derive(Serialize)]
struct LeastRequest {
    #[serde(skip_serializing_if = "Option::is_none")]
    slow_start_config: Option<SlowStart>,
    locality_lb_config: LocalityBalancing,
}

#[derive(Serialize)]
struct Random {
    locality_lb_config: LocalityBalancing,
}

#[derive(Serialize)]
struct Maglev {
    table_size: u32,
    locality_weighted_lb_config: Empty,
}

#[derive(Serialize)]
struct SlowStart {
    slow_start_window: Time,
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

impl Message for LeastRequest {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.load_balancing_policies.least_request.v3.LeastRequest";
}

impl Message for Random {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.load_balancing_policies.random.v3.Random";
}

impl Message for Maglev {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.load_balancing_policies.maglev.v3.Maglev";
}

impl LoadBalancing {
    /// Uses the endpoint that the request is pinned to, if it is in the cluster, whatever its health or the weight of its
    /// locality; otherwise one by weight.
    ///
    /// Each attempt uses the next source. Listing the same source twice makes the first retry go to the session's endpoint again:
    /// if that only closed an idle connection while the request was sent, it still has the session's state. Further retries go to
    /// other endpoints.
    pub(super) fn pinned(others: model::LoadBalancing) -> Self {
        let source = || Source {
            metadata: MetadataKey {
                key: names::METADATA_NAMESPACE,
                path: (PathSegment { key: names::METADATA_KEY },),
            },
        };
        let policy = OverrideHost {
            override_host_sources: (source(), source()),
            fallback_policy: Box::new(Self::of(others)),
        };
        Self::only(AnyPolicy::Pinned(Extension::new("envoy.load_balancing_policies.override_host", policy)))
    }

    /// Chooses a locality by weight, and then one of its endpoints. (Maglev does both at once.)
    pub(super) fn of(balancing: model::LoadBalancing) -> Self {
        let by_weight = || LocalityBalancing { locality_weighted_lb_config: Empty {} };
        let slow = |window: Option<Duration>| window.map(|time| SlowStart { slow_start_window: Time(time) });
        Self::only(match balancing {
            model::LoadBalancing::RoundRobin { slow_start } => AnyPolicy::RoundRobin(Extension::new(
                "envoy.load_balancing_policies.round_robin",
                RoundRobin { slow_start_config: slow(slow_start), locality_lb_config: by_weight() },
            )),
            model::LoadBalancing::LeastRequest { slow_start } => AnyPolicy::LeastRequest(Extension::new(
                "envoy.load_balancing_policies.least_request",
                LeastRequest { slow_start_config: slow(slow_start), locality_lb_config: by_weight() },
            )),
            model::LoadBalancing::Random => AnyPolicy::Random(Extension::new(
                "envoy.load_balancing_policies.random",
                Random { locality_lb_config: by_weight() },
            )),
            model::LoadBalancing::ConsistentHash { table_size } => AnyPolicy::Maglev(Extension::new(
                "envoy.load_balancing_policies.maglev",
                Maglev { table_size, locality_weighted_lb_config: Empty {} },
            )),
        })
    }

    fn only(policy: AnyPolicy) -> Self {
        Self { policies: (Policy { typed_extension_config: policy },) }
    }
}
