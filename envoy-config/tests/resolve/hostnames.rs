//! Hostnames: intersection, specificity and isolation.

use envoy_config::diagnostic::Severity;
use envoy_config::model::Domain;

use super::{BASE, exact, faulty, finding, model, names, prefix, route_of, wildcard};

fn base(hostnames: &[&str]) -> String {
    let listeners: String = hostnames
        .iter()
        .enumerate()
        .map(|(number, hostname)| match *hostname {
            "" => format!("  - {{name: l{number}, protocol: HTTP, port: 80}}\n"),
            hostname => {
                format!("  - {{name: l{number}, protocol: HTTP, port: 80, hostname: \"{hostname}\"}}\n")
            }
        })
        .collect();
    BASE.replace("  - {name: http, protocol: HTTP, port: 80}\n", &listeners)
}

fn route(name: &str, section: &str, hostnames: &[&str]) -> String {
    let section = if section.is_empty() { String::new() } else { format!(", sectionName: {section}") };
    let front = format!("parentRefs: [{{name: eg{section}}}], hostnames: {hostnames:?}");
    route_of(name, &front, &prefix("/"))
}

#[test]
fn routes_serve_the_intersection_of_their_and_the_listeners_hostnames() {
    let hostnames = ["www.example.com", "*.shop.example.com", "*.com"];
    let model = model(&[&base(&["*.example.com"]), &route("r", "", &hostnames)]);
    let domains: Vec<&Domain> = model.listeners[0].virtual_hosts().map(|host| &host.domain).collect();
    assert_eq!(domains, [&exact("www.example.com"), &wildcard("example.com"), &wildcard("shop.example.com")]);
}

#[test]
fn routes_without_hostnames_serve_those_of_the_listeners() {
    let model = model(&[&base(&["www.example.com"]), &route("r", "", &[])]);
    assert_eq!(model.listeners[0].virtual_hosts().count(), 1);
    assert_eq!(names(&model.listeners[0], &exact("www.example.com")), ["default/r/0/0"]);
}

#[test]
fn more_specific_hostnames_take_precedence() {
    let model = model(&[
        &base(&[""]),
        &route("a-any", "", &[]).replace("value: /}", "value: /a/long/path}"),
        &route("b-wide", "", &["*.com"]).replace("value: /}", "value: /long/path}"),
        &route("c-wild", "", &["*.example.com"]).replace("value: /}", "value: /path}"),
        &route("d-exact", "", &["www.example.com"]),
    ]);
    let listener = &model.listeners[0];
    let [any, wide, wild, own] =
        ["default/a-any/0/0", "default/b-wide/0/0", "default/c-wild/0/0", "default/d-exact/0/0"];
    assert_eq!(names(listener, &exact("www.example.com")), [own, wild, wide, any]);
    assert_eq!(names(listener, &wildcard("example.com")), [wild, wide, any]);
    assert_eq!(names(listener, &wildcard("com")), [wide, any]);
    assert_eq!(names(listener, &Domain::Any), [any]);
}

#[test]
fn the_most_specific_matching_hostname_of_a_route_counts() {
    let model = model(&[
        &base(&[""]),
        &route("a", "", &["*.example.com"]),
        &route("b", "", &["*.com", "www.example.com"]).replace("value: /}", "value: /b}"),
    ]);
    let own = exact("www.example.com");
    assert_eq!(names(&model.listeners[0], &own), ["default/b/0/0", "default/a/0/0"]);
    assert_eq!(names(&model.listeners[0], &wildcard("example.com")), ["default/a/0/0", "default/b/0/0"]);
}

#[test]
fn hostnames_serve_only_the_routes_of_their_most_specific_listener() {
    let model = model(&[
        &base(&["", "*.example.com", "www.example.com"]),
        &route("all", "l0", &[]),
        &route("wild", "l1", &[]),
        &route("own", "l2", &[]),
    ]);
    let listener = &model.listeners[0];
    assert_eq!(names(listener, &exact("www.example.com")), ["default/own/0/0"]);
    assert_eq!(names(listener, &wildcard("example.com")), ["default/wild/0/0"]);
    assert_eq!(names(listener, &Domain::Any), ["default/all/0/0"]);
}

#[test]
fn listener_hostnames_without_routes_serve_nothing() {
    let model = model(&[&base(&["", "www.example.com"]), &route("all", "l0", &[])]);
    assert!(names(&model.listeners[0], &exact("www.example.com")).is_empty());
}

#[test]
fn routes_of_less_specific_listeners_do_not_leak_into_specific_ones() {
    let model = model(&[
        &base(&["*.example.com", "*.shop.example.com"]),
        &route("wide", "l0", &["a.shop.example.com", "b.example.com"]),
        &route("shop", "l1", &[]).replace("value: /}", "value: /shop}"),
    ]);
    let listener = &model.listeners[0];
    assert_eq!(names(listener, &exact("a.shop.example.com")), ["default/shop/0/0"]);
    assert_eq!(names(listener, &exact("b.example.com")), ["default/wide/0/0"]);
    assert_eq!(names(listener, &wildcard("shop.example.com")), ["default/shop/0/0"]);
}

#[test]
fn wildcards_cover_any_number_of_labels() {
    let model = model(&[&base(&["*.example.com"]), &route("deep", "", &["a.b.c.example.com"])]);
    assert_eq!(names(&model.listeners[0], &exact("a.b.c.example.com")), ["default/deep/0/0"]);
}

#[test]
fn hostnames_that_match_no_listener_are_warnings() {
    let base = base(&["*.example.com"]);
    let documents = [base.as_str(), &route("r", "", &["a.example.com", "example.com"])];
    let found = finding(&documents);
    assert_eq!((found.code.name(), found.severity), ("unused-hostname", Severity::Warning));
    assert_eq!(found.field.as_deref(), Some("spec.hostnames[1]"));
    let model = faulty(&documents).0.unwrap();
    let domains: Vec<&Domain> = model.listeners[0].virtual_hosts().map(|host| &host.domain).collect();
    assert_eq!(domains, [&exact("a.example.com"), &wildcard("example.com")]);
}
