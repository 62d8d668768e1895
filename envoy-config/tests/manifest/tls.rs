//! Reading HTTPS listeners and Secrets, their errors, and that diagnostics never show a secret value.

use envoy_config::diagnostic;
use envoy_config::manifest::core::secret::Secret;
use envoy_config::manifest::gateway_api::gateway::Protocol;
use envoy_config::source::Source;
use proptest::prelude::*;

use super::{at, read};

const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";
const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMAMCAQI=\n-----END PRIVATE KEY-----\n";
/// The certificate and the key in base64.
const CERTIFICATE_DATA: &str =
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1BTUNBUUU9Ci0tLS0tRU5EIENFUlRJRklDQVRFLS0tLS0K";
const KEY_DATA: &str = "LS0tLS1CRUdJTiBQUklWQVRFIEtFWS0tLS0tCk1BTUNBUUk9Ci0tLS0tRU5EIFBSSVZBVEUgS0VZLS0tLS0K";

/// A Secret `a` of the type `kubernetes.io/tls` with these fields.
fn secret(fields: &str) -> String {
    format!("apiVersion: v1\nkind: Secret\nmetadata: {{name: a}}\ntype: kubernetes.io/tls\n{fields}\n")
}

/// A Gateway with one listener that has these fields.
fn listener(fields: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: a}}\n\
         spec: {{gatewayClassName: a, listeners: [{{name: a, port: 443, {fields}}}]}}\n"
    )
}

fn codes(text: &str) -> Vec<(&'static str, String)> {
    let (_, found) = read(text);
    found.into_iter().map(|one| (one.code.name(), at(text, one.span).to_owned())).collect()
}

#[test]
fn certificates_and_keys_are_read_from_data_and_from_string_data() {
    let strings =
        |certificate: &str, key: &str| format!("stringData: {{tls.crt: {certificate:?}, tls.key: {key:?}}}");
    let data = |certificate: &str, key: &str| format!("data: {{tls.crt: {certificate}, tls.key: {key}}}");
    let wrapped = KEY_DATA.replace("LS0t", "LS0t\\n");
    for fields in [
        strings(CERTIFICATE, KEY),
        data(CERTIFICATE_DATA, KEY_DATA),
        data(CERTIFICATE_DATA, &format!("\"{wrapped}\"")),
        // `stringData` overrides `data`.
        format!("{}\n{}", data("bm90aGluZw==", "bm90aGluZw=="), strings(CERTIFICATE, KEY)),
        format!("immutable: true\n{}", data(CERTIFICATE_DATA, &format!("{KEY_DATA}, ca.crt: "))),
    ] {
        let (manifests, found) = read(&secret(&fields));
        assert_eq!(found, [], "{fields}");
        let Secret::Tls { certificates, key } = &manifests.secrets[0].spec else { panic!("{fields}") };
        assert_eq!((certificates.as_str(), key.expose()), (CERTIFICATE, KEY), "{fields}");
    }
}

#[test]
fn secrets_of_other_types_are_read_without_their_data() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {password: c2VjcmV0}\n";
    let (manifests, found) = read(text);
    assert_eq!(found, []);
    assert!(matches!(&manifests.secrets[0].spec, Secret::Other(kind) if kind.value == "Opaque"));
    assert!(!format!("{manifests:?}").contains("c2VjcmV0"));
}

#[test]
fn an_invalid_value_is_reported_at_its_key() {
    let good = format!("tls.crt: {CERTIFICATE_DATA}");
    for (value, code) in [
        ("'%%%'", "invalid-base64"),
        ("LS0t LS0t", "invalid-base64"),
        ("12", "wrong-type"),
        ("[a]", "wrong-type"),
    ] {
        let text = secret(&format!("data: {{{good}, tls.key: {value}}}"));
        assert_eq!(codes(&text), [(code, String::from("tls.key"))], "{value}");
    }
    // The API server accepts these.
    for value in ["", "bm90aGluZw==", CERTIFICATE_DATA] {
        let text = secret(&format!("data: {{{good}, tls.key: {value}}}"));
        let (manifests, found) = read(&text);
        let Secret::Unusable(values) = &manifests.secrets[0].spec else { panic!("{value}") };
        assert_eq!((found.len(), values.len(), values[0].field.as_str()), (0, 1, "data[\"tls.key\"]"));
        assert_eq!(at(&text, values[0].span), "tls.key", "{value}");
    }
    let missing = secret(&format!("data: {{{good}}}"));
    assert_eq!(codes(&missing), [("missing-field", String::from("data"))]);
}

#[test]
fn a_line_of_a_private_key_that_became_a_field_is_hidden() {
    for text in [
        secret("stringData:\n  tls.crt: a\nXYZZY: |\n  b"),
        secret("data:\n  XYZZY: [1]"),
        secret("data:\n  a: YQ==\nmetadata: {name: a, XYZZY: b}").replacen("metadata: {name: a}\n", "", 1),
    ] {
        let (_, found) = read(&text);
        let printed = format!("{found:?}");
        assert!(!found.is_empty() && !printed.contains("XYZZY"), "{text}\n{printed}");
    }
    let (_, found) = read(&secret("sringData: {tls.crt: a, tls.key: b}"));
    assert_eq!(found[0].hint.as_deref(), Some("did you mean `stringData`?"));
}

