//! Which of several matches takes precedence (`HTTPRouteRule.matches`).

use envoy_config::model::{Domain, Model, PathMatch};
use proptest::prelude::*;

use super::{BASE, model, names, route};

const BACKEND: &str = "backendRefs: [{name: backend, port: 3000}]";

/// A rule with one match.
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
            model(&[BASE, &route("a", &format!("[{}]", rule(a))), &route("b", &format!("[{}]", rule(b)))]);
        assert_eq!(model.listeners[0].virtual_hosts().next().unwrap().routes.len(), 2, "{a} and {b}");
        in_order(&model)[0] == "default/a/0/0"
    };
    before(first, second) && !before(second, first)
}

fn header(count: usize) -> String {
    let names: Vec<String> = (0..count).map(|number| format!("{{name: h{number}, value: x}}")).collect();
    format!("headers: [{}]", names.join(", "))
}

fn query(count: usize) -> String {
    header(count).replace("headers", "queryParams")
}

#[test]
fn exact_paths_take_precedence_over_expressions_and_those_over_prefixes() {
    assert!(beats("path: {type: Exact, value: /a}", "path: {type: RegularExpression, value: '/abcdef.*'}"));
    assert!(beats("path: {type: RegularExpression, value: /a}", "path: {type: PathPrefix, value: /abcdef}"));
    assert!(beats("path: {type: Exact, value: /}", "path: {type: PathPrefix, value: /abcdef}"));
}

#[test]
fn longer_prefixes_and_expressions_take_precedence() {
    assert!(beats("path: {value: /abc}", "path: {value: /ab}"));
    assert!(beats("path: {value: /a/}", "path: {value: /}"));
    assert!(beats(
        "path: {type: RegularExpression, value: /ab.*}",
        "path: {type: RegularExpression, value: /a.*}"
    ));
}

#[test]
fn trailing_slashes_of_prefixes_are_ignored() {
    assert!(beats("path: {value: /ab}, method: GET", "path: {value: /ab/}"));
    let model = model(&[BASE, &route("a", &format!("[{}]", rule("path: {value: /ab/}")))]);
    let path = &model.listeners[0].virtual_hosts().next().unwrap().routes[0].matches.path;
    assert_eq!(*path, PathMatch::Prefix("/ab".to_owned()));
}

#[test]
fn methods_take_precedence_over_headers_and_those_over_query_parameters() {
    assert!(beats("method: GET", &header(3)));
    assert!(beats(&header(2), &format!("{}, {}", header(1), query(4))));
    assert!(beats(&header(1), &query(4)));
    assert!(beats(&query(2), &query(1)));
    assert!(beats(&query(1), "path: {value: /}"));
    assert!(beats("path: {value: /a}", "method: GET"));
}

#[test]
fn older_routes_take_precedence_then_the_first_by_name() {
    let dated = |name: &str, date: &str| {
        route(name, &format!("[{}]", rule(&header(1).replace("h0", name)))).replacen(
            "metadata: {",
            &format!("metadata: {{creationTimestamp: \"{date}\", "),
            1,
        )
    };
    let undated = |name: &str| route(name, &format!("[{}]", rule(&header(1).replace("h0", name))));
    let model = model(&[
        BASE,
        &undated("a"),
        &undated("b"),
        &dated("x", "2026-01-02T00:00:00Z"),
        &dated("v", "2026-01-01T00:00:00Z"),
        &dated("w", "2026-01-02T00:00:00Z"),
    ]);
    assert_eq!(
        in_order(&model),
        ["default/v/0/0", "default/w/0/0", "default/x/0/0", "default/a/0/0", "default/b/0/0"]
    );
}

#[test]
fn names_are_compared_with_their_namespace_as_one_string() {
    let of = |namespace: &str, name: &str| {
        format!(
            "{}---{}",
            super::route_of(
                name,
                &format!(
                    "parentRefs: [{{name: eg, namespace: default}}], hostnames: [{name}.example, x.example]"
                ),
                &format!("[{}]", rule(&header(1).replace("h0", name)))
            ),
            ""
        )
        .replacen("metadata: {", &format!("metadata: {{namespace: {namespace}, "), 1)
    };
    let base = BASE.replace("port: 80}", "port: 80, allowedRoutes: {namespaces: {from: All}}}");
    let backends = ["a", "a-b"].map(|namespace| format!("{{apiVersion: v1, kind: Service, metadata: {{name: backend, namespace: {namespace}}}, spec: {{ports: [{{port: 3000}}]}}}}"));
    let model = model(&[&base, &of("a", "x"), &of("a-b", "z"), &backends[0], &backends[1]]);
    // `-` comes before `/`.
    assert_eq!(names(&model.listeners[0], &super::exact("x.example")), ["a-b/z/0/0", "a/x/0/0"]);
}

#[test]
fn rules_and_matches_of_one_route_keep_their_order() {
    let rules = format!(
        "[{{matches: [{{headers: [{{name: a, value: x}}]}}, {{headers: [{{name: b, value: x}}]}}], {BACKEND}}},
          {{matches: [{{headers: [{{name: c, value: x}}]}}], {BACKEND}}}]"
    );
    let model = model(&[BASE, &route("r", &rules)]);
    assert_eq!(in_order(&model), ["default/r/0/0", "default/r/0/1", "default/r/1/0"]);
}

/// Three routes with two rules for two Gateways, and everything they need, as documents.
fn documents() -> Vec<String> {
    let routes = ["c", "a", "b"].map(|name| {
        let rules = format!(
            "[{}, {}]",
            rule(&format!("path: {{value: /{name}}}")),
            rule(&format!("headers: [{{name: {name}, value: x}}]"))
        );
        super::route_of(name, "parentRefs: [{name: eg}, {name: other}]", &rules)
    });
    let other = super::gateway("other", "[{name: http, protocol: HTTP, port: 81}]");
    BASE.split("---").map(str::to_owned).chain(routes).chain([other]).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn the_order_of_documents_and_files_changes_nothing(
        shuffled in Just(documents()).prop_shuffle(),
        split in 0..8_usize,
    ) {
        let ordered = documents();
        let ordered: Vec<&str> = ordered.iter().map(String::as_str).collect();
        let (first, second) = shuffled.split_at(split);
        let files = [first.join("\n---\n"), second.join("\n---\n")];
        prop_assert_eq!(model(&ordered), model(&[&files[0], &files[1]]));
    }
}
