//! TLS to backends: SNI, ALPN, certificate validation, and sessions over TLS.
//!
//! The certificate in `backend_tls/` has the names `backend.example.com`, `other.example.com` and
//! `spiffe://example.com/backend`, and the signature of `authority.pem`. That of a client has the signature of
//! `client-authority.pem`. Their keys were made for these tests alone.

use std::collections::BTreeSet;
use std::time::Duration;

use integration::backend::{Backend, Handshake, Pod, TlsFront};
use integration::harness::deadline::until;
use integration::harness::envoy::Process;
use integration::harness::manifests::{
    Endpoint, EndpointState, Manifests, pod as pod_object, xbackend, xbackend_ref,
};

use crate::setup::{COOKIE, browser, client, pod, pods, pods_of, route, serve, serve_valid_parts};
use crate::traffic_policies;

const AUTHORITY: &str = include_str!("backend_tls/authority.pem");
const OTHER_AUTHORITY: &str = include_str!("backend_tls/other-authority.pem");
const CERTIFICATE: &str = include_str!("backend_tls/certificate.pem");
const KEY: &str = include_str!("backend_tls/key.pem");

const CLIENT_AUTHORITY: &str = include_str!("backend_tls/client-authority.pem");
const CLIENT_CERTIFICATE: &str = include_str!("backend_tls/client.pem");
const CLIENT_KEY: &str = include_str!("backend_tls/client-key.pem");

const HOST: &str = "hostname: backend.example.com";

/// TLS in front of each of these pods.
async fn fronts(pods: &[Backend]) -> Vec<TlsFront> {
    let mut fronts = Vec::new();
    for pod in pods {
        fronts.push(TlsFront::start(pod.address(), CERTIFICATE, KEY).await.unwrap());
    }
    fronts
}

fn endpoints(fronts: &[TlsFront]) -> Vec<Endpoint> {
    fronts.iter().map(|front| Endpoint { address: front.address(), state: EndpointState::Ready }).collect()
}

fn config_map(name: &str, text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let lines = lines.join("\n    ");
    format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\ndata:\n  ca.crt: |\n    {lines}\n")
}

/// A policy of the Service `backend` with the CA certificates of this ConfigMap.
fn policy(authorities: &str, validation: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\nmetadata: {{name: backend}}\n\
         spec:\n  targetRefs: [{{group: '', kind: Service, name: backend}}]\n  validation:\n    \
         caCertificateRefs: [{{group: '', kind: ConfigMap, name: {authorities}}}]\n    {validation}\n"
    )
}

fn backend_rule(persistence: &str, more: &str) -> String {
    format!("{{backendRefs: [{{name: backend, port: 3000}}{more}]{persistence}}}")
}

/// The Service `backend` of these fronts, one rule for it, and both CA certificates.
fn manifests(fronts: &[TlsFront], persistence: &str) -> Manifests {
    Manifests::gateway()
        .service("backend", endpoints(fronts))
        .with(&config_map("authority", AUTHORITY))
        .with(&config_map("other", OTHER_AUTHORITY))
        .with(&route("route", &[backend_rule(persistence, "")]))
}

async fn status(envoy: &Process) -> u16 {
    client(envoy).get("/get").await.unwrap().status
}

#[tokio::test]
async fn policy_hostname_is_sent_as_sni() {
    let pods = pods::<1>();
    let fronts = fronts(&pods).await;
    let envoy = serve(&manifests(&fronts, "").with(&policy("authority", HOST))).await;
    assert_eq!(pod(&client(&envoy).asking_for("www.example.org").get("/get").await.unwrap()), "backend-0");
    let expected = Handshake {
        server_name: Some(String::from("backend.example.com")),
        protocol: Some(String::from("http/1.1")),
        client_certificate: false,
    };
    assert_eq!(fronts[0].handshakes(), [expected]);
}

#[tokio::test]
async fn sessions_persist_over_backend_tls() {
    let pods = pods::<4>();
    let fronts = fronts(&pods).await;
    let persistence = format!(", sessionPersistence: {COOKIE}");
    let envoy = serve(&manifests(&fronts, &persistence).with(&policy("authority", HOST))).await;
    let mut reached = BTreeSet::new();
    for _ in 0..4 {
        let browser = browser(&envoy);
        let first = pod(&browser.get("/get").await.unwrap());
        for _ in 0..5 {
            assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
        }
        reached.insert(first);
    }
    assert_eq!(reached.len(), 4);
}

/// Without a healthy endpoint, there would be no answer.
#[tokio::test]
async fn health_checks_use_the_tls_settings_of_the_backend() {
    let pods = pods::<1>();
    let fronts = fronts(&pods).await;
    let fields =
        "healthCheck: {panicThreshold: 0, active: {type: HTTP, interval: 100ms, http: {path: /health}}}";
    let checked = traffic_policies::policy("policy", "kind: HTTPRoute, name: route", fields);
    let envoy = serve(&manifests(&fronts, "").with(&policy("authority", HOST)).with(&checked)).await;
    let passed = async || {
        let found = envoy.admin().stats("health_check.success").await.unwrap();
        (found.values().sum::<u64>() >= 3).then_some(())
    };
    until(Duration::from_secs(20), passed).await.unwrap();
    assert_eq!(pod(&client(&envoy).get("/get").await.unwrap()), "backend-0");
    let names = fronts[0].handshakes().into_iter().map(|handshake| handshake.server_name);
    assert!(names.into_iter().all(|name| name.as_deref() == Some("backend.example.com")));
}

