//! CA certificates with which listeners validate client certificates.

use super::{BASE, faulty};

/// A Gateway that validates client certificates with the ConfigMap `ca`.
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
fn unreadable_documents_do_not_hide_errors_of_config_maps_that_exist() {
    let gateway = checking();
    // The Secret may be in the unreadable document, so it is not reported.
    assert_eq!(codes(&[BASE, &gateway, EMPTY, UNREADABLE]), ["invalid-certificate", "wrong-type"]);
}

#[test]
fn config_maps_that_may_be_in_an_unreadable_document_are_not_reported_as_missing() {
    let gateway = checking();
    assert_eq!(codes(&[BASE, &gateway, UNREADABLE]), ["wrong-type"]);
}
