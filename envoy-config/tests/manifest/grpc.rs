//! Reading GRPCRoutes.

use envoy_config::manifest::gateway_api::route::{GrpcMatch, Match, RouteKind, TextMatch};

use super::{at, read};

/// A GRPCRoute with one rule that has these matches.
fn grpc(matches: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: GRPCRoute\nmetadata: {{name: r}}\nspec:\n  rules:\n  - \
         matches: {matches}\n"
    )
}

/// The only match of a valid GRPCRoute.
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
fn a_rule_without_matches_matches_all_calls() {
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
fn grpc_header_values_are_less_restricted_than_http_ones() {
    let one = only("[{headers: [{name: X-A, value: two  spaces}]}]");
    assert_eq!(one.headers[0].name.value, "x-a");
    assert_eq!(one.headers[0].value, TextMatch::Exact("two  spaces".into()));
}

#[test]
fn invalid_method_matches_are_errors() {
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
        // An API server does not check regular expressions: only the rule is left out.
        assert_eq!(manifests.routes.len(), usize::from(code == "invalid-regex"), "{matches}");
    }
}

#[test]
fn fields_of_http_rules_are_unknown_in_grpc_rules() {
    for field in ["timeouts: {request: 1s}", "retry: {attempts: 1}"] {
        let (_, diagnostics) = read(&grpc("[]").replace("matches: []", field));
        let codes: Vec<_> = diagnostics.iter().map(|found| found.code.name()).collect();
        assert_eq!(codes, ["unknown-field"], "{field}");
    }
}

#[test]
fn http_filters_are_unknown_in_grpc_rules() {
    for filter in ["type: URLRewrite", "type: RequestRedirect", "type: CORS", "type: ExternalAuth"] {
        let (_, diagnostics) = read(&grpc("[]").replace("matches: []", &format!("filters: [{{{filter}}}]")));
        let codes: Vec<_> = diagnostics.iter().map(|found| found.code.name()).collect();
        assert_eq!(codes, ["unknown-value"], "{filter}");
    }
    let rule = "filters: [{type: RequestHeaderModifier, requestHeaderModifier: {remove: [a]}}]";
    let (manifests, diagnostics) = read(&grpc("[]").replace("matches: []", rule));
    assert_eq!((manifests.routes[0].spec.rules[0].as_ref().unwrap().filters.len(), diagnostics), (1, vec![]));
}
