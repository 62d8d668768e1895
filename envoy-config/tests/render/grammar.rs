//! Every model renders to a valid bootstrap, in which all strings are unchanged.

use envoy_config::model::{
    Action, Cluster, Domain, Endpoint, EndpointState, Endpoints, Model, Name, PathMatch, RouteMatch,
};
use envoy_config::render::render;
use proptest::prelude::*;
use serde_json::json;
use session_persistence::config::Rule;

use crate::models::{
    cluster, cookie_rule, everything, exact, forward, header_rule, host, listener, locality, options, prefix,
    route,
};
use crate::{envoy_protos, plugin_rule, rendered, routes};

#[test]
fn a_model_with_all_features_renders_to_a_valid_bootstrap() {
    rendered(&everything());
}

#[test]
fn an_empty_model_renders_to_a_valid_bootstrap() {
    rendered(&Model { listeners: Vec::new(), clusters: Vec::new() });
}

#[test]
fn the_validator_rejects_misspelled_fields() {
    let text = render(&everything(), &options()).unwrap();
    let fields = [
        "static_resources:",
        "port_value:",
        "request_headers_to_remove:",
        "typed_per_filter_config:",
        "inline_string:",
        "path_separated_prefix:",
        "retry_on:",
        "host_env_keys:",
        "failure_policy:",
        "metadata_namespace:",
        "suppress_envoy_headers:",
        "dns_refresh_rate:",
        "override_host_sources:",
        "locality_weighted_lb_config:",
        "health_status:",
        "server_listener_name:",
        "listener_filters:",
        "server_names:",
        "transport_socket:",
        "alpn_protocols:",
        "tls_minimum_protocol_version:",
        "certificate_chain:",
        "private_key:",
    ];
    for field in fields {
        assert!(text.contains(field), "{field}");
        let misspelt = text.replacen(field, &format!("x{field}"), 1);
        assert!(envoy_protos::check(&misspelt).is_err(), "{field}");
    }
}

#[test]
fn the_validator_rejects_unknown_messages_and_values() {
    let text = render(&everything(), &options()).unwrap();
    for (word, other) in [
        ("header_to_metadata.v3.Config", "header_to_metadata.v3.Konfig"),
        ("FAIL_RELOAD", "FAIL_RELAOD"),
        ("0s", "soon"),
        ("TLSv1_2", "TLSv1_4"),
    ] {
        assert!(text.contains(word), "{word}");
        assert!(envoy_protos::check(&text.replacen(word, other, 1)).is_err(), "{other}");
    }
}

#[test]
fn strings_with_another_meaning_in_yaml_1_1_are_quoted() {
    let words = [
        "yes",
        "no",
        "on",
        "off",
        "Off",
        "y",
        "n",
        "true",
        "~",
        "null",
        "NaN",
        ".inf",
        "1",
        "+1",
        "1.",
        "1e3",
        "0x1",
        "0o7",
        "010",
        "0b11",
        "1_000",
        "12:30",
        "190:20:30",
        "2001-01-01",
        "<<",
        "=",
        "",
        " ",
        "-",
        "---",
        "a: b",
        "a #b",
        "#",
        "*a",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "{a}",
        "[a]",
        "|",
        ">",
        "?",
        "'",
        "\"",
        "a\nb",
        "\t",
        "\u{2028}",
    ];
    for word in words {
        let matches = RouteMatch {
            path: prefix("/"),
            method: None,
            headers: vec![exact("x", word)],
            query: Vec::new(),
        };
        let route =
            envoy_config::model::Route { matches, ..route("r", prefix("/"), Action::Respond(200), None) };
        let model = Model {
            listeners: vec![listener(80, vec![host(Domain::Any, vec![route])])],
            clusters: Vec::new(),
        };
        let text = render(&model, &options()).unwrap();
        let written = text.lines().find_map(|line| line.trim_start().strip_prefix("exact: ")).unwrap();
        assert!(written.starts_with(['"', '\'']), "{word:?} is written as {written}");
        assert_eq!(routes(&rendered(&model))[0]["match"]["headers"][0]["string_match"]["exact"], word);
    }
}

fn endpoints() -> impl Strategy<Value = Endpoints> {
    let state = prop_oneof![
        Just(EndpointState::Serving),
        Just(EndpointState::Draining),
        Just(EndpointState::Alternative)
    ];
    let endpoint = (any::<[u8; 4]>(), any::<u16>(), state).prop_map(|(ip, port, state)| Endpoint {
        address: (ip, port).into(),
        state,
        pod: None,
    });
    let name = ("[a-z]{1,9}", any::<u16>()).prop_map(|(host, port)| Name { host, port });
    prop_oneof![
        prop::collection::vec(endpoint, 0..4).prop_map(Endpoints::Addresses),
        prop::collection::vec(name, 1..4).prop_map(Endpoints::Names),
        Just(Endpoints::Unresolved),
    ]
}

/// Models of one route with arbitrary strings, where manifests can have them.
fn model() -> impl Strategy<Value = Model> {
    let localities = prop::collection::vec((0..=1_000_000_u32, endpoints()), 0..4);
    let path = prop_oneof![
        any::<String>().prop_map(PathMatch::Exact),
        any::<String>().prop_map(PathMatch::Prefix),
        any::<String>().prop_map(PathMatch::Regex),
    ];
    let persistence = prop_oneof![Just(None), Just(Some(cookie_rule())), Just(Some(header_rule()))];
    (localities, path, any::<(String, String, String)>(), persistence).prop_map(
        |(localities, path, (name, method, value), persistence)| {
            let named = localities.into_iter().enumerate();
            let localities =
                named.map(|(i, (weight, endpoints))| locality(&i.to_string(), weight, endpoints));
            let cluster =
                Cluster { persistent: persistence.is_some(), ..cluster(&name, localities.collect()) };
            let matches = RouteMatch {
                path,
                method: Some(method),
                headers: vec![exact("x", &value)],
                query: Vec::new(),
            };
            let route = envoy_config::model::Route {
                matches,
                ..route(&name, prefix("/"), forward(&name), persistence)
            };
            let listener = listener(80, vec![host(Domain::Exact(value), vec![route])]);
            Model { listeners: vec![listener], clusters: vec![cluster] }
        },
    )
}

proptest! {
    #[test]
    fn any_model_renders_to_a_valid_bootstrap_with_unchanged_strings(model in model()) {
        let bootstrap = rendered(&model);
        prop_assert_eq!(render(&model, &options()).unwrap(), render(&model.clone(), &options()).unwrap());
        let written = routes(&bootstrap).as_array().unwrap().last().unwrap();
        let route = &model.listeners[0].virtual_hosts().next().unwrap().routes[0];
        prop_assert_eq!(&written["name"], &json!(route.name));
        prop_assert_eq!(&written["match"]["headers"][0]["string_match"]["exact"], &json!(route.matches.method));
        if let PathMatch::Exact(path) = &route.matches.path {
            prop_assert_eq!(&written["match"]["path"], &json!(path));
        }
        let rule = plugin_rule(written).map(|config| config.rule);
        prop_assert_eq!(rule, route.persistence.clone().map(Rule::removed_by_route));
    }
}
