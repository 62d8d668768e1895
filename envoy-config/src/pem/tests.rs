//! Which texts are certificates and keys, and the errors for others. `MAMCAQE=` is the shortest non-empty sequence.

use super::*;

const KEY: &str = "-----BEGIN PRIVATE KEY-----\nMAMCAQE=\n-----END PRIVATE KEY-----\n";
const CERT: &str = "-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n";

fn key(text: &str) -> Result<String, PemError> {
    PrivateKey::parse(text.as_bytes()).map(|key| key.expose().to_owned())
}

fn chain(text: &str) -> Result<String, PemError> {
    CertificateChain::parse(text.as_bytes()).map(|chain| chain.as_str().to_owned())
}

#[test]
fn keys_of_every_format_are_accepted() {
    assert_eq!(key(KEY).as_deref(), Ok(KEY));
    for form in ["RSA PRIVATE KEY", "EC PRIVATE KEY"] {
        let text = KEY.replace("PRIVATE KEY", form);
        assert_eq!(key(&text), Ok(text));
    }
}

#[test]
fn a_chain_keeps_the_order_of_its_certificates_and_nothing_else() {
    let second = CERT.replace("MAMCAQE=", "MAMCAQI=");
    let text = format!("subject=ü\r\n{CERT}\n\n{second}{KEY}").replace('\n', " \r\n");
    assert_eq!(chain(&text), Ok(format!("{CERT}{second}")));
    let parameters = "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n";
    assert_eq!(key(&format!("{parameters}{KEY}")).as_deref(), Ok(KEY));
}

#[test]
fn long_blocks_have_lines_of_64_characters() {
    // 0x30 0x81 0x80 and 128 bytes.
    let der = [&[0x30, 0x81, 0x80][..], &[0; 128]].concat();
    let text = {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(der)
    };
    let written = chain(&CERT.replace("MAMCAQE=", &text)).unwrap();
    let lines: Vec<usize> = written.lines().map(str::len).collect();
    assert_eq!(lines, [27, 64, 64, 48, 25]);
    assert_eq!(written.replace('\n', ""), CERT.replace('\n', "").replace("MAMCAQE=", &text));
}

#[test]
fn swapped_files_are_reported() {
    let encrypted = KEY.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let older = KEY
        .replace("PRIVATE KEY", "RSA PRIVATE KEY")
        .replace("MAM", "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nMAM");
    assert_eq!(chain(""), Err(PemError::Empty));
    assert_eq!(chain("hello"), Err(PemError::NoBlock { wanted: "CERTIFICATE" }));
    assert_eq!(chain(KEY), Err(PemError::KeyForCertificate));
    assert_eq!(key(" \n"), Err(PemError::Empty));
    assert_eq!(key("hello"), Err(PemError::NoBlock { wanted: "PRIVATE KEY" }));
    assert_eq!(key(CERT), Err(PemError::CertificateForKey));
    assert_eq!(key(&encrypted), Err(PemError::Encrypted));
    assert_eq!(key(&older), Err(PemError::Encrypted));
    assert_eq!(key(&format!("{KEY}{KEY}")), Err(PemError::SeveralKeys));
    let public = KEY.replace("PRIVATE", "PUBLIC");
    assert_eq!(key(&public), Err(PemError::OtherBlocks { wanted: "PRIVATE KEY" }));
    assert_eq!(chain(&public), Err(PemError::OtherBlocks { wanted: "CERTIFICATE" }));
}

#[test]
fn damaged_copies_are_reported() {
    assert_eq!(key(&KEY.replace("-----END PRIVATE KEY-----\n", "")), Err(PemError::Unended));
    assert_eq!(key(&KEY.replace("-----END PRIVATE KEY-----\n", CERT)), Err(PemError::Unended));
    assert_eq!(key(&KEY.replace("MAMCAQE=", "MAMC%QE=")), Err(PemError::Body));
    // A byte too few, none at all, and no sequence.
    for body in ["MAQCAQE=", "", "BAMCAQE=", "MIQ="] {
        assert_eq!(key(&KEY.replace("MAMCAQE=", body)), Err(PemError::Content), "{body:?}");
    }
    assert_eq!(key(&KEY.replace('\n', " ")), Err(PemError::Folded));
}

#[test]
fn debug_does_not_show_a_key() {
    let shown = format!("{:?} {:?}", PrivateKey::parse(KEY.as_bytes()), PrivateKey::parse(b"secret"));
    assert_eq!(shown, "Ok(PrivateKey(..)) Err(NoBlock { wanted: \"PRIVATE KEY\" })");
}
