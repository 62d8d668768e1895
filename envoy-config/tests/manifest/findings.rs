//! Errors in manifests: their codes and places.

use envoy_config::diagnostic::{AllowedValues, Code, Diagnostic, Severity};

use super::{at, read, route};

/// The only finding in a text.
fn only(text: &str) -> Diagnostic {
    let (_, mut diagnostics) = read(text);
    assert_eq!(diagnostics.len(), 1, "{text}\n{diagnostics:#?}");
    diagnostics.remove(0)
}

/// Checks texts with one error each: its code, and the text at its place.
#[track_caller]
fn each(cases: &[(&str, &str, &str)], whole: impl Fn(&str) -> String) {
    for (part, code, place) in cases {
        let text = whole(part);
        let found = only(&text);
        let at = at(&text, found.span);
        assert_eq!((found.code.name(), at), (*code, *place), "{part}: {}", found.message);
    }
}

#[test]
fn unknown_and_unsupported_kinds_are_errors() {
    let cases = [
        ("apiVersion: gateway.networking.k8s.io/v1\nkind: HttpRoute", "unknown-kind", "HttpRoute"),
        ("apiVersion: v1\nkind: HTTPRoute", "unknown-kind", "HTTPRoute"),
        (
            "apiVersion: gateway.networking.k8s.oi/v1\nkind: HTTPRoute",
            "unknown-kind",
            "gateway.networking.k8s.oi/v1",
        ),
        ("apiVersion: app/v1\nkind: Deployment", "unknown-kind", "app/v1"),
        (
            "apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: HTTPRoute",
            "unknown-version",
            "gateway.networking.k8s.io/v1alpha2",
        ),
        (
            "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: GRPCRoute",
            "unknown-version",
            "gateway.networking.k8s.io/v1beta1",
        ),
        ("apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute", "not-supported", "TCPRoute"),
        (
            "apiVersion: gateway.envoyproxy.io/v1alpha1\nkind: ClientTrafficPolicy",
            "not-supported",
            "ClientTrafficPolicy",
        ),
        ("apiVersion: v1\nkind: 1", "wrong-type", "1"),
    ];
    each(&cases, |head| format!("{head}\nmetadata: {{name: a}}\n"));
    assert_eq!(only("kind: Namespace").field.as_deref(), Some("apiVersion"));
    assert_eq!(only("- a\n").code.name(), "wrong-type");
    let unknown = only("apiVersion: gateway.networking.k8s.io/v1\nkind: HttpRoute\nmetadata: {name: a}\n");
    assert_eq!(unknown.hint.as_deref(), Some("did you mean `HTTPRoute`?"));
}

#[test]
fn metadata_follows_the_rules_of_kubernetes() {
    let cases = [
        ("{}", "missing-field", "{}"),
        ("{name: }", "missing-field", "name"),
        ("{generateName: a-}", "missing-field", "{generateName: a-}"),
        ("{name: A}", "invalid-object-name", "A"),
        ("{name: a.b}", "invalid-object-name", "a.b"),
        ("{name: -a}", "invalid-object-name", "-a"),
        ("{name: yes}", "wrong-type", "yes"),
        ("{name: 1e3}", "wrong-type", "1e3"),
        ("{name: a, nmespace: b}", "unknown-field", "nmespace"),
        ("{name: a, labels: {a: true}}", "wrong-type", "true"),
        ("{name: a, labels: {on: b}}", "wrong-type", "on"),
        ("{name: a, labels: {a: -b}}", "invalid-label", "-b"),
        ("{name: a, labels: {'a b': c}}", "invalid-label", "'a b'"),
        ("{name: a, creationTimestamp: today}", "invalid-timestamp", "today"),
        ("[]", "wrong-type", "[]"),
    ];
    each(&cases, |metadata| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {metadata}\nspec: {{clusterIP: None}}\n")
    });
    let scoped = only("{apiVersion: v1, kind: Namespace, metadata: {name: a, namespace: b}}");
    assert_eq!((scoped.code.name(), scoped.object.as_deref()), ("no-effect", Some("Namespace a")));
}

