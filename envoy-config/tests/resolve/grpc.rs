//! GRPCRoutes, alone and together with HTTPRoutes.

use envoy_config::model::{Action, Domain, HttpVersion, Model, PathMatch};
use session_persistence::config::Carrier;

use super::{BASE, exact, faulty, finding, gateway, model, names, prefix, route, route_of, routes};

const BACKEND: &str = "backendRefs: [{name: backend, port: 3000}]";

/// A GRPCRoute of the Gateway `eg` with these rules.
fn grpc(name: &str, rules: &str) -> String {
    route(name, rules).replace("HTTPRoute", "GRPCRoute")
}

/// A GRPCRoute with these fields at the start of its spec, and one rule.
fn grpc_of(name: &str, front: &str) -> String {
    route_of(name, front, &format!("[{{{BACKEND}}}]")).replace("HTTPRoute", "GRPCRoute")
}

fn rule(matches: &str) -> String {
    format!("{{matches: [{{{matches}}}], {BACKEND}}}")
}

fn in_order(model: &Model) -> Vec<&str> {
    names(&model.listeners[0], &Domain::Any)
}

/// Whether the first match takes precedence over the second, whichever route is first by name.
fn beats(first: &str, second: &str) -> bool {
    let before = |a: &str, b: &str| {
        let model =
            model(&[BASE, &grpc("a", &format!("[{}]", rule(a))), &grpc("b", &format!("[{}]", rule(b)))]);
        in_order(&model)[0] == "grpc:default/a/0/0"
    };
    before(first, second) && !before(second, first)
}

fn path(matches: &str) -> PathMatch {
    let model = model(&[BASE, &grpc("a", &format!("[{}]", rule(matches)))]);
    routes(&model.listeners[0], &Domain::Any)[0].matches.path.clone()
}

#[test]
fn method_matches_are_path_matches() {
    let regex = |text: &str| PathMatch::Regex(text.to_owned());
    assert_eq!(path(""), PathMatch::Prefix("/".into()));
    assert_eq!(path("method: {service: a.B}"), PathMatch::Prefix("/a.B".into()));
    assert_eq!(path("method: {service: a.B, method: C}"), PathMatch::Exact("/a.B/C".into()));
    assert_eq!(path("method: {method: C}"), regex("/[^/]+/C"));
    let expression = |rest: &str| path(&format!("method: {{type: RegularExpression, {rest}}}"));
    assert_eq!(expression("service: 'a|b'"), regex("/(?:a|b)/[^/]+"));
    assert_eq!(expression("method: 'Get.*'"), regex("/[^/]+/(?:Get.*)"));
    assert_eq!(expression("service: a, method: 'b|c'"), regex("/(?:a)/(?:b|c)"));
}

#[test]
fn longer_services_then_longer_methods_then_more_headers_take_precedence() {
    assert!(beats("method: {service: abc}", "method: {service: ab, method: Abcdef}"));
    assert!(beats("method: {service: abc, method: A}", "method: {service: abc}"));
    assert!(beats("method: {service: abc, method: Ab}", "method: {service: abc, method: A}"));
    assert!(beats("method: {service: a}", "method: {method: Abcdef}"));
    assert!(beats("method: {method: A}", "headers: [{name: a, value: b}]"));
    assert!(beats("headers: [{name: a, value: b}]", ""));
    assert!(beats("headers: [{name: a, value: b}, {name: b, value: b}]", "headers: [{name: a, value: b}]"));
}

#[test]
fn exact_methods_take_precedence_over_regular_expressions() {
    assert!(beats("method: {service: a}", "method: {type: RegularExpression, service: 'a.*'}"));
    assert!(beats("method: {type: RegularExpression, service: 'a.*'}", "method: {method: A}"));
}

#[test]
fn backends_are_spoken_to_in_http2() {
    let model = model(&[
        BASE,
        &grpc_of("g", "parentRefs: [{name: eg}], hostnames: [grpc.example.com]"),
        &route_of("h", "parentRefs: [{name: eg}], hostnames: [www.example.com]", &prefix("/")),
    ]);
    let found: Vec<_> =
        model.clusters.iter().map(|cluster| (cluster.name.as_str(), cluster.version)).collect();
    let expected = [("default/h/0", HttpVersion::Http1), ("grpc:default/g/0", HttpVersion::Http2)];
    assert_eq!(found, expected);
}

#[test]
fn rules_without_backends_answer_unavailable() {
    let (model, codes) = faulty(&[BASE, &grpc("g", "[{backendRefs: [{name: none, port: 3000}]}]")]);
    assert_eq!(codes, ["missing-service"]);
    assert_eq!(routes(&model.unwrap().listeners[0], &Domain::Any)[0].action, Action::Respond(503));
}

