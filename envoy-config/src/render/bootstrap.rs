//! The whole document (`envoy.config.bootstrap.v3.Bootstrap`): admin interface, labels of counters, runtime values, and the lists of listeners
//! and clusters, or the files that have these. Each part has its own module.

use serde::Serialize;
use session_persistence::names;

use super::Options;
use super::address::Address;
use super::clusters::{self, Cluster};
use super::error_fraction::ErrorFractions;
use super::error_listener::{ErrorListener, InternalListeners};
use super::extension::Extension;
use super::listener::Listener;
use super::overload::OverloadManager;
use super::sources::{self, ConfigSource, Sources};
use crate::model::Model;

#[derive(Serialize)]
pub(super) struct Bootstrap {
    admin: Admin,
    stats_config: StatsConfig,
    layered_runtime: LayeredRuntime,
    overload_manager: OverloadManager,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "bootstrap_extensions")]
    extensions: Option<(Extension<InternalListeners>,)>,
    #[serde(flatten)]
    dynamic: Option<Dynamic>,
    static_resources: StaticResources,
}

#[derive(Serialize)]
struct Admin {
    address: Address,
    ignore_global_conn_limit: bool,
}

/// Which parts of the names of counters are labels.
#[derive(Serialize)]
struct StatsConfig {
    stats_tags: [StatsTag; 2],
}

#[derive(Serialize)]
struct StatsTag {
    tag_name: &'static str,
    regex: &'static str,
}

impl From<(&'static str, &'static str)> for StatsTag {
    fn from((tag_name, regex): (&'static str, &'static str)) -> Self {
        Self { tag_name, regex }
    }
}

#[derive(Serialize)]
struct LayeredRuntime {
    layers: (RuntimeLayer,),
}

#[derive(Serialize)]
struct RuntimeLayer {
    name: &'static str,
    static_layer: RuntimeValues,
}

#[derive(Serialize)]
struct RuntimeValues {
    #[serde(rename = "re2.max_program_size.error_level")]
    regex_size_limit: u32,
}

/// What Envoy reads from files.
#[derive(Serialize)]
struct Dynamic {
    node: Node,
    dynamic_resources: DynamicResources,
}

/// Envoy demands a name for itself from those who let it read parts of the configuration. `--service-node` and
/// `--service-cluster` override it.
#[derive(Serialize)]
struct Node {
    id: &'static str,
    cluster: &'static str,
}

#[derive(Serialize)]
struct DynamicResources {
    #[serde(rename = "lds_config")]
    listeners: ConfigSource,
    #[serde(rename = "cds_config")]
    clusters: ConfigSource,
}

#[derive(Serialize)]
struct StaticResources {
    listeners: Vec<AnyListener>,
    clusters: Vec<Cluster>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum AnyListener {
    Bound(Box<Listener>),
    Error(Box<ErrorListener>),
}

/// By default, Envoy does not start if the compiled size of a regular expression exceeds 100, as that of `[a-z]{1,64}` does.
/// The Gateway API has no such limit, and the expressions come from the operator.
const REGEX_SIZE_LIMIT: u32 = 100_000;

impl Bootstrap {
    /// The whole model, in the bootstrap.
    pub(super) fn new(model: &Model, options: &Options) -> Self {
        let preflights = clusters::of_preflights(model);
        let error_listeners = ErrorListener::all(model);
        let errors = ErrorFractions::new(model, Sources::Inline);
        let bound =
            model.listeners.iter().map(|listener| Listener::new(listener, &errors, options, Sources::Inline));
        let listeners =
            bound.map(|listener| AnyListener::Bound(Box::new(listener))).chain(refusing(error_listeners));
        let clusters = model.clusters.iter().chain(&preflights);
        let resources = StaticResources {
            listeners: listeners.collect(),
            clusters: clusters.map(|cluster| Cluster::new(cluster, options, Sources::Inline)).collect(),
        };
        Self::with(resources, None, options)
    }

    /// A bootstrap that never changes with the model: everything else is in files in this directory.
    pub(super) fn of_files(options: &Options, directory: &str) -> Self {
        let listeners = refusing(ErrorListener::of_every_status(options)).collect();
        let dynamic = Dynamic {
            node: Node { id: "envoy", cluster: "envoy" },
            dynamic_resources: DynamicResources {
                listeners: ConfigSource::new(directory, sources::LISTENERS),
                clusters: ConfigSource::new(directory, sources::CLUSTERS),
            },
        };
        Self::with(StaticResources { listeners, clusters: Vec::new() }, Some(dynamic), options)
    }

    fn with(static_resources: StaticResources, dynamic: Option<Dynamic>, options: &Options) -> Self {
        let has_error_listeners =
            static_resources.listeners.iter().any(|listener| matches!(listener, AnyListener::Error(_)));
        Self {
            // The admin interface must stay reachable when Envoy has reached its connection limit.
            admin: Admin { address: Address::admin(&options.admin), ignore_global_conn_limit: true },
            stats_config: StatsConfig {
                stats_tags: [names::REASON_TAG, names::RULE_TAG].map(StatsTag::from),
            },
            layered_runtime: LayeredRuntime {
                layers: (RuntimeLayer {
                    name: "static",
                    static_layer: RuntimeValues { regex_size_limit: REGEX_SIZE_LIMIT },
                },),
            },
            overload_manager: OverloadManager::new(&options.limits),
            extensions: has_error_listeners.then(|| (InternalListeners::extension(),)),
            dynamic,
            static_resources,
        }
    }
}

fn refusing(listeners: Vec<ErrorListener>) -> impl Iterator<Item = AnyListener> {
    listeners.into_iter().map(|listener| AnyListener::Error(Box::new(listener)))
}