#[test]
fn gateways_follow_the_rules_of_the_crd() {
    let listener = "{name: a, port: 80, protocol: HTTP}";
    let cases = [
        ("{gatewayClassName: a, listeners: []}", "wrong-length", "[]"),
        ("{gatewayClassName: a, listeners: [L, L]}", "duplicate-value", listener),
        (
            "{gatewayClassName: a, listeners: [L], addresses: [{value: example.com}]}",
            "invalid-ip-address",
            "{value: example.com}",
        ),
        (
            "{gatewayClassName: a, listeners: [L], addresses: [{type: Hostnam, value: a}]}",
            "unknown-value",
            "{type: Hostnam, value: a}",
        ),
        (
            "{gatewayClassName: a, listeners: [L], addresses: [{value: 10.0.0.1}, {value: 10.0.0.1}]}",
            "duplicate-value",
            "{value: 10.0.0.1}",
        ),
        (
            "{gatewayClassName: a, listeners: [L], infrastructure: {parametersRef: {kind: A, name: c}}}",
            "missing-field",
            "{kind: A, name: c}",
        ),
        ("{gatewayClassName: a, listeners: [L], defaultScope: Some}", "unknown-value", "Some"),
        ("{gatewayClassName: a, listeners: [L], infrastructure: {labels: {a: b}}}", "no-effect", "{a: b}"),
        ("{gatewayClassName: a, listeners: [L], adresses: []}", "unknown-field", "adresses"),
        ("{gatewayClassName: a, listeners: [{name: a, port: 0, protocol: HTTP}]}", "out-of-range", "0"),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 65536, protocol: HTTP}]}",
            "out-of-range",
            "65536",
        ),
        ("{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: TLS}]}", "missing-field", "TLS"),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: UDP, hostname: a.example}]}",
            "misplaced-field",
            "hostname",
        ),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: 'http-'}]}",
            "invalid-protocol-name",
            "'http-'",
        ),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: HTTP, hostname: 10.0.0.1}]}",
            "invalid-hostname",
            "10.0.0.1",
        ),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: HTTP, hostname: ''}]}",
            "invalid-hostname",
            "''",
        ),
        ("{gatewayClassName: a, listeners: [{name: a, port: , protocol: HTTP}]}", "missing-field", "port"),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: HTTP, allowedRoutes: {kinds: [{kind: '-'}]}}]}",
            "invalid-kind",
            "'-'",
        ),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: None}}}]}",
            "unknown-value",
            "None",
        ),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {from: Selector}}}]}",
            "missing-field",
            "{from: Selector}",
        ),
        (
            "{gatewayClassName: a, listeners: [{name: a, port: 80, protocol: HTTP, allowedRoutes: {namespaces: {selector: {}}}}]}",
            "no-effect",
            "{}",
        ),
    ];
    for (spec, code, place) in cases {
        let spec = spec
            .replace("L, L", &format!("{listener}, {}", listener.replace("name: a", "name: b")))
            .replace("[L]", &format!("[{listener}]"));
        let text = format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: a}}\nspec: {spec}\n"
        );
        let found = only(&text);
        let at = at(&text, found.span).replace("name: b", "name: a");
        assert_eq!((found.code.name(), at.as_str()), (code, place), "{spec}: {}", found.message);
    }
}

