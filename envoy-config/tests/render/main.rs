//! Rendering: the bootstrap is valid for Envoy's protobuf definitions and has the meaning of the model.

#![allow(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its job"
)]

mod endpoints;
#[path = "../envoy_protos/mod.rs"]
mod envoy_protos;
mod files;
mod grammar;
mod models;
#[path = "../packages/mod.rs"]
mod packages;
mod routing;
mod tls;

use envoy_config::model::Model;
use envoy_config::render::render;
use serde_json::Value;
use session_persistence::config::{PluginConfig, RouteRule};

/// The bootstrap of a model, validated and parsed.
fn rendered(model: &Model) -> Value {
    let text = render(model, &models::options()).unwrap();
    envoy_protos::check(&text).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

/// The connection manager of the first listener.
fn connection_manager(bootstrap: &Value) -> &Value {
    &bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"]
}

/// The routes of the first virtual host.
fn routes(bootstrap: &Value) -> &Value {
    &connection_manager(bootstrap)["route_config"]["virtual_hosts"][0]["routes"]
}

/// The plugin of a route, if it has one.
fn plugin(route: &Value) -> Option<&Value> {
    route["typed_per_filter_config"].get("envoy.filters.http.filter_chain").map(|chain| {
        let filters = &chain["filter_chain"]["filters"];
        assert_eq!(filters[1]["name"], "envoy.filters.http.header_to_metadata");
        &filters[0]["typed_config"]["config"]
    })
}

/// The rule of a route's plugin.
fn plugin_rule(route: &Value) -> Option<RouteRule> {
    let text = plugin(route)?["configuration"]["value"].as_str().unwrap();
    match PluginConfig::parse(text.as_bytes()).unwrap() {
        PluginConfig::Route(config) => Some(config),
        PluginConfig::Table(table) => panic!("{table:?}"),
    }
}
