//! The configuration as files that Envoy watches.

use std::sync::Arc;

use envoy_config::model::{CaCertificates, Domain, Endpoints, Model, Protocol, UpstreamTls};
use envoy_config::render::files::{self, File, Files, Location};
use envoy_config::render::render;
use serde_json::{Value, json};
use session_persistence::config::Pin;

use crate::envoy_protos;
use crate::models::{
    certificate, cluster, cookie_rule, everything, forward, header_rule, host, https, locality, options,
    outlier_detection, prefix, route, serving, single, site,
};

fn rendered(model: &Model) -> Files {
    files::render(model, location(100), &options()).unwrap()
}

fn location(watched: usize) -> Location<'static> {
    Location { directory: "/etc/xds", watched }
}

fn all(files: &Files) -> Vec<&File> {
    let collections = [&files.listeners, &files.clusters].into_iter();
    collections.chain(&files.routes).chain(&files.endpoints).chain(&files.secrets).collect()
}

fn resources(file: &File) -> Vec<Value> {
    let document: Value = serde_saphyr::from_str(&file.text).unwrap();
    document["resources"].as_array().unwrap().clone()
}

/// Every path of a `path_config_source` in these resources.
fn sources(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            if let Some(source) = fields.get("path_config_source") {
                assert_eq!(fields["resource_api_version"], "V3");
                found.push(source["path"].as_str().unwrap().to_owned());
            }
            fields.values().for_each(|value| sources(value, found));
        }
        Value::Array(values) => values.iter().for_each(|value| sources(value, found)),
        _ => {}
    }
}

/// One cluster with an endpoint at this address and this weight.
fn model(address: &str, weight: u32) -> Model {
    let endpoints = Endpoints::Addresses(vec![serving(address)]);
    single(cluster("default/a/0", vec![locality("default/a:80", weight, endpoints)]))
}

/// An HTTPS listener with this certificate.
fn secure(body: &str) -> Model {
    let site = site(Domain::Any, Vec::new());
    let site = envoy_config::model::Site { certificates: vec![certificate(body)], ..site };
    Model { listeners: vec![https(8443, vec![site])], clusters: Vec::new() }
}

#[test]
fn every_file_is_valid_for_envoys_definitions() {
    let files = rendered(&everything());
    envoy_protos::check(&files.bootstrap.text).unwrap();
    for file in all(&files) {
        envoy_protos::check_response(&file.text).unwrap_or_else(|problem| panic!("{}: {problem}", file.path));
    }
    assert!(envoy_protos::check_response("resources: [{name: a}]").is_err());
}

#[test]
fn the_bootstrap_loads_the_filter_so_that_envoy_checks_its_keys() {
    let text = rendered(&model("10.0.0.1:80", 1)).bootstrap.text;
    assert_eq!(text.matches("host_env_keys").count(), 1, "{text}");
    assert_eq!(text.matches("disabled: true").count(), 1, "{text}");
}

#[test]
fn sources_name_every_file_once() {
    let files = rendered(&everything());
    let mut named = Vec::new();
    sources(&serde_saphyr::from_str(&files.bootstrap.text).unwrap(), &mut named);
    for file in [&files.listeners, &files.clusters] {
        for resource in resources(file) {
            sources(&resource, &mut named);
        }
    }
    named.sort();
    // The sites of one listener use the same Secret.
    named.dedup();
    let mut written: Vec<String> = all(&files).iter().map(|file| format!("/etc/xds/{}", file.path)).collect();
    written.sort();
    assert_eq!(named, written);
}

#[test]
fn a_change_of_endpoints_or_weights_changes_one_endpoint_file() {
    let before = rendered(&model("10.0.0.1:80", 1));
    let empty = Endpoints::Addresses(Vec::new());
    let without_endpoints = single(cluster("default/a/0", vec![locality("default/a:80", 1, empty)]));
    for changed in [model("10.0.0.2:80", 1), model("10.0.0.1:80", 0), without_endpoints] {
        let after = rendered(&changed);
        assert_ne!(after.endpoints, before.endpoints);
        assert_eq!(after.endpoints[0].path, before.endpoints[0].path);
        assert_eq!(Files { endpoints: before.endpoints.clone(), ..after }, before);
    }
}

#[test]
fn a_change_of_sessions_changes_one_route_file() {
    let with = |rule| {
        let routes = vec![route("default/a/0/0", prefix("/"), forward("default/a/0"), rule)];
        let mut model = model("10.0.0.1:80", 1);
        model.listeners[0].protocol = Protocol::Http { virtual_hosts: vec![host(Domain::Any, routes)] };
        rendered(&model)
    };
    let before = with(Some(cookie_rule()));
    for rule in [Some(header_rule()), None] {
        let after = with(rule);
        assert_ne!(after.routes, before.routes);
        assert_eq!(after.routes[0].path, before.routes[0].path);
        assert_eq!(Files { routes: before.routes.clone(), ..after }, before);
    }
}