#[test]
fn rules_follow_the_rules_of_the_crd() {
    let cases = [
        ("backendRef: []", "unknown-field", "backendRef"),
        ("backendRefs: {name: a, port: 80}", "wrong-type", "{name: a, port: 80}"),
        ("backendRefs: [{name: a}]", "missing-field", "{name: a}"),
        ("backendRefs: [{name: a, port: 80, weight: 1000001}]", "out-of-range", "1000001"),
        ("backendRefs: [{name: a, port: 80, filters: [{}]}]", "missing-field", "{}"),
        ("backendRefs: [{name: a, port: '80'}]", "wrong-type", "'80'"),
        ("backendRefs: [{name: a, port: 80.5}]", "wrong-type", "80.5"),
        ("matches: [{path: {type: Prefix, value: /}}]", "unknown-value", "Prefix"),
        ("matches: [{path: {type: RegularExpression, value: '('}}]", "invalid-regex", "'('"),
        ("matches: [{method: get}]", "unknown-value", "get"),
        ("matches: [{headers: [{name: 'a b', value: c}]}]", "invalid-header-name", "'a b'"),
        ("matches: [{headers: [{name: a, value: ' b'}]}]", "invalid-header-value", "' b'"),
        ("matches: [{headers: [{name: a, value: b}, {name: a, value: c}]}]", "duplicate-value", "a"),
        ("matches: [{headers: [{name: a, value: b}, {name: A, value: c}]}]", "no-effect", "A"),
        ("matches: [{queryParams: [{name: a, value: ''}]}]", "wrong-length", "''"),
        ("name: A", "invalid-section-name", "A"),
    ];
    each(&cases, route);
}

#[test]
fn paths_that_the_api_rejects_are_errors() {
    for path in [
        "a",
        "''",
        "/a//b",
        "/./a",
        "/a/../b",
        "/a%2fb",
        "/a%2Fb",
        "'/a#b'",
        "/a/..",
        "/a/.",
        "/a b",
        "'/%zz'",
        "/%4",
        "/ü",
        "'/a?b'",
        &format!("/{}", "a".repeat(1024)),
    ] {
        for kind in ["Exact", "PathPrefix"] {
            let found = only(&route(&format!("matches: [{{path: {{type: {kind}, value: {path}}}}}]")));
            assert_eq!(found.code.name(), "invalid-path", "{path}");
            assert_eq!(found.field.as_deref(), Some("spec.rules[0].matches[0].path.value"));
        }
    }
}

#[test]
fn session_persistence_follows_the_rules_of_both_shapes() {
    let cases = [
        ("{sessionName: a, cookie: {}}", "mixed-session-shapes", "cookie"),
        ("{header: {name: a}, cookieConfig: {}}", "mixed-session-shapes", "cookieConfig"),
        ("{cookieConfig: {lifetimeType: Permanent}}", "permanent-without-timeout", "Permanent"),
        ("{cookie: {lifetimeType: Permanent}}", "permanent-without-timeout", "Permanent"),
        ("{type: Header, cookieConfig: {}}", "session-type-mismatch", "cookieConfig"),
        ("{type: Header, cookie: {}, header: {name: a}}", "session-type-mismatch", "cookie"),
        ("{header: {name: a}}", "session-type-mismatch", "header"),
        ("{type: Cookie, cookie: {}, header: {name: a}}", "session-type-mismatch", "header"),
        ("{type: Header, header: {}}", "missing-field", "{}"),
        ("{type: cookie}", "unknown-value", "cookie"),
        ("{sessionName: 'a b'}", "invalid-cookie-name", "'a b'"),
        ("{sessionName: ''}", "invalid-cookie-name", "''"),
        ("{cookie: {name: 'a;b'}}", "invalid-cookie-name", "'a;b'"),
        ("{type: Header, sessionName: 'a:b'}", "invalid-header-name", "'a:b'"),
        ("{type: Header, header: {name: Cookie}}", "invalid-header-name", "Cookie"),
        ("{cookie: {path: a}}", "invalid-cookie-path", "a"),
        ("{cookie: {path: '/;'}}", "invalid-cookie-path", "'/;'"),
        ("{absoluteTimeout: 1.5h}", "invalid-duration", "1.5h"),
        ("{absoluteTimeout: 0s}", "invalid-duration", "0s"),
        ("{idleTimeout: 999ms}", "invalid-duration", "999ms"),
        ("{idleTimeout: 10}", "wrong-type", "10"),
        ("{idleTimeout: 1500ms}", "rounded-duration", "1500ms"),
        ("{idleTimeout: 1h, absoluteTimeout: 1h}", "no-effect", "1h"),
        ("{sesionName: a}", "unknown-field", "sesionName"),
    ];
    each(&cases, |fields| route(&format!("sessionPersistence: {fields}")));
    let long = only(&route(&format!("sessionPersistence: {{sessionName: {}}}", "a".repeat(129))));
    assert_eq!(long.code.name(), "wrong-length");
}

