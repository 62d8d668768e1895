//! One mistake is told once: what could not be read is not missed.

use super::{BASE, codes, compiled, prefix, route};
use envoy_config::options::Options;

fn told(documents: &[&str]) -> Vec<&'static str> {
    codes(&compiled(documents, &Options::default()).diagnostics)
}

#[test]
fn a_reference_to_an_object_that_could_not_be_read_is_no_second_mistake() {
    let route = route("r", &prefix("/"));
    for (field, typo) in [
        ("ports: [{port: 3000}]\n---", "ports: [{port: 3000, prt: 1}]\n---"),
        ("protocol: HTTP,", "protocol: HTTP, protcol: HTTP,"),
        ("controllerName:", "controllername: x, controllerName:"),
    ] {
        let base = BASE.replacen(field, typo, 1);
        assert_ne!(base, BASE);
        assert_eq!(told(&[&base, &route]), ["unknown-field"], "{typo}");
    }
}

#[test]
fn when_a_document_is_no_object_nothing_is_missed() {
    let [class, gateway, service, slice] = BASE.split("---").collect::<Vec<_>>()[..] else {
        panic!("four documents")
    };
    let route = route("r", &prefix("/"));
    let broken = service.replace("spec:", "spec");
    let found = told(&[class, gateway, &broken, slice, &route]);
    assert_eq!(found.len(), 1, "{found:?}");
}

#[test]
fn mistakes_of_both_kinds_are_told_together() {
    let other = route("other", &prefix("/other")).replace("backend,", "backnd,");
    let found = told(&[BASE, &route("r", &prefix("/")).replace("backendRefs", "backendRef"), &other]);
    assert_eq!(found, ["unknown-field", "missing-service"]);
}
