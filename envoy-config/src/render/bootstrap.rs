//! The whole document (`envoy.config.bootstrap.v3.Bootstrap`): admin interface, runtime values, and the lists of listeners
//! and clusters. Each part has its own module.

use serde::Serialize;

use super::Options;
use super::address::Address;
use super::clusters::{self, Cluster};
use super::error_fraction::ErrorFractions;
use super::error_listener::{ErrorListener, InternalListeners};
use super::extension::Extension;
use super::listener::Listener;
use super::overload::OverloadManager;
use crate::model::Model;

#[derive(Serialize)]
pub(super) struct Bootstrap {
    admin: Admin,
    layered_runtime: LayeredRuntime,
    overload_manager: OverloadManager,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[serde(rename = "bootstrap_extensions")]
    extensions: Option<(Extension<InternalListeners>,)>,
    static_resources: StaticResources,
}

#[derive(Serialize)]
struct Admin {
    address: Address,
    ignore_global_conn_limit: bool,
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
    pub(super) fn new(model: &Model, options: &Options) -> Self {
        let preflights = clusters::of_preflights(model);
        let error_listeners = ErrorListener::all(model);
        let errors = ErrorFractions::new(model);
        let bound = model.listeners.iter().map(|listener| Listener::new(listener, &errors, options));
        Self {
            // The admin interface must stay reachable when Envoy has reached its connection limit.
            admin: Admin { address: Address::admin(&options.admin), ignore_global_conn_limit: true },
            layered_runtime: LayeredRuntime {
                layers: (RuntimeLayer {
                    name: "static",
                    static_layer: RuntimeValues { regex_size_limit: REGEX_SIZE_LIMIT },
                },),
            },
            overload_manager: OverloadManager::new(&options.limits),
            extensions: (!error_listeners.is_empty()).then(|| (InternalListeners::extension(),)),
            static_resources: StaticResources {
                listeners: bound
                    .map(|listener| AnyListener::Bound(Box::new(listener)))
                    .chain(error_listeners.into_iter().map(|listener| AnyListener::Error(Box::new(listener))))
                    .collect(),
                clusters: model
                    .clusters
                    .iter()
                    .chain(&preflights)
                    .map(|cluster| Cluster::new(cluster, options))
                    .collect(),
            },
        }
    }
}
