//! Istio: what istiod sends to the Envoys of a Gateway.
//!
//! Its Envoys are built with filters of Istio's own, for telemetry and mutual TLS inside the mesh. They are left out: another Envoy does
//! not know them.

use integration::harness::client::Client;
use integration::harness::keys;
use serde_json::{Map, Value, json};

use super::bootstrap::{Sent, connection_manager};
use super::{Gateway, behaviours};
use crate::setup::{Mint, pod, pods, token};

const GATEWAY: Gateway = Gateway {
    name: "istio",
    listener: "0.0.0.0_8080",
    rules: [("/cart", "default.shop.dd4c3e37b0610707"), ("/room", "default.shop.9a9db89fbccc0a18")],
    sent,
};

fn sent(printed: &Value) -> Sent {
    let list = |name: &str| printed[name].as_array().unwrap().clone();
    let extensions = list("extensions");
    let mut sent = Sent {
        listeners: list("listeners"),
        routes: list("routes"),
        clusters: list("clusters"),
        endpoints: list("endpoints"),
    };
    for listener in &mut sent.listeners {
        let manager = connection_manager(listener).unwrap();
        let filters = manager["httpFilters"].as_array_mut().unwrap();
        filters.retain(|filter| !is_own(filter));
        for filter in filters.iter_mut().filter_map(Value::as_object_mut) {
            discover(filter, &extensions);
        }
    }
    for cluster in &mut sent.clusters {
        let cluster = cluster.as_object_mut().unwrap();
        if let Some(filters) = cluster.get_mut("filters").and_then(Value::as_array_mut) {
            filters.retain(|filter| !is_own(filter));
        }
        // Endpoints without a sidecar match the second one, which is plain TCP.
        if let Some(matches) = cluster.get_mut("transportSocketMatches").and_then(Value::as_array_mut) {
            matches.retain(|found| found["name"] != "tlsMode-istio");
        }
    }
    sent
}

/// Whether a filter is one of Istio's own, by the type of its configuration.
fn is_own(filter: &Value) -> bool {
    let config = &filter["typedConfig"];
    let named = config.get("typeUrl").unwrap_or(&config["@type"]).as_str().unwrap_or_default();
    let name = named.trim_start_matches("type.googleapis.com/");
    ["istio.", "io.istio.", "envoy.tcp.metadataexchange."].iter().any(|prefix| name.starts_with(prefix))
}

/// Puts an extension in the place of its discovery.
fn discover(filter: &mut Map<String, Value>, extensions: &[Value]) {
    if filter.remove("configDiscovery").is_some() {
        let found = extensions.iter().find(|extension| extension["name"] == filter["name"]).unwrap();
        filter.insert("typedConfig".to_owned(), found["typedConfig"].clone());
    }
}

#[test]
fn the_objects_for_istio_are_those_that_were_translated() {
    GATEWAY.is_rendered();
}

#[test]
fn the_translation_of_istio_is_that_of_these_objects() {
    GATEWAY.is_translated();
}

#[tokio::test]
async fn a_session_in_istio_has_one_pod() {
    behaviours::has_one_pod(&GATEWAY).await;
}

#[tokio::test]
async fn a_session_in_istio_moves_in_the_same_answer_when_its_pod_is_gone() {
    behaviours::moves(&GATEWAY).await;
}

#[tokio::test]
async fn a_session_in_istio_expires_and_its_keys_rotate() {
    behaviours::expires_and_rotates(&GATEWAY).await;
}

#[tokio::test]
async fn a_session_of_a_pod_begins_anew_in_istio() {
    behaviours::begins_sessions_of_pods_anew(&GATEWAY).await;
}

#[tokio::test]
async fn a_forged_pin_has_no_effect_in_istio() {
    behaviours::ignores_forged_pins(&GATEWAY).await;
}

/// Its matches are several Envoy routes of one name.
#[tokio::test]
async fn the_matches_of_a_rule_in_istio_share_a_session() {
    let pods = pods::<3>();
    let envoy = GATEWAY.serve(&pods, &keys::fresh().unwrap()).await;
    let client = GATEWAY.client(&envoy);
    for _ in 0..4 {
        let first = client.get("/cart").await.unwrap();
        let cookie = format!("session={}", token(&first).unwrap());
        for _ in 0..5 {
            let answer = client.get_with("/basket", &[("cookie", &cookie)]).await.unwrap();
            assert_eq!((pod(&answer), token(&answer)), (pod(&first), None));
        }
    }
}

/// Another route has a rule of the same name. Envoy's routes must not.
#[tokio::test]
async fn a_route_without_sessions_in_istio_has_none() {
    let pods = pods::<3>();
    let envoy = GATEWAY.serve(&pods, &keys::fresh().unwrap()).await;
    let answer = GATEWAY.client(&envoy).get("/plain").await.unwrap();
    pod(&answer);
    assert_eq!(token(&answer), None, "{answer:?}");
}

#[tokio::test]
async fn backends_in_istio_do_not_see_the_pin() {
    let pods = pods::<3>();
    let envoy = GATEWAY.serve(&pods, &keys::fresh().unwrap()).await;
    let client = GATEWAY.client(&envoy);
    for (path, _) in GATEWAY.rules {
        let token = token(&client.get(path).await.unwrap()).unwrap();
        let cookie = format!("session={token}");
        let answer = client.get_with(path, &[("cookie", &cookie), ("session", &token)]).await.unwrap();
        assert!(answer.echoed("X-Session-Persistence-Pin").is_empty(), "{answer:?}");
    }
}

