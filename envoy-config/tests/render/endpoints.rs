//! Clusters: endpoints, weights, draining, and errors for backends that cannot serve.

use envoy_config::model::{Cluster, Endpoint, EndpointState, Endpoints, HttpVersion, Model, Traffic};
use serde_json::{Value, json};

use crate::models::{cluster, draining, hostname, locality, serving, single};
use crate::{rendered, routes};

fn addresses(endpoints: &[Endpoint]) -> Endpoints {
    Endpoints::Addresses(endpoints.to_vec())
}

/// The localities of the only cluster.
fn localities(model: &Model) -> Value {
    rendered(model)["static_resources"]["clusters"][0]["load_assignment"]["endpoints"].clone()
}

#[test]
fn only_persistent_clusters_have_the_override_host_policy() {
    let policy = |persistent| {
        let bootstrap = rendered(&single(Cluster { persistent, ..cluster("a", Vec::new()) }));
        let policies = &bootstrap["static_resources"]["clusters"][0]["load_balancing_policy"]["policies"];
        policies[0]["typed_extension_config"].clone()
    };
    let (pinned, plain) = (policy(true), policy(false));
    assert_eq!(pinned["name"], "envoy.load_balancing_policies.override_host");
    assert_eq!(pinned["typed_config"]["fallback_policy"]["policies"][0]["typed_extension_config"], plain);
}

#[test]
fn a_draining_endpoint_keeps_its_sessions_and_gets_no_new_ones() {
    let model = single(cluster(
        "a",
        vec![locality("v1", 1, addresses(&[serving("10.0.0.1:80"), draining("10.0.0.2:80")]))],
    ));
    let endpoints = &localities(&model)[0]["lb_endpoints"];
    assert_eq!(endpoints[0]["health_status"], Value::Null);
    assert_eq!(endpoints[1]["health_status"], "DRAINING");
}

#[test]
fn draining_endpoints_get_new_sessions_if_there_are_no_others() {
    let model = single(cluster(
        "a",
        vec![
            locality("v1", 1, addresses(&[draining("10.0.0.1:80")])),
            locality("v2", 0, addresses(&[serving("10.0.0.2:80"), draining("10.0.0.3:80")])),
        ],
    ));
    let localities = localities(&model);
    assert_eq!(localities[0]["lb_endpoints"][0]["health_status"], Value::Null);
    assert_eq!(localities[1]["lb_endpoints"][1]["health_status"], "DRAINING");
}

#[test]
fn the_second_address_of_a_pod_gets_no_new_sessions() {
    let other = Endpoint { state: EndpointState::Alternative, ..serving("[fd00::1]:80") };
    for first in [serving("10.0.0.1:80"), draining("10.0.0.1:80")] {
        let model = single(cluster("a", vec![locality("v1", 1, addresses(&[first, other.clone()]))]));
        let endpoints = &localities(&model)[0]["lb_endpoints"];
        assert_eq!(endpoints[0]["health_status"], Value::Null);
        assert_eq!(endpoints[1]["health_status"], "DRAINING");
    }
}

#[test]
fn a_locality_with_weight_0_keeps_its_endpoints() {
    let model = single(cluster(
        "a",
        vec![
            locality("v1", 3, addresses(&[serving("10.0.0.1:80")])),
            locality("v2", 0, addresses(&[serving("10.0.0.2:80")])),
        ],
    ));
    let localities = localities(&model);
    assert_eq!(localities[0]["load_balancing_weight"], 3);
    assert_eq!(localities[1]["load_balancing_weight"], Value::Null);
    assert_eq!(localities[1]["lb_endpoints"].as_array().unwrap().len(), 1);
}

/// The name and status of the internal listener that answers with an error.
fn error_listener(model: &Model) -> Option<(String, u64)> {
    let bootstrap = rendered(model);
    let refusing = bootstrap["static_resources"]["listeners"].get(1)?;
    let manager = &refusing["filter_chains"][0]["filters"][0]["typed_config"];
    let response = &manager["route_config"]["virtual_hosts"][0]["routes"][0]["direct_response"];
    assert!(bootstrap["bootstrap_extensions"].is_array());
    Some((refusing["name"].as_str().unwrap().to_owned(), response["status"].as_u64().unwrap()))
}

#[test]
fn unresolved_backends_keep_their_weight_and_answer_500() {
    let model = single(cluster(
        "a",
        vec![
            locality("v1", 1, addresses(&[serving("10.0.0.1:80")])),
            locality("v2", 2, Endpoints::Unresolved),
            locality("v3", 3, Endpoints::Unresolved),
        ],
    ));
    let (name, status) = error_listener(&model).unwrap();
    assert_eq!(status, 500);
    let localities = localities(&model);
    for (locality, id, weight) in [(&localities[1], "v2", 2), (&localities[2], "v3", 3)] {
        assert_eq!(locality["load_balancing_weight"], weight);
        let address = &locality["lb_endpoints"][0]["endpoint"]["address"];
        assert_eq!(
            address["envoy_internal_address"],
            json!({"server_listener_name": name, "endpoint_id": id})
        );
    }
}

#[test]
fn new_sessions_get_an_error_if_all_weights_are_0_or_without_endpoints() {
    let retired = || locality("v1", 0, addresses(&[serving("10.0.0.1:80")]));
    let empty = locality("v2", 1, addresses(&[]));
    let status = |localities| error_listener(&single(cluster("a", localities))).map(|(_, status)| status);
    assert_eq!(status(vec![retired()]), Some(500));
    assert_eq!(status(vec![retired(), empty.clone()]), Some(503));
    assert_eq!(status(vec![retired(), locality("v3", 1, addresses(&[serving("10.0.0.3:80")]))]), None);
}

