//! Every file of `tests/certificates` is accepted or rejected as Envoy does
//! (`integration/tests/envoy/certificates.rs` checks that).

use std::fs;
use std::path::PathBuf;

use envoy_config::pem::{CertificateChain, PrivateKey};
use envoy_config::x509::{CaCertificatesError, Unusable, ca_certificates, check_pair};

fn files(folder: &str) -> Vec<(String, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<(String, Vec<u8>)> = paths
        .map(|path| (path.file_stem().unwrap().to_string_lossy().into_owned(), fs::read(&path).unwrap()))
        .collect();
    files.sort();
    assert!(!files.is_empty());
    files
}

fn checked(text: &[u8]) -> Result<(), Unusable> {
    check_pair(&CertificateChain::parse(text).unwrap(), &PrivateKey::parse(text).unwrap())
}

#[test]
fn certificates_that_envoy_accepts_are_accepted() {
    for (name, text) in files("accepted") {
        assert_eq!(checked(&text), Ok(()), "{name}");
    }
}

#[test]
fn certificates_that_envoy_rejects_are_rejected_with_the_reason() {
    let curve = |name: &str| Unusable::Curve(name.to_owned());
    let algorithm = |name: &str| Unusable::Algorithm(name.to_owned());
    let expected = [
        ("ca-first", Unusable::Order(2)),
        ("date-not-a-date", Unusable::NotX509(1)),
        ("ecdsa-brainpool", curve("brainpoolP256r1")),
        ("ecdsa-describes-its-curve", curve("with explicit parameters")),
        ("ecdsa-key-usage-without-signatures", Unusable::KeyUsage),
        ("ecdsa-p224", curve("P-224")),
        ("ecdsa-point-of-another-number", Unusable::PrivateKey),
        ("ecdsa-sec1-without-curve", Unusable::PrivateKey),
        ("ecdsa-secp256k1", curve("secp256k1")),
        ("ed25519-second-version", Unusable::PrivateKey),
        ("ed448", algorithm("Ed448")),
        ("garbage-first", Unusable::NotX509(1)),
        ("garbage-second", Unusable::NotX509(2)),
        ("mismatch-ecdsa", Unusable::Mismatch),
        ("mismatch-ed25519", Unusable::Mismatch),
        ("mismatch-kind", Unusable::Mismatch),
        ("mismatch-rsa", Unusable::Mismatch),
        ("must-staple", Unusable::MustStaple),
        ("name-not-utf-8", Unusable::NotX509(1)),
        ("pkcs1-under-the-label-of-pkcs8", Unusable::PrivateKey),
        ("point-off-the-curve", Unusable::PublicKey),
        ("rsa-1024", Unusable::ShortRsa(1024)),
        ("rsa-2047", Unusable::ShortRsa(2047)),
        ("rsa-pss", algorithm("RSA-PSS")),
        ("rsa-wrong-coefficient", Unusable::PrivateKey),
        ("rsa-wrong-exponent", Unusable::PrivateKey),
        ("rsa-wrong-prime", Unusable::PrivateKey),
        ("rsa-wrong-remainder", Unusable::PrivateKey),
    ];
    let found: Vec<_> =
        files("refused").into_iter().map(|(name, text)| (name, checked(&text).unwrap_err())).collect();
    let found: Vec<_> = found.iter().map(|(name, why)| (name.as_str(), why.clone())).collect();
    assert_eq!(found, expected);
}

#[test]
fn ca_certificates_may_have_any_key_and_must_be_x509() {
    for (name, text) in files("authorities") {
        assert_eq!(
            ca_certificates(&text),
            CertificateChain::parse(&text).map_err(CaCertificatesError::Pem),
            "{name}"
        );
    }
    let (_, garbage) = files("refused").into_iter().find(|(name, _)| name == "garbage-second").unwrap();
    assert_eq!(ca_certificates(&garbage), Err(CaCertificatesError::X509(Unusable::NotX509(2))));
}
