//! What the API server accepts but cannot be served is left out alone: a rule or a listener (Gateway API,
//! `PartiallyInvalid`).

use envoy_config::model::{Action, Domain};

use super::{BASE, faulty, gateway, names, prefix, route, route_of, routes};

const BACKENDS: &str = "backendRefs: [{name: backend, port: 3000}]";

/// The routes and findings of a route whose middle rule has these fields.
fn with_rule(rule: &str) -> (Vec<String>, Vec<&'static str>) {
    let at = |path: &str| format!("{{matches: [{{path: {{value: {path}}}}}], {BACKENDS}}}");
    let rules = format!("[{}, {{{rule}}}, {}]", at("/a"), at("/b"));
    let (model, codes) = faulty(&[BASE, &route("r", &rules)]);
    let model = model.unwrap();
    (names(&model.listeners[0], &Domain::Any).into_iter().map(str::to_owned).collect(), codes)
}

#[test]
fn rules_that_the_api_server_accepts_but_cannot_be_served_are_dropped_alone() {
    let modifier = |name: &str| {
        format!(
            "filters: [{{type: {name}HeaderModifier, {}HeaderModifier: {{remove: ['a b']}}}}]",
            name.to_lowercase()
        )
    };
    let (request, response) = (modifier("Request"), modifier("Response"));
    for (rule, code) in [
        ("matches: [{path: {type: RegularExpression, value: '/a('}}]", "invalid-regex"),
        ("matches: [{headers: [{name: a, type: RegularExpression, value: '('}]}]", "invalid-regex"),
        (
            "matches: [{queryParams: [{name: a, type: RegularExpression, value: '('}]}, {path: {value: /c}}]",
            "invalid-regex",
        ),
        (request.as_str(), "invalid-header-name"),
        (response.as_str(), "invalid-header-name"),
        ("sessionPersistence: {sessionName: 'a b'}", "invalid-cookie-name"),
        (
            "filters: [{type: URLRewrite, urlRewrite: {path: {type: ReplaceFullPath, replaceFullPath: relative}}}]",
            "invalid-path",
        ),
    ] {
        let (names, codes) = with_rule(rule);
        assert_eq!(codes, [code], "{rule}");
        assert_eq!(names, ["default/r/0/0", "default/r/2/0"], "{rule}");
    }
}

/// The API server would reject these objects.
#[test]
fn rules_that_the_api_server_rejects_invalidate_the_route() {
    for rule in [
        "matches: [{path: {type: Regex, value: /}}]",
        "matches: [{path: {value: relative}}]",
        "filters: [{type: RequestRedirect, requestRedirect: {}}, {type: URLRewrite, urlRewrite: {}}]",
    ] {
        let (names, codes) = with_rule(rule);
        assert_eq!((names.len(), codes.len()), (0, 1), "{rule}: {codes:?}");
    }
}

#[test]
fn invalid_matches_are_reported_once() {
    let rewrite =
        "{type: URLRewrite, urlRewrite: {path: {type: ReplacePrefixMatch, replacePrefixMatch: /x}}}";
    let bad = "{path: {value: /c}, headers: [{name: a, type: RegularExpression, value: '('}]}";
    let (names, codes) = with_rule(&format!("matches: [{bad}], filters: [{rewrite}]"));
    assert_eq!((names.len(), codes), (2, vec!["invalid-regex"]));
}

#[test]
fn invalid_selectors_disable_only_their_listener() {
    for (namespaces, code) in [
        ("{from: Selector}", "missing-field"),
        (
            "{from: Selector, selector: {matchExpressions: [{key: a, operator: Exists, values: [b]}]}}",
            "misplaced-field",
        ),
        ("{from: Selector, selector: {matchExpressions: [{key: a, operator: In}]}}", "missing-field"),
        ("{from: Selector, selector: {matchExpressions: [{key: a, operator: Is}]}}", "unknown-value"),
        ("{from: Selector, selector: {matchExpressions: [{key: 'a b', operator: Exists}]}}", "invalid-label"),
    ] {
        let two = gateway(
            "two",
            &format!(
                "[{{name: bad, protocol: HTTP, port: 81, allowedRoutes: {{namespaces: {namespaces}}}}}, \
                 {{name: good, protocol: HTTP, port: 82}}]"
            ),
        );
        let at_both = route_of("r", "parentRefs: [{name: two}]", &prefix("/"));
        let (model, codes) = faulty(&[BASE, &two, &at_both]);
        assert_eq!(codes, [code], "{namespaces}");
        let model = model.unwrap();
        let ports: Vec<u16> = model.listeners.iter().map(|listener| listener.port).collect();
        assert_eq!(ports, [80, 82], "{namespaces}");
        assert_eq!(names(&model.listeners[1], &Domain::Any), ["default/r/0/0"], "{namespaces}");
    }
}

const REDIRECT: &str = "{type: RequestRedirect, requestRedirect: {hostname: e.example}}";
const MIRROR: &str = "{type: RequestMirror, requestMirror: {backendRef: {name: backend, port: 3000}}}";
const REWRITE: &str = "{type: URLRewrite, urlRewrite: {hostname: f.example}}";

/// Each is reported.
#[test]
fn mirrors_and_rewrites_are_incompatible_with_redirects() {
    let share = format!("backendRefs: [{{name: backend, port: 3000, filters: [{REDIRECT}]}}]");
    for rule in [
        format!("filters: [{REDIRECT}, {MIRROR}]"),
        format!("filters: [{MIRROR}, {REDIRECT}]"),
        format!("filters: [{MIRROR}], {share}"),
        format!("filters: [{REWRITE}], {share}"),
    ] {
        let (model, codes) = faulty(&[BASE, &route("r", &format!("[{{{rule}}}]"))]);
        assert_eq!(codes, ["incompatible-filters"], "{rule}");
        let model = model.unwrap();
        let [route] = routes(&model.listeners[0], &Domain::Any) else { panic!("{rule}: {model:?}") };
        assert_eq!(route.action, Action::Respond(500), "{rule}");
    }
}

#[test]
fn request_header_changes_with_a_redirect_are_warnings() {
    let headers = "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: a, value: b}]}}";
    let (model, codes) = faulty(&[BASE, &route("r", &format!("[{{filters: [{headers}, {REDIRECT}]}}]"))]);
    assert_eq!(codes, ["no-effect"]);
    let model = model.unwrap();
    assert!(matches!(routes(&model.listeners[0], &Domain::Any)[0].action, Action::Redirect(_)));
}