#[test]
fn certificate_references_have_defaults() {
    let refs = "{name: b}, {group: '', kind: Secret, name: c, namespace: d}";
    let text = listener(&format!("protocol: HTTPS, tls: {{certificateRefs: [{refs}]}}"));
    let (manifests, found) = read(&text);
    assert_eq!(found, []);
    let Protocol::Https(tls) = &manifests.gateways[0].spec.listeners[0].protocol.value else {
        panic!("{manifests:?}")
    };
    let read: Vec<_> = tls
        .certificates
        .iter()
        .map(|one| {
            let namespace = one.namespace.as_ref().map(|namespace| namespace.value.as_str());
            (one.group.value.as_str(), one.kind.value.as_str(), one.name.value.as_str(), namespace)
        })
        .collect();
    assert_eq!(read, [("", "Secret", "b", None), ("", "Secret", "c", Some("d"))]);
}

#[test]
fn protocol_and_tls_must_match() {
    let refs = "certificateRefs: [{name: a}]";
    for (fields, code, place) in [
        ("protocol: HTTPS, tls: {}", "missing-field", "{}"),
        ("protocol: HTTPS, tls: {mode: Terminate, certificateRefs: []}", "missing-field", "certificateRefs"),
        ("protocol: HTTPS, tls: {mode: Passthrough}", "tls-mismatch", "Passthrough"),
        ("protocol: HTTPS, tls: {mode: terminate, REFS}", "unknown-value", "terminate"),
        ("protocol: HTTPS, tls: {options: {a.b/c: 1}}", "wrong-type", "1"),
        ("protocol: HTTPS, tls: {REFS, frontendValidation: {}}", "missing-field", "{}"),
        ("protocol: HTTPS, tls: {certificateRefs: [{nam: a, name: a}]}", "unknown-field", "nam"),
        ("protocol: HTTPS, tls: {certificateRefs: [{}]}", "missing-field", "{}"),
        ("protocol: HTTP, tls: {REFS}", "tls-mismatch", "tls"),
        ("protocol: TCP, tls: {mode: Passthrough}", "tls-mismatch", "tls"),
        ("protocol: TLS", "missing-field", "TLS"),
    ] {
        let text = listener(&fields.replace("REFS", refs));
        assert_eq!(codes(&text), [(code, place.to_owned())], "{fields}");
    }
}

/// `resolve` decides whether they can be served, and leaves out only those that cannot.
#[test]
fn all_listeners_that_the_api_accepts_are_read() {
    for fields in [
        "protocol: HTTPS",
        "protocol: HTTPS, tls: {options: {example.com/a: b}}",
        "protocol: TLS, tls: {mode: Passthrough}",
        "protocol: TCP",
        "protocol: INVALID",
        "protocol: example.com/protocol",
        "protocol: HTTP, allowedRoutes: {kinds: [{kind: GRPCRoute}, {group: example.com, kind: HTTPRoute}]}",
    ] {
        assert_eq!(codes(&listener(fields)), [], "{fields}");
    }
}

#[test]
fn http_and_https_on_one_port_are_not_duplicates() {
    let fields = "protocol: HTTP}, {name: b, port: 443, protocol: HTTPS, tls: {certificateRefs: [{name: a}]}";
    assert_eq!(codes(&listener(fields)), [], "what they mean together is not for the reader");
    let twice =
        format!("{fields}}}, {{name: c, port: 443, protocol: HTTPS, tls: {{certificateRefs: [{{name: a}}]}}");
    assert_eq!(codes(&listener(&twice))[0].0, "duplicate-value");
}

/// A Secret in three styles of manifests, with `XYZZY` in every value.
const SECRETS: [&str; 3] = [
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n    -----BEGIN CERTIFICATE-----\n    XYZZY\n    -----END CERTIFICATE-----\n  tls.key: |\n    -----BEGIN PRIVATE KEY-----\n    XYZZY\n    -----END PRIVATE KEY-----\n",
    "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ntype: kubernetes.io/tls\ndata:\n  tls.crt: XYZZY\n  tls.key: XYZZY\n",
    "{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {\"name\": \"a\"}, \"type\": \"kubernetes.io/tls\", \"data\": {\"tls.crt\": \"XYZZY\", \"tls.key\": \"XYZZY\"}}\n",
];

proptest! {
    #[test]
    fn diagnostics_never_contain_a_value_of_a_secret(
        which in 0..SECRETS.len(),
        place in any::<prop::sample::Index>(),
        edit in prop_oneof![
            "[\\x00-\\x7f]".prop_map(Some),
            Just(None),
            Just(Some(String::from("\n"))),
            Just(Some(String::from(": "))),
        ],
    ) {
        let mut text = SECRETS[which].to_owned();
        let start = place.index(text.len());
        text.replace_range(start..=start, edit.as_deref().unwrap_or_default());
        let gateway = listener("protocol: HTTP, x: y");
        let source = |name: &str, text: &str| Source { name: name.to_owned(), text: text.to_owned() };
        // Sources without a Secret are still shown.
        let sources = [source("gateway.yaml", &gateway), source("secret.yaml", &format!("{}---\n{text}", gateway.replace("name: g", "name: h")))];
        let (_, found) = envoy_config::manifest::read(&sources);
        let printed = diagnostic::print(&found, &sources, false);
        prop_assert!(printed.contains("spec: {gatewayClassName"), "{printed}");
        prop_assert!(!printed.contains("XYZZY"), "{text}\n{printed}");
    }
}
