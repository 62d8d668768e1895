//! HTTPS listeners: certificate selection, misdirected requests, and secure cookies.
//!
//! The certificates are those of the golden case `https`; the client is `curl`, which checks them.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::Output;

use envoy_config::manifest::{self, core::secret::Secret};
use envoy_config::source::Source;
use integration::backend::Backend;
use integration::harness::envoy::Process;
use integration::harness::manifests::{Manifests, route_of};
use integration::harness::workspace;
use tempfile::TempDir;
use tokio::process::Command;

use crate::setup::{COOKIE, browser, client, pod, pods, route, rule, serve_valid_parts};
use crate::strict::settings;

/// One port for everything, for `*.example.com` and for `shop.example.com`, and one for HTTP in the clear.
const LISTENERS: &str = "
  - {name: http, protocol: HTTP, port: 80}
  - {name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: localhost}]}}
  - name: wildcard
    protocol: HTTPS
    port: 443
    hostname: '*.example.com'
    tls: {certificateRefs: [{name: example}]}
  - name: shop
    protocol: HTTPS
    port: 443
    hostname: shop.example.com
    tls: {certificateRefs: [{name: shop}]}";

/// An Envoy, and a folder for the files of its clients.
struct HttpsEnvoy {
    process: Process,
    folder: TempDir,
}

fn secrets() -> String {
    fs::read_to_string(workspace::root().join("envoy-config/tests/golden/https/secrets.yaml")).unwrap()
}

/// The certificate of one of the Secrets, which signs itself.
fn certificate(name: &str) -> String {
    pair(name).0
}

fn private_key(name: &str) -> String {
    pair(name).1
}

fn pair(name: &str) -> (String, String) {
    let (manifests, _) = manifest::read(&[Source { name: String::from("secrets.yaml"), text: secrets() }]);
    let secret = manifests.secrets.iter().find(|secret| secret.metadata.name.value == name).unwrap();
    match &secret.spec {
        Secret::Tls { certificates, key } => (certificates.as_str().to_owned(), key.expose().to_owned()),
        other => panic!("{other:?}"),
    }
}

async fn serve(pods: &[Backend]) -> HttpsEnvoy {
    serve_listeners(LISTENERS, pods).await
}

/// An Envoy that serves what it can of these listeners.
async fn serve_listeners(listeners: &str, pods: &[Backend]) -> HttpsEnvoy {
    serve_gateway(Manifests::gateway_with(&format!("listeners:{listeners}")), pods).await
}

async fn serve_gateway(gateway: Manifests, pods: &[Backend]) -> HttpsEnvoy {
    let manifests = gateway
        .with(&secrets())
        .service("backend", pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], COOKIE)]));
    HttpsEnvoy { process: serve_valid_parts(&manifests).await, folder: tempfile::tempdir().unwrap() }
}

impl HttpsEnvoy {
    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Gets `/get` from the HTTPS port with a handshake for this hostname, trusting only the certificate of this Secret.
    async fn get(&self, hostname: &str, trusted: &str, more: &[&str]) -> Output {
        let authorities = self.file(trusted);
        fs::write(&authorities, certificate(trusted)).unwrap();
        let address = self.process.listener("default/eg/443").unwrap();
        let output = Command::new("curl")
            .args(["--silent", "--show-error", "--noproxy", "*", "--max-time", "30", "--cacert"])
            .arg(authorities)
            .args(["--connect-to", &format!("{hostname}:443:{address}")])
            .args(more)
            .arg(format!("https://{hostname}/get"))
            .output();
        output.await.unwrap()
    }

