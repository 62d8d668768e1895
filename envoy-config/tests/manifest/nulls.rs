//! Null fields, which templates often produce.

use super::{at, read, route};

/// A source with optional fields that are all null.
const OPTIONAL: [(&str, &str); 5] = [
    (
        "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: a}, spec: {controllerName: a.b/c}}",
        "{apiVersion: gateway.networking.k8s.io/v1, kind: GatewayClass, metadata: {name: a, namespace: , labels: , annotations: {b: }},
          spec: {controllerName: a.b/c, description: , parametersRef: }, status: }",
    ),
    (
        "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a}, spec: {
          gatewayClassName: a, listeners: [{name: a, port: 80, protocol: HTTP}]}}",
        "{apiVersion: gateway.networking.k8s.io/v1, kind: Gateway, metadata: {name: a}, spec: {
          gatewayClassName: a, addresses: , infrastructure: , allowedListeners: , defaultScope: , tls: , backendTLS: ,
          listeners: [{name: a, port: 80, protocol: HTTP, hostname: , tls: , allowedRoutes: {kinds: ,
            namespaces: {from: , selector: }}}]}}",
    ),
    (
        "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a}, spec: {
          parentRefs: [{name: a}], rules: [{matches: [{path: {}}], backendRefs: [{name: a, port: 80}], sessionPersistence: {}}]}}",
        "{apiVersion: gateway.networking.k8s.io/v1, kind: HTTPRoute, metadata: {name: a, creationTimestamp: }, spec: {
          parentRefs: [{name: a, group: , kind: , namespace: , sectionName: , port: }], hostnames: , useDefaultGateways: ,
          rules: [{name: , matches: [{path: {type: , value: }, headers: , queryParams: , method: }], filters: , timeouts: , retry: ,
            backendRefs: [{name: a, port: 80, group: , kind: , namespace: , weight: , filters: }],
            sessionPersistence: {type: , sessionName: , cookieConfig: , cookie: , header: , idleTimeout: , absoluteTimeout: }}]}}",
    ),
    (
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}",
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {type: , selector: {a: }, clusterIP: ,
          ports: [{port: 80, name: , protocol: , targetPort: , appProtocol: }]}}",
    ),
    (
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}}",
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: a}, data: {ca.crt: }}",
    ),
];

/// The manifests without places.
fn shape(text: &str) -> String {
    let (manifests, diagnostics) = read(text);
    assert_eq!(diagnostics, [], "{text}");
    let read = format!("{manifests:?}");
    let mut parts = read.split("Span {");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |shape, part| shape + part.split_once('}').map_or(part, |(_, rest)| rest))
}

#[test]
fn null_fields_count_as_omitted() {
    for (without, with) in OPTIONAL {
        assert_eq!(shape(with), shape(without));
    }
}

#[test]
fn a_required_field_that_is_null_is_missing() {
    for (text, field) in [
        (route("backendRefs: [{name: , port: 80}]"), "spec.rules[0].backendRefs[0].name"),
        (
            route("filters: [{type: RequestRedirect, requestRedirect: ~}]"),
            "spec.rules[0].filters[0].requestRedirect",
        ),
        (String::from("apiVersion: v1\nkind: Namespace\nmetadata: {name: null}\n"), "metadata.name"),
    ] {
        let (_, diagnostics) = read(&text);
        let [found] = &diagnostics[..] else { panic!("{text}\n{diagnostics:#?}") };
        let name = field.rsplit('.').next().unwrap();
        assert_eq!((found.code.name(), found.field.as_deref()), ("missing-field", Some(field)));
        assert_eq!(found.message, format!("missing field `{name}`: its value is null"));
        assert_eq!(at(&text, found.span), name);
    }
}

#[test]
fn null_items_of_lists_are_errors() {
    for rule in ["filters: [~]", "matches:\n-", "backendRefs: [null]"] {
        let (manifests, diagnostics) = read(&route(rule));
        let [found] = &diagnostics[..] else { panic!("{rule}\n{diagnostics:#?}") };
        assert_eq!((found.code.name(), manifests.routes.len()), ("wrong-type", 0), "{rule}");
    }
}