#[test]
fn a_renewed_certificate_changes_one_secret_file() {
    let (before, after) = (rendered(&secure("MAMCAQE=")), rendered(&secure("MAMCAQI=")));
    assert_ne!(after.secrets, before.secrets);
    assert_eq!(after.secrets[0].path, before.secrets[0].path);
    assert_eq!(Files { secrets: before.secrets.clone(), ..after }, before);
}

#[test]
fn private_keys_are_in_secret_files_only() {
    let files = rendered(&secure("MAMCAQE="));
    let has_key = |file: &&File| file.text.contains("PRIVATE KEY");
    assert!(files.secrets.iter().all(|file| has_key(&file)));
    assert_eq!(all(&files).into_iter().filter(has_key).count(), files.secrets.len());
    assert!(!has_key(&&files.bootstrap));
}

#[test]
fn client_certificates_for_backends_are_in_secret_files_only() {
    let mut model = model("10.0.0.1:443", 1);
    model.clusters[0].localities[0].tls = Some(Arc::new(UpstreamTls {
        server_name: String::from("a.example"),
        ca_certificates: CaCertificates::System,
        names: Vec::new(),
        client_certificate: Some(Arc::new(certificate("MAMCAQE="))),
    }));
    assert!(model.holds_keys());
    let files = rendered(&model);
    let has_key = |file: &&File| file.text.contains("PRIVATE KEY");
    assert_eq!(files.secrets.iter().filter(has_key).count(), 1);
    assert_eq!(all(&files).into_iter().filter(has_key).count(), 1);
    assert!(files.clusters.text.contains("tls_certificate_sds_secret_configs"), "{}", files.clusters.text);
    assert!(render(&model, &options()).unwrap().contains("PRIVATE KEY"));
}

/// With the old settings, Envoy would send plaintext to an endpoint that selects new ones, or the other way round.
#[test]
fn a_cluster_with_other_settings_has_another_endpoint_file() {
    let with = |tls: Option<&str>| {
        let mut model = model("10.0.0.1:80", 1);
        model.clusters[0].localities[0].tls = tls.map(|name| {
            let ca_certificates = CaCertificates::System;
            Arc::new(UpstreamTls {
                server_name: name.to_owned(),
                ca_certificates,
                names: Vec::new(),
                client_certificate: None,
            })
        });
        rendered(&model).endpoints[0].path.clone()
    };
    let paths = [with(None), with(Some("a.example")), with(Some("b.example"))];
    assert!(paths[0] != paths[1] && paths[1] != paths[2] && paths[0] != paths[2], "{paths:?}");
}

#[test]
fn clusters_are_named_by_identity_and_by_their_pin() {
    let mut model = model("10.0.0.1:80", 1);
    model.clusters[0].identity = String::from("default/a#cart");
    let names = |model: &Model, pin| {
        let files = files::render(model, location(100), &envoy_config::render::Options { pin, ..options() });
        let files = files.unwrap();
        let cluster = resources(&files.clusters)[0]["name"].clone();
        let route = &resources(&files.routes[0])[0]["virtual_hosts"][0]["routes"][0];
        assert_eq!(route["route"]["cluster"], cluster);
        assert_eq!(resources(&files.endpoints[0])[0]["cluster_name"], cluster);
        cluster
    };
    assert_eq!(names(&model, Pin::Metadata), json!("default/a#cart"));
    assert_eq!(names(&model, Pin::StatefulSession), json!("default/a#cart+stateful-session"));
    assert!(render(&model, &options()).unwrap().contains("name: default/a/0"), "unlike in the bootstrap");
    // A cluster whose health Envoy judges has this pin in any case.
    model.clusters[0].settings.health.outliers = Some(outlier_detection());
    assert_eq!(names(&model, Pin::Metadata), json!("default/a#cart+stateful-session"));
}

#[test]
fn dns_names_stay_in_their_cluster() {
    let dns = Endpoints::Names(vec![envoy_config::model::Name { host: String::from("a.example"), port: 80 }]);
    let files = rendered(&single(cluster("default/a/0", vec![locality("default/a:80", 1, dns)])));
    assert!(files.endpoints.is_empty());
    assert!(files.clusters.text.contains("a.example"));
}

/// Envoy ends when the system lets it watch no more files.
#[test]
fn no_more_files_are_watched_than_allowed() {
    let model = model("10.0.0.1:80", 1);
    // Listeners, clusters, routes, endpoints.
    let watched = |limit| all(&files::render(&model, location(limit), &options()).unwrap()).len();
    assert_eq!([watched(4), watched(3)], [4, 3]);
    let files = files::render(&model, location(3), &options()).unwrap();
    assert!(files.clusters.text.contains("10.0.0.1"));
    envoy_protos::check_response(&files.clusters.text).unwrap();
}

#[test]
fn long_and_unusual_names_make_names_of_files() {
    let name = format!("default/{}#§ {}", "a".repeat(253), "b".repeat(253));
    let mut model = model("10.0.0.1:80", 1);
    model.clusters[0].identity = name;
    let path = rendered(&model).endpoints[0].path.clone();
    let file = path.strip_prefix("endpoints/").unwrap();
    assert!(file.len() < 200 && file.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/'), "{file}");
}
