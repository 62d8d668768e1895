//! Requests over TLS, by `curl`: it tells the hostname of the handshake from that of the request, and checks certificates.

use std::fs;
use std::net::SocketAddr;

use integration::client::{Answer, parse};
use serde::Deserialize;
use tokio::process::Command;

use crate::case::Ask;

/// Asks an address after a handshake for `hostname`, trusting the infrastructure's certificate alone.
pub(crate) async fn ask(
    address: SocketAddr,
    hostname: &str,
    host: &str,
    ask: &Ask,
    option: &str,
) -> Result<Answer, String> {
    let folder = tempfile::tempdir().unwrap();
    let authorities = folder.path().join("authorities.pem");
    fs::write(&authorities, certificate()).unwrap();
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--include", "--noproxy", "*", "--max-time", "30", option]);
    command.arg("--cacert").arg(authorities);
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
