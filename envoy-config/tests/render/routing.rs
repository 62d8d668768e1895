//! Which requests go where, and through which filters.

use envoy_config::model::Cluster;
use envoy_config::render::render;
use serde_json::{Value, json};
use session_persistence::config::PluginConfig;

use crate::models::{address, cluster, cookie_rule, everything, header_rule, options, single};
use crate::{connection_manager, rendered, routes};

#[test]
fn matches_are_written_in_envoys_words() {
    let bootstrap = rendered(&everything());
    let regex = |text: &str| json!({"safe_regex": {"regex": text}});
    assert_eq!(
        routes(&bootstrap)[0]["match"],
        json!({
            "path": "/login",
            "headers": [
                {"name": ":method", "string_match": {"exact": "POST"}},
                {"name": "x-version", "string_match": {"exact": "2"}},
                {"name": "user-agent", "string_match": regex(".*curl/[0-9]+.*")},
            ],
            "query_parameters": [
                {"name": "debug", "string_match": {"exact": "yes"}},
                {"name": "page", "string_match": regex("[0-9]{1,3}")},
            ],
        })
    );
    assert_eq!(routes(&bootstrap)[1]["match"], json!({"path_separated_prefix": "/shop"}));
    assert_eq!(routes(&bootstrap)[2]["match"], regex("/v[0-9]+/.*"));
    assert_eq!(routes(&bootstrap)[3]["match"], json!({"prefix": "/"}));
    assert_eq!(routes(&bootstrap)[3]["direct_response"], json!({"status": 500}));
    let hosts = connection_manager(&bootstrap)["route_config"]["virtual_hosts"].as_array().unwrap();
    let domains: Vec<_> = hosts.iter().map(|host| &host["domains"][0]).collect();
    assert_eq!(domains, ["example.com", "*.example.com", "*"]);
}

#[test]
fn the_filter_runs_on_persistent_routes_alone() {
    let bootstrap = rendered(&everything());
    for (route, persistent) in routes(&bootstrap).as_array().unwrap().iter().zip([true, true, false, false]) {
        let switched = route["typed_per_filter_config"]["session-persistence"].is_object();
        assert_eq!(switched, persistent, "{route}");
    }
    assert_eq!(connection_manager(&bootstrap)["http_filters"][0]["disabled"], true);
}

#[test]
fn the_plugin_reads_the_rules_of_its_listener() {
    let bootstrap = rendered(&everything());
    let plugin = &connection_manager(&bootstrap)["http_filters"][0]["typed_config"]["config"];
    let config = PluginConfig::parse(plugin["configuration"]["value"].as_str().unwrap().as_bytes()).unwrap();
    let rules = [("default/a/0/0", header_rule()), ("default/a/0/1", cookie_rule())];
    assert_eq!(config.rules, rules.map(|(name, rule)| (name.to_owned(), rule)).into());
}

#[test]
fn the_first_persistent_rule_changes_no_filter_but_the_rules() {
    let with = single(cluster("a", Vec::new()));
    let without = single(Cluster { persistent: false, ..cluster("a", Vec::new()) });
    let chain = |model| {
        let mut bootstrap = rendered(model);
        let manager = &mut bootstrap["static_resources"]["listeners"][0]["filter_chains"][0]["filters"][0]["typed_config"];
        manager["http_filters"][0]["typed_config"]["config"]["configuration"] = Value::Null;
        manager["route_config"] = Value::Null;
        bootstrap["static_resources"]["listeners"].clone()
    };
    assert_eq!(chain(&with), chain(&without));
}

#[test]
fn envoy_is_told_where_its_module_and_its_admin_interface_are() {
    let mut options = options();
    options.module = String::from("/etc/envoy/yes.wasm");
    options.admin = address("[::1]:9000").into();
    let bootstrap: Value = serde_saphyr::from_str(&render(&everything(), &options)).unwrap();
    let socket = &bootstrap["admin"]["address"]["socket_address"];
    assert_eq!(*socket, json!({"address": "::1", "port_value": 9000}));
    let plugin = &connection_manager(&bootstrap)["http_filters"][0]["typed_config"]["config"];
    assert_eq!(plugin["vm_config"]["code"]["local"]["filename"], "/etc/envoy/yes.wasm");
}