#[tokio::test]
async fn one_subject_alt_name_must_match_the_certificate() {
    let pods = pods::<1>();
    let fronts = fronts(&pods).await;
    let dns = |name: &str| format!("{{type: Hostname, hostname: '{name}'}}");
    let uri = |name: &str| format!("{{type: URI, uri: '{name}'}}");
    for (names, expected) in [
        (vec![dns("other.example.com")], 200),
        (vec![dns("third.example.com")], 503),
        (vec![uri("spiffe://example.com/backend")], 200),
        (vec![uri("spiffe://example.com/other")], 503),
        (vec![dns("*.example.com")], 200),
        (vec![dns("*.com")], 503),
        (vec![dns("third.example.com"), uri("spiffe://example.com/backend")], 200),
        (vec![dns("third.example.com"), uri("spiffe://example.com/other")], 503),
    ] {
        let validation = format!("hostname: any.example.org\n    subjectAltNames: [{}]", names.join(", "));
        let envoy = serve(&manifests(&fronts, "").with(&policy("authority", &validation))).await;
        assert_eq!(status(&envoy).await, expected, "{names:?}");
    }
}

#[tokio::test]
async fn http_2_is_negotiated_over_tls() {
    let pods = pods::<1>();
    let fronts = fronts(&pods).await;
    let text = manifests(&fronts, "").with(&policy("authority", HOST));
    let text = text.text().replace("targetPort: http}", "targetPort: http, appProtocol: kubernetes.io/h2c}");
    let envoy = serve(&Manifests::default().with(&text)).await;
    let answer = client(&envoy).get("/get").await.unwrap();
    assert_eq!(answer.echo().unwrap()["proto"], "HTTP/2.0");
    assert_eq!(fronts[0].handshakes()[0].protocol.as_deref(), Some("h2"));
}

#[tokio::test]
async fn tls_plaintext_and_missing_backends_split_requests_evenly() {
    let (secure, [clear]) = (pods::<1>(), pods_of("clear"));
    let fronts = fronts(&secure).await;
    let more = ", {name: clear, port: 3000}, {name: gone, port: 3000}";
    let persistence = format!(", sessionPersistence: {COOKIE}");
    let manifests = Manifests::gateway()
        .service("backend", endpoints(&fronts))
        .service("clear", [&clear])
        .with(&config_map("authority", AUTHORITY))
        .with(&policy("authority", HOST))
        .with(&route("route", &[backend_rule(&persistence, more)]));
    let envoy = serve_valid_parts(&manifests).await;
    let client = client(&envoy);
    let mut counts = [0; 3];
    for _ in 0..90 {
        let answer = client.get("/get").await.unwrap();
        let which = match answer.status {
            200 if pod(&answer) == "backend-0" => 0,
            200 => 1,
            500 => 2,
            other => panic!("{other}"),
        };
        counts[which] += 1;
    }
    assert_eq!(counts, [30; 3]);
    for _ in 0..9 {
        let browser = browser(&envoy);
        let first = browser.get("/get").await.unwrap();
        if first.status == 200 {
            for _ in 0..3 {
                assert_eq!(pod(&browser.get("/get").await.unwrap()), pod(&first));
            }
        }
    }
}

#[tokio::test]
async fn invalid_tls_policies_answer_500_and_never_fall_back_to_plaintext() {
    let ([plain], [other]) = (pods(), pods_of("other"));
    for broken in [
        policy("gone", HOST),
        policy("other", HOST).replace("kind: ConfigMap", "kind: Secret"),
        policy("other", "hostname: '*.example.com'"),
    ] {
        let manifests = Manifests::gateway()
            .service("backend", [&plain])
            .service("other", [&other])
            .with(&config_map("other", OTHER_AUTHORITY))
            .with(&broken)
            .with(&route("route", &[backend_rule("", ", {name: other, port: 3000}")]));
        let envoy = serve_valid_parts(&manifests).await;
        let mut refused = 0;
        for _ in 0..20 {
            let answer = client(&envoy).get("/get").await.unwrap();
            match answer.status {
                500 => refused += 1,
                _ => assert_eq!(pod(&answer), "other-0"),
            }
        }
        assert_eq!(refused, 10, "{broken}");
    }
    assert_eq!(plain.requests(), 0);
}