#[test]
fn the_envoys_of_a_gateway_in_istio_get_the_keys() {
    let printed = GATEWAY.printed();
    let pods = &printed["deployments"][0]["spec"]["template"];
    let environment = &pods["spec"]["containers"][0]["env"];
    let keys = json!({"name": "session-keys", "key": "SESSION_KEYS"});
    let expected = json!({"name": "SESSION_KEYS", "valueFrom": {"secretKeyRef": keys}});
    assert!(environment.as_array().unwrap().contains(&expected), "{environment}");
    // Only pods with the label get the filter.
    assert_eq!(pods["metadata"]["labels"], json!({"session-persistence.dev/keys": "default"}));
    let filter = &printed["extensions"][0]["typedConfig"]["config"];
    assert_eq!(filter["failurePolicy"], "FAIL_RELOAD");
    assert_eq!(filter.pointer("/vmConfig/environmentVariables/hostEnvKeys"), Some(&json!(["SESSION_KEYS"])));
}

#[tokio::test]
async fn backends_in_istio_do_not_see_hidden_tokens() {
    let pods = pods::<3>();
    let envoy = GATEWAY.serve(&pods, &keys::fresh().unwrap()).await;
    let client = GATEWAY.client(&envoy);
    for path in ["/hidden/cart", "/hidden/room"] {
        let first = client.get(path).await.unwrap();
        let token = token(&first).unwrap();
        let cookie = format!("one=1; session={token}; two=2");
        for _ in 0..5 {
            let answer = client.get_with(path, &[("cookie", &cookie), ("session", &token)]).await.unwrap();
            assert_eq!(pod(&answer), pod(&first), "{path}");
            let seen = [answer.echoed("Cookie"), answer.echoed("Session")].concat();
            let others = if path == "/hidden/cart" { vec!["one=1; two=2", &*token] } else { vec![&*cookie] };
            assert_eq!(seen, others, "{path}");
        }
    }
}

/// With a label of its Service, istiod sends the endpoint of a pod that terminates.
#[tokio::test]
async fn a_pod_that_terminates_in_istio_keeps_its_sessions_and_gets_no_new_ones() {
    let pods = pods::<3>();
    let keys = keys::fresh().unwrap();
    let envoy = GATEWAY.serve(&pods, &keys).await;
    let client = GATEWAY.client(&envoy);
    let leaving = Mint::of(&GATEWAY.rule("default.leaving.6511ae5c61492290"), &keys).fresh(pods[0].address());
    let cookie = format!("session={leaving}");
    for _ in 0..5 {
        let answer = client.get_with("/leaving", &[("cookie", &cookie)]).await.unwrap();
        assert_eq!((pod(&answer), token(&answer)), (pods[0].pod().pod.clone(), None));
    }
    for _ in 0..12 {
        assert_ne!(pod(&client.get("/leaving").await.unwrap()), pods[0].pod().pod);
    }
}

#[tokio::test]
async fn istio_authorizes_a_request_before_it_has_a_session() {
    let pods = pods::<3>();
    let envoy = GATEWAY.serve(&pods, &keys::fresh().unwrap()).await;
    let client = GATEWAY.client(&envoy);
    let rejected = || async {
        let counters = envoy.admin().stats("session_persistence.rejected.").await.unwrap();
        counters.values().sum::<u64>()
    };
    for path in ["/cart/denied", "/cart/allowed"] {
        let before = rejected().await;
        let answer = client.get_with(path, &[("cookie", "session=forged")]).await.unwrap();
        // Of a denied request, the filter does not even look at the token.
        let is_denied = path == "/cart/denied";
        assert_eq!((answer.status == 403, token(&answer).is_none()), (is_denied, is_denied), "{answer:?}");
        assert_eq!(rejected().await - before, u64::from(!is_denied), "{path}");
    }
}

/// Both serve the same routes.
#[tokio::test]
async fn two_ports_in_istio_have_filters_of_their_own() {
    let pods = pods::<3>();
    let envoy = GATEWAY.serve(&pods, &keys::fresh().unwrap()).await;
    let mut attributes = Vec::new();
    let mut homes = Vec::new();
    let mut cookie = String::new();
    for listener in ["0.0.0.0_8080", "0.0.0.0_8081"] {
        let client = Client::new(envoy.listener(listener).unwrap());
        let answer = client.get("/cart").await.unwrap();
        let set = answer.value("set-cookie").unwrap();
        attributes.push(set.split_once("; ").unwrap().1.to_owned());
        if cookie.is_empty() {
            cookie = format!("session={}", token(&answer).unwrap());
        }
        // A token of one port is one of the other.
        homes.push(pod(&client.get_with("/cart", &[("cookie", &cookie)]).await.unwrap()));
    }
    assert_eq!(attributes, ["Path=/; HttpOnly; SameSite=Lax", "Path=/; HttpOnly; SameSite=Strict"]);
    assert_eq!(homes[0], homes[1]);
}

#[tokio::test]
async fn a_session_on_a_listener_set_in_istio_has_one_pod() {
    let pods = pods::<3>();
    let envoy = GATEWAY.serve(&pods, &keys::fresh().unwrap()).await;
    let client = Client::new(envoy.listener("0.0.0.0_8082").unwrap());
    for _ in 0..4 {
        let first = client.get("/added").await.unwrap();
        let cookie = format!("session={}", token(&first).unwrap());
        for _ in 0..5 {
            let again = client.get_with("/added", &[("cookie", &cookie)]).await.unwrap();
            assert_eq!((pod(&again), token(&again)), (pod(&first), None));
        }
    }
}
