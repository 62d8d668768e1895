//! HTTPS listeners: a filter chain per site, found by the hostname of the handshake.

use envoy_config::model::{Domain, Model};
use envoy_config::pem::PrivateKey;
use serde_json::{Value, json};

use crate::models::{
    certificate, cluster, cookie_rule, everything, forward, host, https, prefix, route, single, site,
};
use crate::rendered;

fn listener(sites: Vec<envoy_config::model::Site>) -> Value {
    let model = Model { listeners: vec![https(8443, sites)], clusters: Vec::new() };
    rendered(&model)["static_resources"]["listeners"][0].clone()
}

#[test]
fn each_site_has_a_chain_for_its_hostname_with_its_certificate_and_routes() {
    let domains = [
        Domain::Exact(String::from("shop.example.com")),
        Domain::Wildcard(String::from("example.com")),
        Domain::Any,
    ];
    let sites = domains.into_iter().zip(["MAMCAQE=", "MAMCAQI=", "MAMCAQM="]).map(|(domain, body)| {
        let own = route(body, prefix("/"), forward("c"), Some(cookie_rule().secure()));
        let certificates = vec![certificate(body)];
        envoy_config::model::Site { certificates, ..site(domain.clone(), vec![host(domain, vec![own])]) }
    });
    let listener = listener(sites.collect());
    assert_eq!(listener["listener_filters"][0]["name"], json!("envoy.filters.listener.tls_inspector"));
    let chains = listener["filter_chains"].as_array().unwrap();
    let names: Vec<&Value> = chains.iter().map(|chain| &chain["filter_chain_match"]).collect();
    let server = |name: &str| json!({"server_names": [name]});
    assert_eq!(names, [&server("shop.example.com"), &server("*.example.com"), &Value::Null]);
    for (chain, body) in chains.iter().zip(["MAMCAQE=", "MAMCAQI=", "MAMCAQM="]) {
        let context = &chain["transport_socket"]["typed_config"]["common_tls_context"];
        let certificates = context["tls_certificates"].as_array().unwrap();
        assert_eq!(certificates.len(), 1);
        let key = certificates[0]["private_key"]["inline_string"].as_str().unwrap();
        assert_eq!(PrivateKey::parse(key.as_bytes()).unwrap(), certificate(body).key);
        assert_eq!(context["alpn_protocols"], json!(["h2", "http/1.1"]));
        let manager = &chain["filters"][0]["typed_config"];
        assert_eq!(manager["route_config"]["virtual_hosts"][0]["routes"][0]["name"], json!(body));
        let table = &manager["http_filters"][0]["typed_config"]["config"]["configuration"]["value"];
        let table: Value = serde_json::from_str(table.as_str().unwrap()).unwrap();
        assert_eq!(table["rules"][body]["cookie"]["secure"], json!(true));
        assert_eq!(table["rules"].as_object().unwrap().len(), 1);
    }
}

#[test]
fn nobody_waits_for_a_hostname_that_does_not_matter() {
    let listener = listener(vec![site(Domain::Any, Vec::new())]);
    assert_eq!(listener["listener_filters"], Value::Null);
    assert_eq!(listener["filter_chains"][0]["filter_chain_match"], Value::Null);
}

#[test]
fn only_a_model_with_https_holds_keys() {
    assert!(everything().holds_keys());
    assert!(!single(cluster("c", Vec::new())).holds_keys());
}
