//! Limits of the whole Envoy process (`envoy.config.overload.v3.OverloadManager`).
//!
//! The number of connections is always limited. The heap is limited only by `--limit heap=…`, because the available memory is
//! unknown here. As the heap fills up, Envoy first shortens its idle timeouts, then releases free memory, then answers new
//! requests with 503.

use serde::Serialize;

use super::extension::{Extension, Message, Typed};
use super::retries::Time;
use crate::limits::Limits;

#[derive(Serialize)]
pub(super) struct OverloadManager {
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_interval: Option<Time>,
    resource_monitors: Vec<Monitor>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    actions: Vec<Action>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Monitor {
    Connections(Extension<DownstreamConnections>),
    Heap(Extension<FixedHeap>),
}

#[derive(Serialize)]
struct DownstreamConnections {
    max_active_downstream_connections: u32,
}

#[derive(Serialize)]
struct FixedHeap {
    max_heap_size_bytes: u64,
}

#[derive(Serialize)]
struct Action {
    name: &'static str,
    triggers: (Trigger,),
    #[serde(skip_serializing_if = "Option::is_none")]
    typed_config: Option<Typed<ScaleTimers>>,
}

#[derive(Serialize)]
struct Trigger {
    name: &'static str,
    #[serde(flatten)]
    level: Level,
}

/// Fractions of the heap limit.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Level {
    Threshold { value: f64 },
    Scaled { scaling_threshold: f64, saturation_threshold: f64 },
}

#[derive(Serialize)]
struct ScaleTimers {
    timer_scale_factors: [TimerScale; 2],
}

#[derive(Serialize)]
struct TimerScale {
    timer: &'static str,
    min_timeout: &'static str,
}

impl Message for DownstreamConnections {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.resource_monitors.downstream_connections.v3.DownstreamConnectionsConfig";
}

impl Message for FixedHeap {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.resource_monitors.fixed_heap.v3.FixedHeapConfig";
}

impl Message for ScaleTimers {
    const TYPE: &'static str = "type.googleapis.com/envoy.config.overload.v3.ScaleTimersOverloadActionConfig";
}

const HEAP: &str = "envoy.resource_monitors.fixed_heap";

impl OverloadManager {
    pub(super) fn new(limits: &Limits) -> Self {
        let connections = DownstreamConnections { max_active_downstream_connections: limits.connections };
        let connections = Monitor::Connections(Extension::new(
            "envoy.resource_monitors.global_downstream_max_connections",
            connections,
        ));
        let Some(max_heap_size_bytes) = limits.heap else {
            return Self {
                refresh_interval: None,
                resource_monitors: vec![connections],
                actions: Vec::new(),
            };
        };
        let heap = Monitor::Heap(Extension::new(HEAP, FixedHeap { max_heap_size_bytes }));
        Self {
            refresh_interval: Some(Time(std::time::Duration::from_millis(250))),
            resource_monitors: vec![connections, heap],
            actions: Action::all(),
        }
    }
}

impl Action {
    /// In the order in which they start as the heap grows.
    fn all() -> Vec<Self> {
        let at = |value| (Trigger { name: HEAP, level: Level::Threshold { value } },);
        let scaled = Level::Scaled { scaling_threshold: 0.85, saturation_threshold: 0.95 };
        let timers = ["HTTP_DOWNSTREAM_CONNECTION_IDLE", "HTTP_DOWNSTREAM_STREAM_IDLE"];
        let timer_scale_factors = timers.map(|timer| TimerScale { timer, min_timeout: "2s" });
        vec![
            Self {
                name: "envoy.overload_actions.reduce_timeouts",
                triggers: (Trigger { name: HEAP, level: scaled },),
                typed_config: Some(ScaleTimers { timer_scale_factors }.into()),
            },
            Self { name: "envoy.overload_actions.shrink_heap", triggers: at(0.9), typed_config: None },
            Self {
                name: "envoy.overload_actions.stop_accepting_requests",
                triggers: at(0.95),
                typed_config: None,
            },
        ]
    }
}