#[test]
fn codes_carry_the_data_of_their_findings() {
    let allowed = AllowedValues {
        values: vec![String::from("Permanent"), String::from("Session")],
        closest: Some(String::from("Session")),
    };
    let cases = [
        ("sesionName: a", Code::UnknownField { closest: Some("sessionName") }),
        ("cookieConfig: {lifetimeType: Sesion}", Code::UnknownValue { allowed: Box::new(allowed) }),
        ("idleTimeout: 10", Code::WrongType { expected: "a string" }),
    ];
    for (field, code) in cases {
        assert_eq!(only(&route(&format!("sessionPersistence: {{{field}}}"))).code, code);
    }
    let weight = only(&route("backendRefs: [{name: a, port: 80, weight: -1}]"));
    assert_eq!(weight.code, Code::OutOfRange { least: 0, most: 1_000_000 });
    let items = only(&route(&format!("matches: [{}]", "{}, ".repeat(65))));
    assert_eq!(items.code, Code::WrongLength { found: 65, limit: 64 });
}

#[test]
fn mixed_session_shapes_show_both_places() {
    let text = route("sessionPersistence:\n  cookieConfig: {}\n  cookie: {}");
    let found = only(&text);
    let (related, _) = found.related.unwrap();
    assert_eq!((at(&text, related), found.span.start > related.start), ("cookieConfig", true));
}

#[test]
fn an_invalid_timeout_is_not_reported_as_missing() {
    let text = route("sessionPersistence: {absoluteTimeout: soon, cookieConfig: {lifetimeType: Permanent}}");
    assert_eq!(only(&text).code.name(), "invalid-duration");
}

#[test]
fn timeouts_are_rounded_down_with_a_warning() {
    let (manifests, diagnostics) = read(&route("sessionPersistence: {absoluteTimeout: 10s999ms}"));
    let timeout = manifests.routes[0].spec.rules[0]
        .as_ref()
        .unwrap()
        .session_persistence
        .as_ref()
        .unwrap()
        .absolute_timeout
        .clone();
    assert_eq!((timeout.unwrap().value.seconds(), diagnostics[0].severity), (10, Severity::Warning));
}

#[test]
fn references_to_the_same_gateway_must_differ() {
    let route = |refs: &str| {
        let head = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: a}\nspec:";
        format!("{head} {{parentRefs: {refs}}}\n")
    };
    let invalid = [
        ("[{name: a}, {name: a}]", "duplicate-value", "{name: a}"),
        ("[{name: a}, {name: a, port: 80}]", "ambiguous-reference", "{name: a, port: 80}"),
        (
            "[{name: a, port: 80}, {name: a, sectionName: b}]",
            "ambiguous-reference",
            "{name: a, sectionName: b}",
        ),
    ];
    each(&invalid, route);
    for valid in [
        "[{name: a, port: 80}, {name: a, port: 81}]",
        "[{name: a}, {name: a, namespace: b}]",
        "[{name: a}, {name: a, kind: Service, group: ''}]",
    ] {
        assert_eq!(read(&route(valid)).1, [], "{valid}");
    }
}

