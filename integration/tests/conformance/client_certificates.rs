//! Client certificates: which clients an HTTPS listener accepts.
//!
//! The client certificates are self-signed and serve as CA certificates of the listeners.

use crate::case::get;
use crate::documents::{TO_V1, TO_V2, config_map, gateway, http_route};
use crate::infrastructure::{INFRA, V1, V2, WEB};
use crate::replay::{Replay, statuses};
use crate::tls::Identity;

const ONE: Identity =
    Identity { certificate: include_str!("clients/one.pem"), key: include_str!("clients/one-key.pem") };
const TWO: Identity =
    Identity { certificate: include_str!("clients/two.pem"), key: include_str!("clients/two-key.pem") };

const SECRET: &str = "tls: {certificateRefs: [{name: tls-validity-checks-certificate}]}";

/// A Gateway with HTTPS on two ports: the clients of the one are to come from one authority, those of the other from
/// another, in this mode of validation.
fn two_authorities(mode: &str) -> [String; 5] {
    let validation =
        |name: &str| format!("{{{mode}caCertificateRefs: [{{group: '', kind: ConfigMap, name: {name}}}]}}");
    let listeners = format!(
        "\n  - {{name: https, protocol: HTTPS, port: 443, {SECRET}}}\n  \
         - {{name: other, protocol: HTTPS, port: 8443, hostname: second-example.org, {SECRET}}}\n  \
         tls: {{frontend: {{default: {{validation: {}}}, perPort: [{{port: 8443, tls: {{validation: {}}}}}]}}}}",
        validation("one"),
        validation("two"),
    );
    [
        gateway("clients", &listeners),
        config_map(INFRA, "one", ONE.certificate),
        config_map(INFRA, "two", TWO.certificate),
        http_route(INFRA, "first", "{name: clients}", "example.org", &format!("\n  - {TO_V1}")),
        http_route(INFRA, "second", "{name: clients, sectionName: other}", "", &format!("\n  - {TO_V2}")),
    ]
}

/// A listener accepts client certificates of its CA, which can differ by port.
#[tokio::test]
async fn gateway_with_clientcertificate_validation() {
    let replay = Replay::start(&two_authorities("")).await;
    let (first, second) = ("example.org", "second-example.org");
    let to_first = [(first, get("/").host(first).reaches(V1))];
    let to_second = [(second, get("/").host(second).reaches(V2))];
    replay.check_tls_as(Some(&ONE), "clients", 443, &to_first).await;
    replay.check_tls_as(Some(&TWO), "clients", 8443, &to_second).await;
    for (client, port, hostname) in
        [(Some(&TWO), 443, first), (None, 443, first), (Some(&ONE), 8443, second), (None, 8443, second)]
    {
        replay.check_refused(client, "clients", port, hostname).await;
    }
}

/// `AllowInsecureFallback` accepts every client, and the Gateway has a condition about it.
#[tokio::test]
async fn gateway_with_clientcertificate_validation_insecure_fallback() {
    let replay = Replay::start(&two_authorities("mode: AllowInsecureFallback, ")).await;
    let told = replay.statuses.of_gateway("clients", "InsecureFrontendValidationMode");
    assert_eq!(told, "True ConfigurationChanged");
    let (first, second) = ("example.org", "second-example.org");
    for client in [Some(&ONE), Some(&TWO), None] {
        replay.check_tls_as(client, "clients", 443, &[(first, get("/").host(first).reaches(V1))]).await;
        replay.check_tls_as(client, "clients", 8443, &[(second, get("/").host(second).reaches(V2))]).await;
    }
}

/// A port without a valid CA certificate is not served; the others are.
#[tokio::test]
async fn gateway_with_invalid_clientcertificate_validation() {
    let listener = |name: &str, port: u16| {
        format!(
            "\n  - {{name: {name}, protocol: HTTPS, port: {port}, hostname: {name}.example.org, {SECRET}}}"
        )
    };
    let validation = |reference: &str| format!("{{validation: {{caCertificateRefs: [{reference}]}}}}");
    let per_port = |port: u16, reference: &str| format!("{{port: {port}, tls: {}}}", validation(reference));
    let listeners = [
        listener("valid", 443),
        listener("unresolved", 7443),
        listener("kind", 8443),
        listener("elsewhere", 6443),
        format!(
            "\n  tls: {{frontend: {{default: {}, perPort: [{}, {}, {}]}}}}",
            validation("{group: '', kind: ConfigMap, name: one}"),
            per_port(7443, "{group: '', kind: ConfigMap, name: no-such-map}"),
            per_port(8443, "{group: '', kind: Service, name: infra-backend-v2}"),
            per_port(6443, &format!("{{group: '', kind: ConfigMap, name: one, namespace: {WEB}}}")),
        ),
    ];
    let found = statuses(&[
        gateway("clients", &listeners.concat()),
        config_map(INFRA, "one", ONE.certificate),
        config_map(WEB, "one", ONE.certificate),
    ]);
    for (condition, told) in [
        ("ResolvedRefs", "True ResolvedRefs"),
        ("Accepted", "True Accepted"),
        ("Programmed", "True Programmed"),
    ] {
        assert_eq!(found.of_listener("clients", "valid", condition), told);
    }
    for (listener, reason) in [
        ("unresolved", "InvalidCACertificateRef"),
        ("kind", "InvalidCACertificateKind"),
        ("elsewhere", "RefNotPermitted"),
    ] {
        let told = |condition: &str| found.of_listener("clients", listener, condition);
        assert_eq!(told("ResolvedRefs"), format!("False {reason}"), "{listener}");
        assert_eq!(told("Accepted"), "False NoValidCACertificate", "{listener}");
        assert!(told("Programmed").starts_with("False "), "{listener}");
    }
}

/// A default without a valid authority keeps HTTPS from being served, and HTTP is.
#[tokio::test]
async fn gateway_invalid_default_frontend_client_certificate_validation() {
    let validation = |name: &str| {
        format!("{{validation: {{caCertificateRefs: [{{group: '', kind: ConfigMap, name: {name}}}]}}}}")
    };
    let listeners = format!(
        "\n  - {{name: https, protocol: HTTPS, port: 443, {SECRET}}}\n  - {{name: http, protocol: HTTP, port: 80}}\n  \
         tls: {{frontend: {{default: {}, perPort: [{{port: 80, tls: {}}}]}}}}",
        validation("no-such-map"),
        validation("one"),
    );
    let documents = [
        gateway("clients", &listeners),
        config_map(INFRA, "one", ONE.certificate),
        http_route(INFRA, "route", "{name: clients}", "example.org", &format!("\n  - {TO_V1}")),
    ];
    let faulty = ["Gateway gateway-conformance-infra/clients"];
    let replay = Replay::start_with_errors(&faulty, &documents).await;
    for condition in ["ResolvedRefs", "Accepted", "Programmed"] {
        assert!(
            replay.statuses.of_listener("clients", "http", condition).starts_with("True "),
            "{condition}"
        );
    }
    let told = |condition: &str| replay.statuses.of_listener("clients", "https", condition);
    assert_eq!(told("ResolvedRefs"), "False InvalidCACertificateRef");
    assert_eq!(told("Accepted"), "False NoValidCACertificate");
    assert!(told("Programmed").starts_with("False "));
    replay.check("clients", 80, &[get("/").host("example.org").reaches(V1)]).await;
    assert_eq!(replay.listener("clients", 443), None);
}
