//! GRPCRoutes.

use envoy_config::manifest::gateway_api::route::{GrpcMatch, Match, RouteKind, TextMatch};

use super::{at, read};

/// A GRPCRoute with one rule of these matches.
fn grpc(matches: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {{name: r}}\nspec:\n  rules:\n  - \
         matches: {matches}\n"
    )
}

/// The only match of a valid one.
fn only(matches: &str) -> GrpcMatch {
    let (manifests, diagnostics) = read(&grpc(matches));
    assert_eq!(diagnostics, [], "{matches}");
    match manifests.routes[0].spec.rules[0].as_ref().unwrap().matches.as_slice() {
        [Match::Grpc(one)] => one.clone(),
        other => panic!("{other:?}"),
    }
}

fn exact(text: &str) -> TextMatch {
    TextMatch::Exact(text.to_owned())
}

fn regex(text: &str) -> TextMatch {
    TextMatch::Regex(text.to_owned())
}

#[test]
fn both_versions_are_read() {
    for version in ["v1", "v1alpha2"] {
        let (manifests, diagnostics) = read(&grpc("[{}]").replace("/v1", &format!("/{version}")));
        assert_eq!(diagnostics, []);
        assert_eq!((manifests.routes[0].kind, manifests.routes[0].spec.kind), ("GRPCRoute", RouteKind::Grpc));
    }
}

#[test]
fn a_rule_without_matches_matches_every_call() {
    for matches in ["[]", "[{}]"] {
        let every = only(matches);
        assert_eq!((every.service, every.method, every.headers.len()), (None, None, 0), "{matches}");
    }
}

#[test]
fn a_route_without_rules_has_none() {
    for spec in ["{}", "{rules: []}"] {
        let (manifests, diagnostics) = read(&format!(
            "{{apiVersion: gateway.networking.k8s.io/v1, kind: GRPCRoute, metadata: {{name: r}}, spec: {spec}}}"
        ));
        assert_eq!(diagnostics, [], "{spec}");
        assert_eq!(manifests.routes[0].spec.rules.len(), 0, "{spec}");
    }
}

#[test]
fn methods_are_read_with_their_types() {
    let call = |method: &str| {
        let one = only(&format!("[{{method: {method}}}]"));
        (one.service, one.method)
    };
    assert_eq!(call("{service: foo.Bar, method: Do_1}"), (Some(exact("foo.Bar")), Some(exact("Do_1"))));
    assert_eq!(call("{type: Exact, service: .foo}"), (Some(exact(".foo")), None));
    assert_eq!(call("{method: Get}"), (None, Some(exact("Get"))));
    assert_eq!(
        call("{type: RegularExpression, service: '^foo\\..*$', method: 'Get|List'}"),
        (Some(regex(r"foo\..*")), Some(regex("Get|List")))
    );
    assert_eq!(call("{type: RegularExpression, service: '', method: 'Get.*'}"), (None, Some(regex("Get.*"))));
}

#[test]
fn a_header_of_a_call_may_hold_what_a_header_of_http_may_not() {
    let one = only("[{headers: [{name: X-A, value: two  spaces}]}]");
    assert_eq!(one.headers[0].name.value, "x-a");
    assert_eq!(one.headers[0].value, TextMatch::Exact("two  spaces".into()));
}

#[test]
fn methods_that_the_api_refuses_are_named() {
    for (matches, code, place) in [
        ("[{method: {}}]", "missing-field", "{}"),
        ("[{method: {type: Exact}}]", "missing-field", "{type: Exact}"),
        ("[{method: {service: foo/bar}}]", "invalid-grpc-name", "foo/bar"),
        ("[{method: {service: foo..bar}}]", "invalid-grpc-name", "foo..bar"),
        ("[{method: {service: 1foo}}]", "invalid-grpc-name", "1foo"),
        ("[{method: {service: ''}}]", "invalid-grpc-name", "''"),
        ("[{method: {method: foo.bar}}]", "invalid-grpc-name", "foo.bar"),
        ("[{method: {type: RegularExpression, method: '('}}]", "invalid-regex", "'('"),
        ("[{method: {type: RegularExpression, method: 'a^b'}}]", "invalid-regex", "'a^b'"),
        ("[{method: {type: Prefix, method: a}}]", "unknown-value", "Prefix"),
        ("[{path: {value: /a}}]", "unknown-field", "path"),
    ] {
        let text = grpc(matches);
        let (manifests, diagnostics) = read(&text);
        let found: Vec<_> =
            diagnostics.iter().map(|found| (found.code.name(), at(&text, found.span))).collect();
        assert_eq!(found, [(code, place)], "{matches}");
        // The API server knows no regular expressions: without its rule the route is stored.
        assert_eq!(manifests.routes.len(), usize::from(code == "invalid-regex"), "{matches}");
    }
}

#[test]
fn what_only_http_rules_have_is_unknown() {
    for field in ["timeouts: {request: 1s}", "retry: {attempts: 1}"] {
        let (_, diagnostics) = read(&grpc("[]").replace("matches: []", field));
        let codes: Vec<_> = diagnostics.iter().map(|found| found.code.name()).collect();
        assert_eq!(codes, ["unknown-field"], "{field}");
    }
}

#[test]
fn filters_that_only_http_has_are_unknown() {
    for filter in ["type: URLRewrite", "type: RequestRedirect", "type: CORS", "type: ExternalAuth"] {
        let (_, diagnostics) = read(&grpc("[]").replace("matches: []", &format!("filters: [{{{filter}}}]")));
        let codes: Vec<_> = diagnostics.iter().map(|found| found.code.name()).collect();
        assert_eq!(codes, ["unknown-value"], "{filter}");
    }
    let rule = "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}}]";
    let (manifests, diagnostics) = read(&grpc("[]").replace("matches: []", rule));
    assert_eq!((manifests.routes[0].spec.rules[0].as_ref().unwrap().filters.len(), diagnostics), (1, vec![]));
}
