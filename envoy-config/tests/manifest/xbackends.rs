//! The schema of XBackends, with the rules in CEL of Gateway API 1.7 (`TestXBackendSpec`, `TestXBackendSessionPersistence`).

use super::{at, read};

/// The codes of an XBackend with this `spec`, each with the text that it marks.
fn findings(spec: &str) -> Vec<(&'static str, String)> {
    let text = format!(
        "apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {{name: x}}\nspec: {{{spec}}}\n"
    );
    let (manifests, diagnostics) = read(&text);
    assert_eq!(manifests.xbackends.len(), usize::from(diagnostics.is_empty()), "{spec}: {diagnostics:?}");
    diagnostics.iter().map(|found| (found.code.name(), at(&text, found.span).to_owned())).collect()
}

fn external(more: &str) -> String {
    format!(
        "type: ExternalHostname, externalHostname: {{hostname: example.com}}, port: {{number: 8080}}{more}"
    )
}

fn selector(more: &str) -> String {
    format!(
        "type: EndpointSelector, endpointSelector: {{matchLabels: {{app: foo}}}}, port: {{number: 80}}{more}"
    )
}

fn session(fields: &str) -> String {
    selector(&format!(", sessionPersistence: {fields}"))
}

#[test]
fn xbackends_that_the_api_accepts_are_read() {
    for spec in [
        external(""),
        external(", protocol: H2C"),
        external(", protocol: H2C, tls: {mode: None}"),
        external(", protocol: HTTP2, tls: {mode: ServerOnly}"),
        external(", protocol: WSS, tls: {mode: ServerOnly}"),
        external(", protocol: GRPC"),
        external(", protocol: MCP"),
        external(", tls: {mode: ClientAndServer, clientCertificateRef: {name: a}}"),
        selector(", protocol: HTTP11"),
        session("{cookie: {}}"),
        session("{type: Cookie, cookie: {name: a, path: /a, lifetimeType: Session}}"),
        session("{absoluteTimeout: 1h, cookie: {lifetimeType: Permanent}}"),
        session("{type: Header, header: {name: x-a}}"),
        format!("{}, sessionPersistence: ", selector("")),
    ] {
        assert_eq!(findings(&spec), [], "{spec}");
    }
}

#[test]
fn xbackends_that_the_api_rejects_are_errors() {
    let many: Vec<String> = (0..65).map(|number| format!("l{number}: a")).collect();
    let many = format!("{{{}}}", many.join(", "));
    let many_labels = selector("").replace("{app: foo}", &many);
    for (spec, code, marked) in [
        (external("").replace("{number: 8080}", "{}"), "missing-field", "{}"),
        (external("").replace("8080", "65536"), "out-of-range", "65536"),
        (external(", protocol: H2C, tls: {mode: ServerOnly}"), "conflicting-fields", "H2C"),
        (external(", protocol: HTTP2"), "conflicting-fields", "HTTP2"),
        (external(", protocol: HTTP2, tls: {mode: None}"), "conflicting-fields", "HTTP2"),
        (external(", protocol: WSS"), "conflicting-fields", "WSS"),
        (external(", protocol: WSS, tls: {mode: None}"), "conflicting-fields", "WSS"),
        (external(", sessionPersistence: {cookie: {}}"), "misplaced-field", "sessionPersistence"),
        (external(", endpointSelector: {matchLabels: {app: foo}}"), "misplaced-field", "endpointSelector"),
        (selector(", externalHostname: {hostname: example.com}"), "misplaced-field", "externalHostname"),
        (
            external("").replace("example.com", "a.svc.cluster.local"),
            "invalid-hostname",
            "a.svc.cluster.local",
        ),
        (external("").replace("example.com", "10.0.0.1"), "invalid-hostname", "10.0.0.1"),
        (external(", tls: {mode: ClientAndServer}"), "missing-field", "{mode: ClientAndServer}"),
        (
            external(", tls: {mode: ServerOnly, clientCertificateRef: {name: a}}"),
            "misplaced-field",
            "clientCertificateRef",
        ),
        (external("").replace("ExternalHostname", "Fqdn"), "unknown-value", "Fqdn"),
        (selector("").replace("{app: foo}", "{}"), "wrong-length", "{}"),
        (many_labels, "wrong-length", many.as_str()),
        (session("{}"), "missing-field", "{}"),
        (session("{type: Cookie}"), "missing-field", "{type: Cookie}"),
        (session("{cookie: {lifetimeType: Permanent}}"), "permanent-without-timeout", "Permanent"),
        (session("{type: Header}"), "missing-field", "{type: Header}"),
        (session("{type: Header, header: {}}"), "missing-field", "{}"),
        (session("{cookie: {}, header: {name: a}}"), "session-type-mismatch", "header"),
        (session("{type: Header, cookie: {}, header: {name: a}}"), "session-type-mismatch", "cookie"),
        (session("{cookie: {name: 'a b'}}"), "invalid-cookie-name", "'a b'"),
        (session("{absoluteTimeout: 1.5h, cookie: {}}"), "invalid-duration", "1.5h"),
        // Fields of rules that this kind does not have.
        (session("{sessionName: a}"), "not-supported", "sessionName"),
        (session("{cookieConfig: {lifetimeType: Session}}"), "not-supported", "cookieConfig"),
        (session("{cookie: {}, idleTimeout: 1m}"), "not-supported", "idleTimeout"),
        (selector(", protocol: TCP"), "not-supported", "TCP"),
    ] {
        assert_eq!(findings(&spec), [(code, marked.to_owned())], "{spec}");
    }
}

/// Gateway API 1.7: an XBackend has a port of its own.
#[test]
fn references_to_xbackends_have_no_port() {
    let reference = "{group: gateway.networking.x-k8s.io, kind: XBackend, name: x, port: 80}";
    for rule in [
        format!("backendRefs: [{reference}]"),
        format!("filters: [{{type: RequestMirror, requestMirror: {{backendRef: {reference}}}}}]"),
    ] {
        let text = super::route(&rule);
        let (_, diagnostics) = read(&text);
        let [found] = &diagnostics[..] else { panic!("{rule}: {diagnostics:?}") };
        assert_eq!((found.code.name(), at(&text, found.span)), ("misplaced-field", "80"), "{rule}");
    }
}