    /// What this request prints about its answer, in curl's words.
    async fn told(&self, hostname: &str, trusted: &str, what: &str, more: &[&str]) -> String {
        let body = self.file("body");
        let asked = ["--output", body.to_str().unwrap(), "--write-out", what];
        let output = self.get(hostname, trusted, &[&asked, more].concat()).await;
        let log = self.process.log();
        assert!(output.status.success(), "{}\n{log}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// The pod that answers.
    async fn pod(&self, hostname: &str, trusted: &str, more: &[&str]) -> String {
        let status = self.told(hostname, trusted, "%{http_code}", more).await;
        assert_eq!(status, "200", "{}", self.process.log());
        let echo: serde_json::Value = serde_json::from_slice(&fs::read(self.file("body")).unwrap()).unwrap();
        echo["pod"].as_str().unwrap().to_owned()
    }
}

/// What the cookie of a first answer over HTTPS has behind its token, with this policy.
async fn attributes(cookie: &str) -> String {
    let pods = pods::<4>();
    let gateway = Manifests::gateway_with(&format!("listeners:{LISTENERS}"));
    let rules = [rule("/", &[("backend", 1)], COOKIE)];
    let manifests = gateway
        .with(&secrets())
        .service("backend", &pods)
        .with(&route_of("[{name: eg, sectionName: https}]", "route", &rules))
        .with(&settings("kind: HTTPRoute, name: route", &format!("cookie: {cookie}")));
    let process = serve_valid_parts(&manifests).await;
    let envoy = HttpsEnvoy { process, folder: tempfile::tempdir().unwrap() };
    let (jar, head) = (envoy.file("jar"), envoy.file("head"));
    let [jar, head] = [&jar, &head].map(|path| path.to_str().unwrap());
    let keep = ["--cookie", jar, "--cookie-jar", jar];
    let first = envoy.pod("example.org", "localhost", &[&keep[..], &["--dump-header", head]].concat()).await;
    // Curl rejects the cookies that browsers reject because of their prefix.
    for _ in 0..5 {
        assert_eq!(envoy.pod("example.org", "localhost", &keep).await, first, "{cookie}");
    }
    let head = fs::read_to_string(head).unwrap();
    let line = head.lines().find(|line| line.to_lowercase().starts_with("set-cookie: ")).unwrap();
    let (name, attributes) = line.split_once(';').unwrap();
    let name = name.split_once(' ').unwrap().1.split('=').next().unwrap();
    format!("{name};{attributes}")
}

#[tokio::test]
async fn cookies_have_the_attributes_of_a_policy() {
    for (cookie, expected) in [
        (
            "{sameSite: None, partitioned: true, prefix: __Host-, path: /}",
            "__Host-session; Path=/; Secure; HttpOnly; SameSite=None; Partitioned",
        ),
        (
            "{sameSite: Strict, domain: example.org, path: /get, prefix: __Secure-}",
            "__Secure-session; Path=/get; Domain=example.org; Secure; HttpOnly; SameSite=Strict",
        ),
        ("{secure: Never}", "session; Path=/; HttpOnly; SameSite=Lax"),
    ] {
        assert_eq!(attributes(cookie).await, expected, "{cookie}");
    }
}

#[tokio::test]
async fn https_sessions_use_a_secure_cookie() {
    let pods = pods::<4>();
    let envoy = serve(&pods).await;
    let jar = envoy.file("jar");
    let keep = ["--cookie", jar.to_str().unwrap(), "--cookie-jar", jar.to_str().unwrap()];
    let head = envoy.file("head");
    let first = [&keep[..], &["--dump-header", head.to_str().unwrap()]].concat();
    let first = envoy.pod("example.org", "localhost", &first).await;
    let head = fs::read_to_string(head).unwrap().to_lowercase();
    let cookie = head.lines().find(|line| line.starts_with("set-cookie: session=")).unwrap();
    assert!(cookie.split("; ").any(|attribute| attribute == "secure"), "{cookie}");
    for _ in 0..5 {
        assert_eq!(envoy.pod("example.org", "localhost", &keep).await, first);
    }
    let mut without = BTreeSet::new();
    for _ in 0..5 {
        without.insert(envoy.pod("example.org", "localhost", &[]).await);
    }
    assert!(without.len() > 1, "{without:?}");
}

#[tokio::test]
async fn http_sessions_of_the_same_route_use_a_cookie_without_secure() {
    let pods = pods::<4>();
    let envoy = serve(&pods).await;
    let line = client(&envoy.process).get("/get").await.unwrap().set_cookie("session").unwrap();
    assert!(!line.to_lowercase().contains("secure"), "{line}");
    let browser = browser(&envoy.process);
    let first = pod(&browser.get("/get").await.unwrap());
    for _ in 0..5 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
    }
}

#[tokio::test]
async fn sni_selects_the_listener_certificate() {
    let pods = pods::<1>();
    let envoy = serve(&pods).await;
    for (hostname, secret) in [
        ("example.org", "localhost"),
        ("localhost", "localhost"),
        ("blog.example.com", "example"),
        ("shop.example.com", "shop"),
    ] {
        assert_eq!(envoy.told(hostname, secret, "%{http_code}", &[]).await, "200", "{hostname}");
    }
    // The certificate of the wildcard is good for the shop, but is not the one shown.
    let output = envoy.get("shop.example.com", "example", &[]).await;
    assert_eq!(output.status.code(), Some(60), "{}", String::from_utf8_lossy(&output.stderr));
}

#[tokio::test]
async fn alpn_offers_http_1_1_and_http_2() {
    let pods = pods::<1>();
    let envoy = serve(&pods).await;
    for (option, version) in [("--http1.1", "1.1"), ("--http2", "2")] {
        assert_eq!(envoy.told("example.org", "localhost", "%{http_version}", &[option]).await, version);
    }
}

#[tokio::test]
async fn tls_older_than_1_2_is_rejected() {
    let pods = pods::<1>();
    let envoy = serve(&pods).await;
    let newest = |version| ["--tls-max", version, "--ciphers", "DEFAULT@SECLEVEL=0", "--tlsv1.0"];
    assert_eq!(envoy.told("example.org", "localhost", "%{http_code}", &newest("1.2")).await, "200");
    let output = envoy.get("example.org", "localhost", &newest("1.1")).await;
    assert_eq!(output.status.code(), Some(35), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What the conformance test `httproute_https_listener_detect_misdirected_requests` leaves open.
#[tokio::test]
async fn misdirected_requests_are_detected_whatever_the_case_and_port_of_host() {
    let pods = pods::<1>();
    let envoy = serve(&pods).await;
    for (hostname, secret, host, status) in [
        ("example.org", "localhost", "SHOP.example.com", "421"),
        ("example.org", "localhost", "shop.example.com:443", "421"),
        ("example.org", "localhost", "SHOP.example.com:443", "421"),
        ("shop.example.com", "shop", "SHOP.example.com:443", "200"),
        ("blog.example.com", "example", "deep.blog.example.com", "200"),
    ] {
        let header = format!("Host: {host}");
        let found = envoy.told(hostname, secret, "%{http_code}", &["--header", &header]).await;
        assert_eq!(found, status, "{hostname} asked for {host}");
    }
}

#[tokio::test]
async fn sni_selects_among_several_certificates_of_one_listener() {
    let pods = pods::<1>();
    let one = " [{name: https, protocol: HTTPS, port: 443, \
               tls: {certificateRefs: [{name: localhost}, {name: example}, {name: shop}]}}]";
    let envoy = serve_listeners(one, &pods).await;
    for (hostname, secret) in
        [("localhost", "localhost"), ("blog.example.com", "example"), ("shop.example.com", "shop")]
    {
        assert_eq!(envoy.told(hostname, secret, "%{http_code}", &[]).await, "200", "{hostname}");
    }
}

/// The listener is skipped, but the listener for all hostnames must not serve its hostname.
#[tokio::test]
async fn requests_for_a_listener_without_certificate_answer_421() {
    let pods = pods::<1>();
    let listeners = " [{name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: localhost}]}}, \
                     {name: bare, protocol: HTTPS, port: 443, hostname: bare.example.org, \
                      tls: {certificateRefs: [{name: nowhere}]}}]";
    let envoy = serve_listeners(listeners, &pods).await;
    for (host, status) in [("example.org", "200"), ("bare.example.org", "421")] {
        let header = format!("Host: {host}");
        let found = envoy.told("example.org", "localhost", "%{http_code}", &["--header", &header]).await;
        assert_eq!(found, status, "{host}");
    }
}

#[tokio::test]
async fn config_dump_contains_no_private_keys() {
    let pods = pods::<1>();
    let envoy = serve(&pods).await;
    let dump = envoy.process.admin().config_dump().await.unwrap();
    assert!(dump.contains("BEGIN CERTIFICATE") && !dump.contains("PRIVATE KEY"));
}

/// Envoy would not start with a Secret whose key belongs to another certificate.
#[tokio::test]
async fn invalid_secrets_do_not_affect_other_listeners() {
    let (chain, key) =
        (certificate("shop").replace('\n', "\\n"), private_key("example").replace('\n', "\\n"));
    let bad = format!(
        "{{apiVersion: v1, kind: Secret, metadata: {{name: bad}}, type: kubernetes.io/tls, \
         stringData: {{tls.crt: \"{chain}\", tls.key: \"{key}\"}}}}"
    );
    let listeners = " [{name: good, protocol: HTTPS, port: 443, hostname: localhost, tls: {certificateRefs: [{name: localhost}]}}, \
                     {name: bad, protocol: HTTPS, port: 443, hostname: shop.example.com, tls: {certificateRefs: [{name: bad}]}}]";
    let pods = pods::<1>();
    let gateway = Manifests::gateway_with(&format!("listeners:{listeners}")).with(&bad);
    let envoy = serve_gateway(gateway, &pods).await;
    let answer = envoy.get("localhost", "localhost", &[]).await;
    assert!(answer.status.success(), "{answer:?}");
    let answer = envoy.get("shop.example.com", "shop", &[]).await;
    assert!(!answer.status.success(), "{answer:?}");
}
