//! Requests over TLS with `curl`, which takes SNI and `Host` separately and verifies certificates.

use std::fs;
use std::net::SocketAddr;

use integration::harness::client::{Answer, parse};
use serde::Deserialize;
use tokio::process::Command;

use crate::case::Ask;

/// Who a client says it is, in PEM.
#[derive(Debug)]
pub(crate) struct Identity {
    pub(crate) certificate: &'static str,
    pub(crate) key: &'static str,
}

/// How to connect.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) hostname: &'a str,
    pub(crate) identity: Option<&'a Identity>,
    /// curl's option for a version of HTTP.
    pub(crate) version: &'a str,
}

/// Asks for something after a handshake, trusting the infrastructure's certificate alone.
pub(crate) async fn ask(handshake: Handshake<'_>, host: &str, ask: &Ask) -> Result<Answer, String> {
    let Handshake { address, hostname, identity, version } = handshake;
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", "30", version]);
    command.arg("--cacert").arg(file("authorities.pem", &certificate()));
    if let Some(Identity { certificate, key }) = identity {
        command.arg("--cert").arg(file("client.pem", certificate));
        command.arg("--key").arg(file("client-key.pem", key));
    }
    command.args(["--connect-to", &format!("{hostname}:443:{address}")]);
    command.args(["--request", ask.method.as_str(), "--header", &format!("host: {host}")]);
    for (name, value) in &ask.headers {
        command.args(["--header", &format!("{name}: {value}")]);
    }
    let output = command.arg(format!("https://{hostname}{}", ask.path)).output().await.unwrap();
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    parse(&output.stdout).ok_or_else(|| format!("no answer: {}", String::from_utf8_lossy(&output.stdout)))
}

/// The certificate of the Gateway's HTTPS listeners.
fn certificate() -> String {
    #[derive(Deserialize)]
    struct Secret {
        #[serde(rename = "stringData")]
        data: Data,
    }
    #[derive(Deserialize)]
    struct Data {
        #[serde(rename = "tls.crt")]
        certificate: String,
    }
    let secret: Secret = serde_saphyr::from_str(include_str!("certificate.yaml")).unwrap();
    secret.data.certificate
}
