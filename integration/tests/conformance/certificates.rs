//! Certificates of HTTPS listeners: validity, and ReferenceGrants for Secrets of other namespaces.

use crate::conditions::Statuses;
use crate::documents::{gateway, grant};
use crate::infrastructure::{INFRA, WEB};
use crate::replay::statuses;

/// An HTTPS listener whose certificate is in this Secret.
fn secured(name: &str, reference: &str) -> String {
    let tls = format!("tls: {{certificateRefs: [{reference}]}}");
    gateway(
        name,
        &format!(
            "\n  - {{name: https, protocol: HTTPS, port: 443, {tls}, allowedRoutes: {{namespaces: {{from: All}}}}}}"
        ),
    )
}

/// A certificate that is not there, of another kind or malformed is no certificate.
#[tokio::test]
async fn gateway_invalid_tls_configuration() {
    let malformed = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: malformed, namespace: {INFRA}}}\ntype: kubernetes.io/tls\n\
         data: {{tls.crt: Tm90aGluZwo=, tls.key: Tm90aGluZwo=}}\n"
    );
    let found = statuses(&[
        secured("absent", "{group: '', kind: Secret, name: no-such-certificate}"),
        secured("group", "{group: wrong.example, kind: Secret, name: tls-validity-checks-certificate}"),
        secured("kind", "{group: '', kind: Wrong, name: tls-validity-checks-certificate}"),
        secured("malformed", "{group: '', kind: Secret, name: malformed}"),
        malformed,
    ]);
    for gateway in ["absent", "group", "kind", "malformed"] {
        assert_eq!(
            found.of_listener(gateway, "https", "ResolvedRefs"),
            "False InvalidCertificateRef",
            "{gateway}"
        );
        assert!(found.kinds(gateway, "https").contains(&String::from("HTTPRoute")));
        assert_eq!(found.attached(gateway), 0);
    }
}

const CERTIFICATE: &str =
    "{group: '', kind: Secret, name: certificate, namespace: gateway-conformance-web-backend}";
const FROM_GATEWAYS: &str =
    "{group: gateway.networking.k8s.io, kind: Gateway, namespace: gateway-conformance-infra}";
const TO_CERTIFICATE: &str = "{group: '', kind: Secret, name: certificate}";

/// The status of a Gateway with a certificate of another namespace, where there are these grants.
fn with_grants(grants: &[String]) -> Statuses {
    let there = include_str!("certificate.yaml")
        .replace("tls-validity-checks-certificate", "certificate")
        .replace("gateway-conformance-infra", WEB);
    statuses(&[grants, &[secured("elsewhere", CERTIFICATE), there]].concat())
}

/// A certificate of another namespace that grants nothing is none.
#[tokio::test]
async fn gateway_secret_missing_reference_grant() {
    let found = with_grants(&[]);
    assert_eq!(found.of_listener("elsewhere", "https", "ResolvedRefs"), "False RefNotPermitted");
}

/// Grants in another namespace, from others or to others are none.
#[tokio::test]
async fn gateway_secret_invalid_reference_grant() {
    let from = |group: &str, kind: &str, namespace: &str| {
        format!("{{group: {group}, kind: {kind}, namespace: {namespace}}}")
    };
    let to =
        |group: &str, kind: &str, name: &str| format!("{{group: '{group}', kind: {kind}, name: {name}}}");
    let group = "gateway.networking.k8s.io";
    let found = with_grants(&[
        grant("gateway-conformance-app-backend", "wrong-namespace", FROM_GATEWAYS, TO_CERTIFICATE),
        grant(WEB, "wrong-from-group", &from("other.example", "Gateway", INFRA), TO_CERTIFICATE),
        grant(WEB, "wrong-from-kind", &from(group, "HTTPRoute", INFRA), TO_CERTIFICATE),
        grant(WEB, "wrong-from-namespace", &from(group, "Gateway", "elsewhere"), TO_CERTIFICATE),
        grant(WEB, "wrong-to-group", FROM_GATEWAYS, &to("other.example", "Secret", "certificate")),
        grant(WEB, "wrong-to-kind", FROM_GATEWAYS, &to("", "Service", "certificate")),
        grant(WEB, "wrong-to-name", FROM_GATEWAYS, &to("", "Secret", "other-certificate")),
    ]);
    assert_eq!(found.of_listener("elsewhere", "https", "ResolvedRefs"), "False RefNotPermitted");
    assert_eq!(found.attached("elsewhere"), 0);
}

/// A grant of every Secret is one of the certificate.
#[tokio::test]
async fn gateway_secret_reference_grant_all_in_namespace() {
    let found = with_grants(&[grant(WEB, "all", FROM_GATEWAYS, "{group: '', kind: Secret}")]);
    assert_eq!(found.of_listener("elsewhere", "https", "Programmed"), "True Programmed");
    assert_eq!(found.of_listener("elsewhere", "https", "ResolvedRefs"), "True ResolvedRefs");
}

/// So is a grant of this very Secret.
#[tokio::test]
async fn gateway_secret_reference_grant_specific() {
    let found = with_grants(&[grant(WEB, "one", FROM_GATEWAYS, TO_CERTIFICATE)]);
    assert_eq!(found.of_listener("elsewhere", "https", "Programmed"), "True Programmed");
    assert_eq!(found.of_listener("elsewhere", "https", "ResolvedRefs"), "True ResolvedRefs");
}
