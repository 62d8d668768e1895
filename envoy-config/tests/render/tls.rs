//! TLS: filter chains of HTTPS listeners, which Envoy chooses by hostname (SNI), and TLS to endpoints.

use std::sync::Arc;

use envoy_config::model::{CaCertificates, Domain, Endpoints, Locality, Model, SubjectName, UpstreamTls};
use envoy_config::pem::PrivateKey;
use serde_json::{Value, json};
use session_persistence::config::Carrier;

use crate::models::{
    certificate, cluster, cookie_rule, everything, forward, host, https, locality, prefix, route, serving,
    single, site,
};
use crate::{plugin_rule, rendered};

fn listener(sites: Vec<envoy_config::model::Site>) -> Value {
    let model = Model { listeners: vec![https(8443, sites)], clusters: Vec::new() };
    rendered(&model)["static_resources"]["listeners"][0].clone()
}

#[test]
fn each_site_has_a_filter_chain_with_its_hostname_certificate_and_routes() {
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
        let rule = plugin_rule(&manager["route_config"]["virtual_hosts"][0]["routes"][0]).unwrap().rule;
        assert!(matches!(rule.carrier(), Carrier::Cookie(cookie) if cookie.secure), "{rule:?}");
    }
}

#[test]
fn a_site_for_all_hostnames_needs_no_tls_inspector() {
    let listener = listener(vec![site(Domain::Any, Vec::new())]);
    assert_eq!(listener["listener_filters"], Value::Null);
    assert_eq!(listener["filter_chains"][0]["filter_chain_match"], Value::Null);
}

#[test]
fn only_models_with_https_contain_private_keys() {
    assert!(everything().holds_keys());
    assert!(!single(cluster("c", Vec::new())).holds_keys());
}

#[test]
fn endpoints_select_a_transport_socket_unless_plaintext_or_unresolved() {
    let tls = |host: &str, names: &[SubjectName]| {
        Some(Arc::new(UpstreamTls {
            server_name: host.to_owned(),
            ca_certificates: CaCertificates::System,
            names: names.to_vec(),
            client_certificate: None,
        }))
    };
    let at = |name: &str, tls| Locality {
        tls,
        ..locality(name, 1, Endpoints::Addresses(vec![serving("10.0.0.1:443")]))
    };
    let (a, b) = (
        tls("a", &[SubjectName::Host(String::from("a"))]),
        tls("b", &[SubjectName::AnyHostBelow(String::from("b.c")), SubjectName::Uri(String::from("d:e"))]),
    );
    let localities = vec![
        at("a", a.clone()),
        at("clear", None),
        at("b", b),
        at("a2", a),
        locality("gone", 1, Endpoints::Unresolved),
    ];
    let cluster = rendered(&single(cluster("c", localities)))["static_resources"]["clusters"][0].clone();
    let sockets = cluster["transport_socket_matches"].as_array().unwrap();
    let context = |number: usize| &sockets[number]["transport_socket"]["typed_config"];
    assert_eq!(sockets.len(), 2);
    assert_eq!((&context(0)["sni"], &context(1)["sni"]), (&json!("a"), &json!("b")));
    let names = &context(1)["common_tls_context"]["validation_context"]["match_typed_subject_alt_names"];
    let expected = json!([
        {"san_type": "DNS", "matcher": {"safe_regex": {"regex": r"[^.]+\.b\.c"}}},
        {"san_type": "URI", "matcher": {"exact": "d:e"}},
    ]);
    assert_eq!(names, &expected);
    let labels: Vec<_> = cluster["load_assignment"]["endpoints"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            let metadata = &one["lb_endpoints"][0]["metadata"]["filter_metadata"];
            metadata["envoy.transport_socket_match"]["tls"].as_str().map(str::to_owned)
        })
        .collect();
    let label = |number: usize| Some(sockets[number]["match"]["tls"].as_str().unwrap().to_owned());
    assert_eq!(labels, [label(0), None, label(1), label(0), None]);
}
