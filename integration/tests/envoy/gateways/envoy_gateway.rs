//! Envoy Gateway: what `egctl x translate --to xds` prints.

use serde_json::Value;

use super::bootstrap::Sent;
use super::{Gateway, behaviours};

const GATEWAY: Gateway = Gateway {
    name: "envoy-gateway",
    listener: "default/eg/http",
    rules: [("/cart", "httproute/default/shop/rule/0/"), ("/room", "httproute/default/shop/rule/1/")],
    sent,
};

fn sent(printed: &Value) -> Sent {
    Sent {
        listeners: resources(printed, "ListenersConfigDump", "dynamicListeners", "/activeState/listener"),
        routes: resources(printed, "RoutesConfigDump", "dynamicRouteConfigs", "/routeConfig"),
        clusters: resources(printed, "ClustersConfigDump", "dynamicActiveClusters", "/cluster"),
        endpoints: resources(printed, "EndpointsConfigDump", "dynamicEndpointConfigs", "/endpointConfig"),
    }
}

/// The resources of a dump, by the dump's type and the path to a resource in each of its entries.
fn resources(printed: &Value, dump: &str, list: &str, path: &str) -> Vec<Value> {
    let dumps = printed["xds"]["default/eg"]["configs"].as_array().unwrap();
    let dump = dumps.iter().find(|found| found["@type"].as_str().unwrap().ends_with(dump)).unwrap();
    let entries = dump[list].as_array().unwrap().iter();
    entries
        .map(|entry| {
            let mut resource = entry.pointer(path).unwrap().clone();
            resource.as_object_mut().unwrap().remove("@type");
            resource
        })
        .collect()
}

#[test]
fn the_objects_for_envoy_gateway_are_those_that_were_translated() {
    GATEWAY.is_rendered();
}

#[test]
fn the_translation_of_envoy_gateway_is_that_of_these_objects() {
    GATEWAY.is_translated();
}

#[tokio::test]
async fn a_session_in_envoy_gateway_has_one_pod() {
    behaviours::has_one_pod(&GATEWAY).await;
}

#[tokio::test]
async fn a_session_in_envoy_gateway_moves_in_the_same_answer_when_its_pod_is_gone() {
    behaviours::moves(&GATEWAY).await;
}

#[tokio::test]
async fn a_session_in_envoy_gateway_expires_and_its_keys_rotate() {
    behaviours::expires_and_rotates(&GATEWAY).await;
}

#[tokio::test]
async fn a_session_of_a_pod_begins_anew_in_envoy_gateway() {
    behaviours::begins_sessions_of_pods_anew(&GATEWAY).await;
}

#[tokio::test]
async fn a_forged_pin_has_no_effect_in_envoy_gateway() {
    behaviours::ignores_forged_pins(&GATEWAY).await;
}
