//! What `render` writes: a bootstrap in Envoy's own words that means what the model means.

#![allow(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test that panics has failed, which is its job"
)]

mod endpoints;
#[path = "../envoy_protos/mod.rs"]
mod envoy_protos;
mod grammar;
mod models;
mod routing;
mod tls;

use envoy_config::model::Model;
use envoy_config::render::render;
use serde_json::Value;

/// The bootstrap of a model, checked and read back.
fn rendered(model: &Model) -> Value {
    let text = render(model, &models::options());
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
