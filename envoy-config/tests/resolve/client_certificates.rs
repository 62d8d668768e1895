//! The CA certificates that listeners check client certificates with.

use super::{BASE, faulty};

/// A Gateway that checks client certificates with the ConfigMap `ca`.
fn checking() -> String {
    let validation = "{caCertificateRefs: [{group: '', kind: ConfigMap, name: ca}]}";
    let listener = "{name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: cert}]}}";
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: checking}}
spec:
  gatewayClassName: eg
  tls: {{frontend: {{default: {{validation: {validation}}}}}}}
  listeners: [{listener}]
"
    )
}

const EMPTY: &str = "{apiVersion: v1, kind: ConfigMap, metadata: {name: ca}, data: {other: x}}";
const UNREADABLE: &str = "kind EndpointSlice";

fn codes(documents: &[&str]) -> Vec<&'static str> {
    faulty(documents).1
}

#[test]
fn an_unreadable_document_hides_no_error_of_a_config_map_that_was_found() {
    let gateway = checking();
    // The Secret is in no document that could be read, so that one may be missing.
    assert_eq!(codes(&[BASE, &gateway, EMPTY, UNREADABLE]), ["invalid-certificate", "wrong-type"]);
}

#[test]
fn a_config_map_that_may_be_in_an_unreadable_document_is_not_reported_as_missing() {
    let gateway = checking();
    assert_eq!(codes(&[BASE, &gateway, UNREADABLE]), ["wrong-type"]);
}