#[test]
fn an_http_route_and_a_grpc_route_of_one_name_have_separate_sessions() {
    let session = format!("[{{name: a, sessionPersistence: {{type: Header}}, {BACKEND}}}]");
    let front = |host: &str| format!("parentRefs: [{{name: eg}}], hostnames: [{host}.example.com]");
    let model = model(&[
        BASE,
        &route_of("r", &front("www"), &session),
        &route_of("r", &front("grpc"), &session).replace("HTTPRoute", "GRPCRoute"),
    ]);
    let id = |host: &str| {
        let routes = routes(&model.listeners[0], &exact(host));
        let id = routes[0].persistence.as_ref().unwrap().id().to_string();
        (routes[0].name.clone(), id)
    };
    assert_eq!(id("www.example.com"), ("default/r/0/0".into(), "default/r#a".into()));
    assert_eq!(id("grpc.example.com"), ("grpc:default/r/0/0".into(), "grpc:default/r#a".into()));
}

#[test]
fn rule_ids_match_the_frozen_vectors() {
    for (matches, expected) in FROZEN {
        let rules = format!("[{{matches: {matches}, sessionPersistence: {{}}, {BACKEND}}}]");
        let model = model(&[BASE, &grpc("r", &rules)]);
        let route = &routes(&model.listeners[0], &Domain::Any)[0];
        assert_eq!(route.persistence.as_ref().unwrap().id().to_string(), *expected, "{matches}");
    }
}

const FROZEN: &[(&str, &str)] = &[
    ("[]", "grpc:default/r@0a61c349ed0c6c53"),
    ("[{method: {service: a.B, method: C}}]", "grpc:default/r@823798a3480d88f3"),
    ("[{method: {service: a.B}}, {headers: [{name: x, value: z}]}]", "grpc:default/r@ff299a85514be742"),
    ("[{method: {type: RegularExpression, service: 'a.*', method: b}}]", "grpc:default/r@abfc21817882c73c"),
];

#[test]
fn cookies_of_the_older_shape_have_the_root_path() {
    let rules = format!(
        "[{{matches: [{{method: {{service: a, method: B}}}}], sessionPersistence: {{}}, {BACKEND}}}]"
    );
    let model = model(&[BASE, &grpc("r", &rules)]);
    let route = &routes(&model.listeners[0], &Domain::Any)[0];
    let Carrier::Cookie(cookie) = route.persistence.as_ref().unwrap().carrier() else { panic!() };
    assert_eq!(cookie.path.as_str(), "/");
}

fn created(document: &str, time: &str) -> String {
    document.replacen("metadata: {", &format!("metadata: {{creationTimestamp: '{time}', "), 1)
}

#[test]
fn the_older_route_gets_a_hostname_that_both_kinds_claim() {
    let grpc = created(&grpc("b", &format!("[{{{BACKEND}}}]")), "2026-01-01T00:00:00Z");
    let http = created(&route("a", &prefix("/")), "2026-02-01T00:00:00Z");
    let found = finding(&[BASE, &grpc, &http]);
    assert_eq!((found.code.name(), found.object.as_deref()), ("hostname-taken", Some("HTTPRoute default/a")));
    let (model, _) = faulty(&[BASE, &http, &grpc]);
    assert_eq!(in_order(&model.unwrap()), ["grpc:default/b/0/0"]);
}

#[test]
fn the_first_route_by_name_gets_the_hostname_at_equal_age() {
    let (model, codes) = faulty(&[BASE, &grpc("b", &format!("[{{{BACKEND}}}]")), &route("a", &prefix("/a"))]);
    assert_eq!(codes, ["hostname-taken"]);
    assert_eq!(in_order(&model.unwrap()), ["default/a/0/0"]);
}

#[test]
fn hostnames_conflict_if_one_covers_the_other() {
    let outcome = |grpc: &str, http: &str| {
        let front = |hosts: &str| format!("parentRefs: [{{name: eg}}], hostnames: [{hosts}]");
        faulty(&[BASE, &grpc_of("a", &front(grpc)), &route_of("b", &front(http), &prefix("/"))]).1
    };
    assert_eq!(outcome("a.example.com", "b.example.com"), [""; 0]);
    assert_eq!(outcome("'*.a.example.com'", "'*.b.example.com', a.example.com"), [""; 0]);
    assert_eq!(outcome("a.example.com", "'*.example.com'"), ["hostname-taken"]);
    assert_eq!(outcome("'*.example.com'", "b.example.com, a.b.example.com"), ["hostname-taken"]);
    assert_eq!(outcome("'*.example.com'", ""), ["hostname-taken"]);
    assert_eq!(outcome("", "a.example.com"), ["hostname-taken"]);
}

#[test]
fn routes_that_lose_one_listener_keep_the_others() {
    let two = gateway("two", "[{name: a, protocol: HTTP, port: 81}, {name: b, protocol: HTTP, port: 82}]");
    let (model, codes) = faulty(&[
        BASE,
        &two,
        &grpc_of("a", "parentRefs: [{name: two, sectionName: a}]"),
        &route_of("b", "parentRefs: [{name: two}]", &prefix("/")),
    ]);
    assert_eq!(codes, ["hostname-taken"]);
    let model = model.unwrap();
    let of = |name: &str| {
        let listener = model.listeners.iter().find(|listener| listener.name == name).unwrap();
        names(listener, &Domain::Any)
    };
    assert_eq!(of("default/two/81"), ["grpc:default/a/0/0"]);
    assert_eq!(of("default/two/82"), ["default/b/0/0"]);
}
