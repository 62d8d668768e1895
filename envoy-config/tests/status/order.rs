//! Statuses for programs: the same in every order of the input, and in the shape of the API.

use envoy_config::status::{json, table};

use super::{BACKEND, BASE, gateway, route, statuses};

#[test]
fn statuses_do_not_depend_on_the_order_of_documents() {
    let documents = [
        BASE.to_owned(),
        gateway("second", "[{name: http, protocol: HTTP, port: 81}]"),
        route("b", "parentRefs: [{name: eg}, {name: second}]", BACKEND),
        route("a", "parentRefs: [{name: second}]", "{name: gone, port: 1}"),
        route("c", "parentRefs: [{name: gone}], hostname: x", BACKEND),
    ];
    let forward: Vec<&str> = documents.iter().map(String::as_str).collect();
    let backward: Vec<&str> = forward.iter().rev().copied().collect();
    let (forward, backward) = (statuses(&forward), statuses(&backward));
    assert_eq!(json::write(&forward).unwrap(), json::write(&backward).unwrap());
    assert_eq!(table::write(&forward), table::write(&backward));
    let kinds: Vec<&str> = forward.iter().map(|one| one.kind).collect();
    assert_eq!(kinds, ["GatewayClass", "Gateway", "Gateway", "HTTPRoute", "HTTPRoute", "HTTPRoute"]);
}

#[test]
fn json_has_the_api_shape_without_times_and_generations() {
    let text = json::write(&statuses(&[BASE, &route("r", "parentRefs: [{name: eg}]", BACKEND)])).unwrap();
    let list: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&list["apiVersion"], &list["kind"]), (&"v1".into(), &"List".into()));
    let route = &list["items"][2];
    assert_eq!(route["apiVersion"], "gateway.networking.k8s.io/v1");
    assert_eq!(route["metadata"], serde_json::json!({"namespace": "default", "name": "r"}));
    assert_eq!(
        route["status"]["parents"][0]["parentRef"],
        serde_json::json!({"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "eg"})
    );
    assert_eq!(
        route["status"]["parents"][0]["conditions"][0],
        serde_json::json!({"type": "Accepted", "status": "True", "reason": "Accepted", "message": ""})
    );
    assert_eq!(list["items"][0]["metadata"], serde_json::json!({"name": "eg"}));
    let listener = &list["items"][1]["status"]["listeners"][0];
    assert_eq!((&listener["name"], &listener["attachedRoutes"]), (&"http".into(), &1.into()));
    assert_eq!(listener["supportedKinds"][0]["kind"], "HTTPRoute");
}

#[test]
fn the_table_has_100_columns_and_no_control_characters() {
    let long = "gone-".repeat(11);
    let backends: Vec<String> = (0..9).map(|number| format!("{{name: {long}{number}, port: 1}}")).collect();
    let found = statuses(&[
        BASE,
        &route("r", "parentRefs: [{name: eg}]", &backends.join(", ")),
        &route("\"a\\u001b[31m\"", "parentRefs: [{name: eg}]", BACKEND),
    ]);
    let table = table::write(&found);
    assert!(table.lines().all(|line| line.chars().count() <= 100), "{table}");
    assert!(!table.contains('\u{1b}'), "{table}");
    assert!(table.contains("gone-8"), "nothing is left out:\n{table}");
}