/// An XBackend has TLS settings of its own, and with `ClientAndServer` a client certificate.
#[tokio::test]
async fn xbackends_verify_the_server_and_present_their_client_certificate() {
    let [pod_behind] = Backend::start_on_one_port(&[Pod::new("secure", "secure-0")]).unwrap();
    let front = TlsFront::start_for_clients_of(CLIENT_AUTHORITY, pod_behind.address(), CERTIFICATE, KEY);
    let front = front.await.unwrap();
    let address = front.address();
    let of = |tls: &str| {
        let tls = format!("tls: {tls}\n  sessionPersistence: {{cookie: {{}}}}");
        let rule = format!("{{backendRefs: [{}]}}", xbackend_ref("secure", ""));
        let object = pod_object(&pod_behind, "")
            .replace(&pod_behind.address().ip().to_string(), &address.ip().to_string());
        Manifests::gateway()
            .with(&xbackend("name: secure", "secure", address.port(), &tls))
            .with(&object)
            .with(&client_secret())
            .with(&config_map("authority", AUTHORITY))
            .with(&config_map("other", OTHER_AUTHORITY))
            .with(&route("route", &[rule]))
    };
    let validation = |authority: &str| {
        format!(
            "validation: {{caCertificateRefs: [{{group: '', kind: ConfigMap, name: {authority}}}], {HOST}}}"
        )
    };
    let certificate = "mode: ClientAndServer, clientCertificateRef: {name: client}";
    for tls in [
        "{mode: None}".to_owned(),
        format!("{{mode: ServerOnly, {}}}", validation("authority")),
        format!("{{{certificate}, {}}}", validation("other")),
    ] {
        let status = status(&serve(&of(&tls)).await).await;
        assert!(matches!(status, 502 | 503), "{tls}: {status}");
    }
    assert_eq!((front.handshakes().len(), pod_behind.requests()), (0, 0));
    let envoy = serve(&of(&format!("{{{certificate}, {}}}", validation("authority")))).await;
    let browser = browser(&envoy);
    for _ in 0..5 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), "secure-0");
    }
    let handshakes = front.handshakes();
    assert!(!handshakes.is_empty() && handshakes.iter().all(|handshake| handshake.client_certificate));
}

/// A Secret with the client certificate.
fn client_secret() -> String {
    let indented = |text: &str| text.trim_end().replace('\n', "\n    ");
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: client}}\ntype: kubernetes.io/tls\nstringData:\n  \
         tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
        indented(CLIENT_CERTIFICATE),
        indented(CLIENT_KEY)
    )
}

/// The backend rejects every connection without the certificate, so that an answer shows that it was presented.
#[tokio::test]
async fn backends_get_the_client_certificate_of_the_gateway() {
    let pods = pods::<2>();
    let mut fronts = Vec::new();
    for pod in &pods {
        let front = TlsFront::start_for_clients_of(CLIENT_AUTHORITY, pod.address(), CERTIFICATE, KEY);
        fronts.push(front.await.unwrap());
    }
    let listeners = "listeners: [{name: http, protocol: HTTP, port: 80}]";
    let with = format!("{listeners}\ntls: {{backend: {{clientCertificateRef: {{name: client}}}}}}");
    let of = |fields: &str| {
        Manifests::gateway_with(fields)
            .service("backend", endpoints(&fronts))
            .with(&client_secret())
            .with(&config_map("authority", AUTHORITY))
            .with(&policy("authority", HOST))
            .with(&route("route", &[backend_rule(&format!(", sessionPersistence: {COOKIE}"), "")]))
    };
    let envoy = serve(&of(listeners)).await;
    assert_eq!(status(&envoy).await, 503);
    assert_eq!(fronts.iter().map(|front| front.handshakes().len()).sum::<usize>(), 0);

    let envoy = serve(&of(&with)).await;
    let browser = browser(&envoy);
    let first = pod(&browser.get("/get").await.unwrap());
    for _ in 0..5 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), first);
    }
    let handshakes: Vec<Handshake> = fronts.iter().flat_map(TlsFront::handshakes).collect();
    assert!(!handshakes.is_empty() && handshakes.iter().all(|handshake| handshake.client_certificate));
}

/// A bundle has no namespace, and trusts what a ConfigMap would.
#[tokio::test]
async fn backends_are_verified_with_trust_bundles() {
    let pods = pods::<1>();
    let fronts = fronts(&pods).await;
    let indented = |text: &str| text.trim_end().replace('\n', "\n    ");
    let bundle = |name: &str, authority: &str| {
        format!(
            "apiVersion: certificates.k8s.io/v1\nkind: ClusterTrustBundle\nmetadata: {{name: '{name}'}}\n\
             spec:\n  signerName: example.com/ca\n  trustBundle: |\n    {}\n",
            indented(authority)
        )
    };
    for (trusted, expected) in [("known", 200), ("other", 503)] {
        let reference = format!("kind: ClusterTrustBundle, name: 'example.com:ca:{trusted}'");
        let policy = policy("authority", HOST)
            .replace("kind: ConfigMap, name: authority", &reference)
            .replace("group: '', kind: Cluster", "group: certificates.k8s.io, kind: Cluster");
        let manifests = Manifests::gateway()
            .service("backend", endpoints(&fronts))
            .with(&bundle("example.com:ca:known", AUTHORITY))
            .with(&bundle("example.com:ca:other", OTHER_AUTHORITY))
            .with(&policy)
            .with(&route("route", &[backend_rule("", "")]));
        let envoy = serve(&manifests).await;
        assert_eq!(status(&envoy).await, expected, "{trusted}");
    }
}