#[test]
fn dns_clusters_sample_errors_before_routing() {
    let shared = || {
        vec![
            locality("v1", 3, hostname("v1.default.svc.cluster.local", 80)),
            locality("v2", 1, Endpoints::Unresolved),
        ]
    };
    let model = single(cluster("a", shared()));
    assert_eq!(error_listener(&model), None);
    assert_eq!(localities(&model).as_array().unwrap().len(), 1);
    let bootstrap = rendered(&model);
    let refused = &routes(&bootstrap)[0];
    assert_eq!(refused["direct_response"]["status"], 500);
    assert_eq!(
        refused["match"]["runtime_fraction"]["default_value"],
        json!({"numerator": 250_000, "denominator": "MILLION"})
    );
    assert_eq!(
        refused["match"]["headers"],
        json!([{
            "name": "cookie",
            "string_match": {"safe_regex": {"regex": r"(?:.*[;,])?[ \t]*Session\-A[ \t]*=.*"}},
            "invert_match": true,
            "treat_missing_header_as_empty": true,
        }])
    );
    assert_eq!(routes(&bootstrap)[1]["route"]["cluster"], "a");
}

#[test]
fn clusters_with_hostnames_use_dns() {
    let discovery = |endpoints| {
        let model = single(cluster("a", vec![locality("v1", 1, endpoints)]));
        let bootstrap = rendered(&model);
        let cluster = &bootstrap["static_resources"]["clusters"][0];
        (cluster["type"].clone(), cluster["cluster_type"]["name"].clone())
    };
    assert_eq!(discovery(hostname("web", 80)), (Value::Null, json!("envoy.clusters.dns")));
    assert_eq!(discovery(addresses(&[serving("[::1]:80")])), (json!("STATIC"), Value::Null));
}

#[test]
fn clusters_set_the_http_version() {
    let config = |version| {
        let bootstrap = rendered(&single(Cluster { version, ..cluster("a", Vec::new()) }));
        let options = &bootstrap["static_resources"]["clusters"][0]["typed_extension_protocol_options"];
        options["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"]["explicit_http_config"].clone()
    };
    assert_eq!(config(HttpVersion::Http1), json!({"http_protocol_options": {}}));
    let http2 = json!({
        "max_concurrent_streams": 100,
        "initial_stream_window_size": 256 << 10,
        "initial_connection_window_size": (256 << 10) * 100,
    });
    assert_eq!(config(HttpVersion::Http2), json!({"http2_protocol_options": http2}));
}

#[test]
fn unresolved_backends_answer_500_for_http_and_503_for_grpc() {
    for (traffic, listener) in [(Traffic::Http, "refuse-500"), (Traffic::Grpc, "refuse-503")] {
        for weight in [1, 0] {
            let backends = vec![
                locality("gone", weight, Endpoints::Unresolved),
                locality("v1", weight, addresses(&[serving("10.0.0.1:80")])),
            ];
            let bootstrap = rendered(&single(Cluster { traffic, ..cluster("a", backends) })).to_string();
            assert!(bootstrap.contains(listener), "{bootstrap}");
        }
    }
}

#[test]
fn backends_without_endpoints_answer_503_and_draining_backends_keep_their_weight() {
    let model = single(cluster(
        "a",
        vec![
            locality("empty", 3, addresses(&[])),
            locality("retired", 0, addresses(&[])),
            locality("draining", 2, addresses(&[draining("10.0.0.1:80")])),
            locality("serving", 1, addresses(&[serving("10.0.0.2:80"), draining("10.0.0.3:80")])),
        ],
    ));
    let localities = localities(&model);
    let weights: Vec<_> = localities
        .as_array()
        .unwrap()
        .iter()
        .map(|one| (one["locality"]["sub_zone"].as_str().unwrap(), one["load_balancing_weight"].as_u64()))
        .collect();
    assert_eq!(weights, [("empty", Some(3)), ("draining", Some(2)), ("serving", Some(1))]);
    let address = &localities[0]["lb_endpoints"][0]["endpoint"]["address"]["envoy_internal_address"];
    assert_eq!(address["server_listener_name"], "refuse-503");
    assert_eq!(localities[1]["lb_endpoints"][0]["health_status"], Value::Null);
    assert_eq!(localities[2]["lb_endpoints"][1]["health_status"], "DRAINING");
}

#[test]
fn dns_clusters_add_up_the_fractions_of_errors() {
    let sampled = |others: Vec<envoy_config::model::Locality>| {
        let all = others.into_iter().chain([locality("name", 1, hostname("a.example", 80))]).collect();
        let first = routes(&rendered(&single(cluster("a", all))))[0].clone();
        let fraction = first["match"]["runtime_fraction"]["default_value"]["numerator"].clone();
        (first["direct_response"]["status"].clone(), fraction)
    };
    let (empty, gone) = (locality("empty", 1, addresses(&[])), locality("gone", 2, Endpoints::Unresolved));
    assert_eq!(sampled(vec![empty.clone()]), (json!(503), json!(500_000)));
    assert_eq!(sampled(vec![empty, gone]), (json!(500), json!(750_000)));
}
