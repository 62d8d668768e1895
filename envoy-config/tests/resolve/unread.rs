//! Objects that could not be read are not reported as missing.

use super::{BASE, codes, compiled, faulty, only_cluster, prefix, route};
use envoy_config::model::Endpoints;
use envoy_config::options::Options;

fn codes_of(documents: &[&str]) -> Vec<&'static str> {
    codes(&compiled(documents, &Options::default()).diagnostics)
}

#[test]
fn references_to_unreadable_objects_cause_no_second_error() {
    let route = route("r", &prefix("/"));
    for (field, typo) in [
        ("ports: [{port: 3000}]\n---", "ports: [{port: 3000, prt: 1}]\n---"),
        ("protocol: HTTP,", "protocol: HTTP, protcol: HTTP,"),
        ("controllerName:", "controllername: x, controllerName:"),
    ] {
        let base = BASE.replacen(field, typo, 1);
        assert_ne!(base, BASE);
        assert_eq!(codes_of(&[&base, &route]), ["unknown-field"], "{typo}");
    }
}

#[test]
fn nothing_is_reported_missing_beside_a_document_that_is_not_an_object() {
    let [class, gateway, service, slice] = BASE.split("---").collect::<Vec<_>>()[..] else {
        panic!("four documents")
    };
    let route = route("r", &prefix("/"));
    let broken = service.replace("spec:", "spec");
    let found = codes_of(&[class, gateway, &broken, slice, &route]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn services_with_an_unreadable_slice_are_not_resolved_by_name() {
    let base = BASE.replacen("10.0.0.1]", "10.0.0.999]", 1);
    let documents =
        [&base, &route("r", "[{sessionPersistence: {}, backendRefs: [{name: backend, port: 3000}]}]")];
    let (model, codes) = faulty(&documents.map(String::as_str));
    assert_eq!(codes, ["invalid-ip-address"]);
    assert_eq!(only_cluster(&model.unwrap()).localities[0].endpoints, Endpoints::Addresses(Vec::new()));
}

#[test]
fn slices_may_be_in_a_document_that_is_not_an_object() {
    let (rest, _) = BASE.rsplit_once("---").unwrap();
    let route = route("r", "[{sessionPersistence: {}, backendRefs: [{name: backend, port: 3000}]}]");
    assert_eq!(codes_of(&[rest, &route]), ["session-by-name"]);
    let found = codes_of(&[rest, "kind EndpointSlice", &route]);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_ne!(found, ["session-by-name"]);
}

#[test]
fn reading_and_resolving_errors_are_reported_together() {
    let other = route("other", &prefix("/other")).replace("backend,", "backnd,");
    let found = codes_of(&[BASE, &route("r", &prefix("/")).replace("backendRefs", "backendRef"), &other]);
    assert_eq!(found, ["unknown-field", "missing-service"]);
}

#[test]
fn the_first_error_of_an_object_says_what_happens_to_its_requests() {
    let broken = route("broken", &prefix("/a")).replace("rules:", "hostname: a, rulez:");
    let service = "{apiVersion: v1, kind: Service, metadata: {name: s}, spec: {ports: [{port: 0}]}}";
    let twice = "{apiVersion: v1, kind: ConfigMap, metadata: {name: c, name: c}}";
    let documents = [BASE, &broken, service, twice, &route("broad", &prefix("/"))];
    let said = |keep_going| -> Vec<String> {
        let options = Options { keep_going, ..Options::default() };
        compiled(&documents, &options).diagnostics.into_iter().map(|found| found.message).collect()
    };
    assert_eq!(
        said(true),
        [
            "unknown field `hostname`; the HTTPRoute is left out: its requests fall through to a less specific route, or \
             get 404",
            "unknown field `rulez`",
            "0 is out of range; expected 1 to 65535; the Service is left out: requests to it get 500",
            "duplicate key `name`; the ConfigMap is left out: references to it do not resolve",
        ]
    );
    assert!(said(false).iter().all(|message| !message.contains("left out")), "nothing is written");
}

#[test]
fn objects_left_out_for_an_error_elsewhere_in_their_document_are_warnings() {
    let list = "{apiVersion: v1, kind: List, items: [
      {apiVersion: v1, kind: ConfigMap, metadata: {name: c, name: c}},
      {apiVersion: v1, kind: ConfigMap, metadata: {name: d}}]}";
    let options = Options { keep_going: true, ..Options::default() };
    let found = compiled(&[BASE, list], &options).diagnostics;
    assert_eq!(codes(&found), ["duplicate-key", "left-out"]);
    assert_eq!(found[1].object.as_deref(), Some("ConfigMap default/d"));
}
