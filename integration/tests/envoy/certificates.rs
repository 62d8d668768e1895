//! Envoy accepts and rejects the same certificates, keys and CA certificates as the compiler.
//!
//! Each file of `envoy-config/tests/certificates` becomes a Secret or a ConfigMap, for which the bootstrap is rendered. The
//! compiler rejects invalid ones, so for these the bootstrap is rendered with a valid certificate, which is then replaced.

use std::fs;
use std::path::PathBuf;

use integration::harness::deployment::Deployment;
use integration::harness::manifests::Manifests;
use integration::harness::workspace;

use crate::setup::{deployment, route};

/// The fields of the Gateway.
const GATEWAY: &str = "
listeners:
- {name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: certificate}]}}
tls: {frontend: {default: {validation: {caCertificateRefs: [{group: '', kind: ConfigMap, name: authorities}]}}}}
";

fn folder(name: &str) -> PathBuf {
    workspace::root().join("envoy-config/tests/certificates").join(name)
}

fn file(name: &str) -> String {
    fs::read_to_string(folder(&format!("{name}.pem"))).unwrap()
}

/// The files of a folder by their names.
fn files(name: &str) -> Vec<(String, String)> {
    let paths = fs::read_dir(folder(name)).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, String)> =
        paths.map(|path| (path.display().to_string(), fs::read_to_string(&path).unwrap())).collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn escaped(text: &str) -> String {
    text.replace('\n', "\\n")
}

/// A Gateway with this certificate, which accepts client certificates of these CAs.
fn manifests(certificate: &str, authorities: &str) -> Manifests {
    let certificate = escaped(certificate);
    Manifests::gateway_with(GATEWAY)
        .with(&format!(
            "{{apiVersion: v1, kind: Secret, metadata: {{name: certificate}}, type: kubernetes.io/tls, stringData: {{tls.crt: \"{certificate}\", tls.key: \"{certificate}\"}}}}"
        ))
        .with(&format!(
            "{{apiVersion: v1, kind: ConfigMap, metadata: {{name: authorities}}, data: {{ca.crt: \"{}\"}}}}",
            escaped(authorities)
        ))
        .with(&route("route", &[String::from(
            "filters: [{type: RequestRedirect, requestRedirect: {hostname: www.example.com}}]",
        )]))
}

/// The certificates and the key of a text as they stand in a bootstrap.
fn blocks(text: &str) -> (String, String) {
    let label = text.find("PRIVATE KEY").unwrap();
    let key = text.get(..label).and_then(|before| before.rfind("-----BEGIN")).unwrap();
    let (certificates, key) = text.split_at(key);
    (certificates.to_owned(), key.to_owned())
}

#[test]
fn envoy_accepts_every_certificate_that_the_compiler_accepts() {
    for (name, text) in files("accepted") {
        let rendered = deployment(&manifests(&text, &file("authorities/p256")));
        rendered.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn envoy_accepts_ca_certificates_with_any_key_type() {
    for (name, text) in files("authorities") {
        let rendered = deployment(&manifests(&file("accepted/ed25519"), &text));
        rendered.validate().unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

#[test]
fn envoy_rejects_every_certificate_that_the_compiler_rejects() {
    let good = file("accepted/ecdsa-p256");
    let rendered = deployment(&manifests(&good, &file("authorities/p256")));
    // As JSON, in which a text stands in one piece.
    let bootstrap: serde_json::Value = serde_saphyr::from_str(rendered.bootstrap()).unwrap();
    let bootstrap = bootstrap.to_string();
    let (good_chain, good_key) = blocks(&good);
    let literal = |text: &str| serde_json::to_string(text).unwrap();
    for part in [&good_chain, &good_key] {
        assert!(bootstrap.contains(&literal(part)), "{bootstrap}");
    }
    for (name, text) in files("refused") {
        let (chain, key) = blocks(&text);
        let replaced = bootstrap
            .replace(&literal(&good_chain), &literal(&chain))
            .replace(&literal(&good_key), &literal(&key));
        let validated = Deployment::of_bootstrap(replaced).unwrap().validate();
        let Err(refusal) = validated else { panic!("Envoy takes {name}") };
        let refusal = refusal.to_string();
        let expected =
            ["Failed to load certificate chain", "Failed to load private key", "OCSP response is required"];
        assert!(expected.iter().any(|one| refusal.contains(one)), "{name}: {refusal}");
    }
}
