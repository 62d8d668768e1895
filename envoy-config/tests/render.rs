//! What `render` writes is a bootstrap in Envoy's own words, and the same one every time.

mod envoy_protos;
mod models;

use envoy_config::model::Model;
use envoy_config::render::render;

fn rendered(model: &Model) -> String {
    render(model, &models::options())
}

#[test]
fn a_model_with_everything_is_a_bootstrap() {
    envoy_protos::check(&rendered(&models::everything())).unwrap();
}

#[test]
fn an_empty_model_is_a_bootstrap() {
    envoy_protos::check(&rendered(&Model { listeners: Vec::new(), clusters: Vec::new() })).unwrap();
}

#[test]
fn equal_models_render_to_equal_bytes() {
    assert_eq!(rendered(&models::everything()), rendered(&models::everything()));
}

#[test]
fn print() {
    if let Ok(out) = std::env::var("OUT") {
        std::fs::write(out, rendered(&models::everything())).unwrap();
    }
}