#[test]
fn lists_have_the_length_limits_of_the_api() {
    let repeat = |item: &str, count: usize| vec![item; count].join(", ");
    for (rule, limit) in [("matches: [ITEMS]", 64), ("backendRefs: [ITEMS]", 16)] {
        let item = if limit == 64 { "{}" } else { "{name: a, port: 80}" };
        assert_eq!(read(&route(&rule.replace("ITEMS", &repeat(item, limit)))).1, []);
        assert_eq!(
            only(&route(&rule.replace("ITEMS", &repeat(item, limit + 1)))).code.name(),
            "wrong-length"
        );
    }
    let rules = |matches: usize| {
        let rule = format!("{{matches: [{}]}}", repeat("{}", matches));
        format!("{}\n  - {rule}\n  - {rule}\n", route("name: a\nmatches: [{path: {value: /a}}]"))
    };
    assert_eq!(read(&rules(63)).1, []);
    assert_eq!(only(&rules(64)).code.name(), "wrong-length");
}

#[test]
fn rule_names_are_unique() {
    let text = format!("{}  - name: a\n", route("name: a"));
    assert_eq!(only(&text).code.name(), "duplicate-value");
}

#[test]
fn duplicate_objects_show_both_places() {
    let route = |version: &str, name: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/{version}\nkind: HTTPRoute\nmetadata: {{name: {name}}}\nspec: {{}}\n"
        )
    };
    let text = format!("{}---\n{}", route("v1", "a"), route("v1beta1", "a, namespace: default"));
    let found = only(&text);
    assert_eq!((found.code.name(), found.related.is_some()), ("duplicate-object", true));
    assert_eq!(read(&text).0.routes.len(), 1);
    let other = format!("{}---\n{}", route("v1", "a"), route("v1", "a, namespace: b"));
    assert_eq!(read(&other).1, []);
}

#[test]
fn a_duplicate_key_shows_both_places_and_drops_the_object() {
    let text = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n  name: b\n";
    let found = only(text);
    let (related, _) = found.related.unwrap();
    assert_eq!((found.code.name(), at(text, related)), ("duplicate-key", "name"));
    assert!(related.start < found.span.start && read(text).0.namespaces.is_empty());
}

#[test]
fn all_errors_of_an_object_are_reported_and_it_is_left_out() {
    let (manifests, diagnostics) =
        read(&route("name: A\nfilters: [1]\nbackendRefs: [{name: a}, {port: 80}]"));
    let codes: Vec<_> = diagnostics.iter().map(|d| d.code.name()).collect();
    assert_eq!(codes, ["invalid-section-name", "wrong-type", "missing-field", "missing-field"]);
    assert!(manifests.routes.is_empty());
}

#[test]
fn services_and_endpoint_slices_follow_the_rules_of_kubernetes() {
    let service = [
        ("{ports: [{port: 80}, {port: 81}]}", "duplicate-value", "81"),
        ("{ports: [{port: 80, name: a}, {port: 80, name: b}]}", "duplicate-value", "80"),
        ("{ports: [{port: 80, targetPort: '80'}]}", "invalid-port-name", "'80'"),
        ("{ports: [{port: 80, protocol: http}]}", "unknown-value", "http"),
        ("{ports: [{prot: 80, port: 80}]}", "unknown-field", "prot"),
        ("{type: ExternalName}", "missing-field", "{type: ExternalName}"),
        ("{}", "missing-field", "{}"),
    ];
    each(&service, |spec| format!("apiVersion: v1\nkind: Service\nmetadata: {{name: a}}\nspec: {spec}\n"));
    let slice = [
        ("addressType: IPv4\nendpoints: [{addresses: ['::1']}]", "invalid-ip-address", "'::1'"),
        ("addressType: IPv4\nendpoints: [{addresses: [10.0.0.01]}]", "invalid-ip-address", "10.0.0.01"),
        ("addressType: FQDN", "not-supported", "FQDN"),
        ("addressType: IPv4\nendpoints: [{addresses: []}]", "wrong-length", "[]"),
        (
            "addressType: IPv4\nendpoints: [{addresses: [10.0.0.1], conditions: {ready: 'true'}}]",
            "wrong-type",
            "'true'",
        ),
    ];
    each(&slice, |fields| {
        format!("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{name: a}}\n{fields}\n")
    });
}
