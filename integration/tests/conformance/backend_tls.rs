//! TLS to backends: which certificates a BackendTLSPolicy accepts, and which of several policies applies.
//!
//! The backends' certificate has the names `backend.example.com`, `other.example.com` and `spiffe://example.com/backend`,
//! and the signature of `authority`.

use integration::backend::{Handshake, TlsFront};
use integration::harness::client::Protocol;

use crate::case::{Case, get};
use crate::documents::{config_map, gateway, http_route, route};
use crate::grpc::{call, grpc_route, method_rule};
use crate::infrastructure::{HTTPS, INFRA, Infrastructure, SAME_NAMESPACE, V3};
use crate::replay::{Replay, statuses};

const CERTIFICATE: &str = include_str!("../envoy/backend_tls/certificate.pem");
const KEY: &str = include_str!("../envoy/backend_tls/key.pem");
const AUTHORITY: &str = include_str!("../envoy/backend_tls/authority.pem");
const STRANGER: &str = include_str!("../envoy/backend_tls/other-authority.pem");

const CLIENT_AUTHORITY: &str = include_str!("../envoy/backend_tls/client-authority.pem");
const CLIENT_CERTIFICATE: &str = include_str!("../envoy/backend_tls/client.pem");
const CLIENT_KEY: &str = include_str!("../envoy/backend_tls/client-key.pem");

/// The authority of the backends' certificate, in a reference of a policy.
const KNOWN: &str = "{group: '', kind: ConfigMap, name: authority}";
/// Another one.
const UNKNOWN: &str = "{group: '', kind: ConfigMap, name: stranger}";

/// The infrastructure, and TLS in front of the only pod of [`V3`].
struct TlsBackend {
    infrastructure: Infrastructure,
    front: TlsFront,
}

impl TlsBackend {
    async fn start() -> Self {
        let infrastructure = Infrastructure::start();
        let pod = infrastructure.pods(V3).next().unwrap().address();
        let front = TlsFront::start(pod, CERTIFICATE, KEY).await.unwrap();
        Self { infrastructure, front }
    }

    /// A Service with these ports, by name, all of which lead to the backend.
    fn service(&self, name: &str, ports: &[(&str, u16)]) -> String {
        let address = self.front.address();
        let listed = |number: &dyn Fn(u16) -> u16| {
            let ports = ports.iter().map(|(name, port)| format!("{{name: {name}, port: {}}}", number(*port)));
            ports.collect::<Vec<_>>().join(", ")
        };
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {INFRA}}}\nspec: {{ports: [{}]}}\n---\n\
             apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
             metadata: {{name: {name}, namespace: {INFRA}, labels: {{kubernetes.io/service-name: {name}}}}}\n\
             addressType: IPv4\nports: [{}]\nendpoints: [{{addresses: [{}]}}]\n",
            listed(&|port| port),
            listed(&|_| address.port()),
            address.ip(),
        )
    }

    async fn serve(self, faulty: &[&str], documents: &[String]) -> (Replay, TlsFront) {
        let documents = [documents, &authorities()].concat();
        (Replay::start_on(self.infrastructure, faulty, &documents).await, self.front)
    }
}

fn authorities() -> [String; 2] {
    [("authority", AUTHORITY), ("stranger", STRANGER)].map(|(name, text)| config_map(INFRA, name, text))
}

/// A policy for a Service, or for the port that is named after the slash.
fn policy(name: &str, target: &str, authorities: &str, names: &str) -> String {
    let (service, section) = target.split_once('/').unwrap_or((target, ""));
    let section = if section.is_empty() { String::new() } else { format!(", sectionName: {section}") };
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: BackendTLSPolicy\n\
         metadata: {{name: {name}, namespace: {INFRA}}}\nspec:\n  \
         targetRefs: [{{group: '', kind: Service, name: {service}{section}}}]\n  \
         validation: {{caCertificateRefs: [{authorities}], {names}}}\n"
    )
}

/// A rule for a path that is called after its Service.
fn service_rule(service: &str, port: u16) -> String {
    format!(
        "\n  - matches: [{{path: {{type: Exact, value: /{service}-{port}}}}}]\n    \
         backendRefs: [{{name: {service}, port: {port}}}]"
    )
}

fn reaches(path: &str) -> Case {
    get(path).reaches(V3)
}

fn fails(path: &str) -> Case {
    get(path).answers_one_of(&[500, 502, 503])
}

const BACKEND: &str = "hostname: backend.example.com";

/// Backends need a certificate with the policy's hostname, signed by the policy's CA, for clients with and without TLS.
#[tokio::test]
async fn backendtlspolicy() {
    let tls = TlsBackend::start().await;
    let services = ["good", "other-host", "other-authority"];
    let mut documents: Vec<_> = services.iter().map(|name| tls.service(name, &[("btls", 443)])).collect();
    let rules: String = services.iter().map(|service| service_rule(service, 443)).collect();
    documents.extend([
        policy("good", "good/btls", KNOWN, BACKEND),
        policy("other-host", "other-host/btls", KNOWN, "hostname: stranger.example.com"),
        policy("other-authority", "other-authority/btls", UNKNOWN, BACKEND),
        route("in-the-clear", SAME_NAMESPACE, &rules),
        http_route(
            INFRA,
            "over-tls",
            &format!("{{name: {HTTPS}}}"),
            "example.org",
            &service_rule("good", 443),
        ),
    ]);
    let (replay, front) = tls.serve(&[], &documents).await;
    for policy in services {
        assert_eq!(replay.statuses.of_policy(policy, "Accepted"), ["True Accepted"]);
        assert_eq!(replay.statuses.of_policy(policy, "ResolvedRefs"), ["True ResolvedRefs"]);
    }
    let cases = [reaches("/good-443"), fails("/other-host-443"), fails("/other-authority-443")];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
    replay.check_tls(HTTPS, 443, &[("example.org", get("/good-443").host("example.org").reaches(V3))]).await;
    let asked: Vec<_> =
        front.handshakes().into_iter().map(|Handshake { server_name, .. }| server_name).collect();
    assert!(asked.iter().all(|name| name.as_deref() == Some("backend.example.com")), "{asked:?}");
}

/// A policy is valid while its CA certificate exists.
#[tokio::test]
async fn backendtlspolicy_with_an_authority_that_changes() {
    let tls = TlsBackend::start().await;
    let told = |authority: Option<&str>| {
        let mut documents = vec![
            tls.service("good", &[("btls", 443)]),
            route("route", SAME_NAMESPACE, &service_rule("good", 443)),
            policy("good", "good/btls", KNOWN, BACKEND),
        ];
        documents.extend(authority.map(|text| config_map(INFRA, "authority", text)));
        let found = statuses(&documents);
        ["Accepted", "ResolvedRefs"].map(|condition| found.of_policy("good", condition).concat())
    };
    let good = ["True Accepted", "True ResolvedRefs"];
    let bad = ["False NoValidCACertificate", "False InvalidCACertificateRef"];
    assert_eq!(told(Some(AUTHORITY)), good);
    assert_eq!(told(None), bad);
    assert_eq!(told(Some("")), bad);
}

/// With subjectAltNames, one of them must match the certificate, and the hostname is only the SNI.
#[tokio::test]
async fn backendtlspolicy_san() {
    let tls = TlsBackend::start().await;
    let dns = |name: &str| format!("{{type: Hostname, hostname: {name}}}");
    let uri = |name: &str| format!("{{type: URI, uri: 'spiffe://{name}/backend'}}");
    let (right, wrong) = (dns("backend.example.com"), dns("stranger.example.com"));
    let cases = [
        ("dns", right.clone(), true),
        ("other-dns", wrong.clone(), false),
        ("uri", uri("example.com"), true),
        ("other-uri", uri("stranger.example.com"), false),
        ("several", format!("{}, {right}", uri("example.com")), true),
        ("one-of-several", format!("{}, {right}", uri("stranger.example.com")), true),
        ("none-of-several", format!("{}, {wrong}", uri("stranger.example.com")), false),
    ];
    let mut documents = Vec::new();
    let mut rules = String::new();
    for (name, names, _) in &cases {
        documents.push(tls.service(name, &[("btls", 443)]));
        let names = format!("{BACKEND}, subjectAltNames: [{names}]");
        documents.push(policy(name, &format!("{name}/btls"), KNOWN, &names));
        rules += &service_rule(name, 443);
    }
    documents.push(route("names", SAME_NAMESPACE, &rules));
    let (replay, _front) = tls.serve(&[], &documents).await;
    let cases = cases.map(|(name, _, believed)| {
        assert_eq!(replay.statuses.of_policy(name, "Accepted"), ["True Accepted"]);
        let path = format!("/{name}-443");
        if believed { reaches(&path) } else { fails(&path) }
    });
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// A reference without a CA certificate makes a policy invalid, and its backend unreachable.
#[tokio::test]
async fn backendtlspolicy_invalid_ca_certificate_ref() {
    for (name, more) in [("absent", None), ("malformed", Some(""))] {
        let reference = format!("{{group: '', kind: ConfigMap, name: {name}}}");
        let found = refused(&reference, more.map(|text| config_map(INFRA, name, text))).await;
        assert_eq!(found, ["False NoValidCACertificate", "False InvalidCACertificateRef"], "{name}");
    }
}

/// So does a reference of another kind.
#[tokio::test]
async fn backendtlspolicy_invalid_kind() {
    let found = refused("{group: unknown.example, kind: Unknown, name: unknown}", None).await;
    assert_eq!(found, ["False NoValidCACertificate", "False InvalidKind"]);
}

/// Asserts that a backend is out of reach whose policy has this reference; returns what the policy's status says.
async fn refused(reference: &str, more: Option<String>) -> [String; 2] {
    let tls = TlsBackend::start().await;
    let mut documents = vec![
        tls.service("refused", &[("btls", 443)]),
        policy("refused", "refused", reference, BACKEND),
        route("refused", SAME_NAMESPACE, &service_rule("refused", 443)),
    ];
    documents.extend(more);
    let faulty = ["BackendTLSPolicy gateway-conformance-infra/refused"];
    let (replay, front) = tls.serve(&faulty, &documents).await;
    replay.check(SAME_NAMESPACE, 80, &[fails("/refused-443")]).await;
    assert_eq!(front.handshakes(), []);
    ["Accepted", "ResolvedRefs"].map(|condition| replay.statuses.of_policy("refused", condition).concat())
}

/// Of several policies of a target, the oldest wins, then the first by name; a policy of a port precedes one of the Service.
#[tokio::test]
async fn backendtlspolicy_conflict_resolution() {
    let tls = TlsBackend::start().await;
    let (first, second) = ("hostname: other.example.com", BACKEND);
    let ports = [("https-1", 443), ("https-2", 8443)];
    let documents = [
        tls.service("whole", &[("https", 443)]),
        tls.service("port", &ports),
        tls.service("both", &ports),
        policy("whole-1", "whole", KNOWN, first),
        policy("whole-2", "whole", KNOWN, second),
        policy("port-1", "port/https-1", KNOWN, first),
        policy("port-2", "port/https-1", KNOWN, second),
        policy("one-port", "both/https-1", KNOWN, first),
        policy("all-ports", "both", KNOWN, second),
        route(
            "conflicts",
            SAME_NAMESPACE,
            &[
                service_rule("whole", 443),
                service_rule("port", 443),
                service_rule("both", 443),
                service_rule("both", 8443),
            ]
            .concat(),
        ),
    ];
    let (replay, front) = tls.serve(&[], &documents).await;
    for (policy, told) in [
        ("whole-1", "True Accepted"),
        ("whole-2", "False Conflicted"),
        ("port-1", "True Accepted"),
        ("port-2", "False Conflicted"),
        ("one-port", "True Accepted"),
        ("all-ports", "True Accepted"),
    ] {
        assert_eq!(replay.statuses.of_policy(policy, "Accepted"), [told], "{policy}");
    }
    for (path, asked) in [
        ("/whole-443", "other.example.com"),
        ("/port-443", "other.example.com"),
        ("/both-443", "other.example.com"),
        ("/both-8443", "backend.example.com"),
    ] {
        replay.check(SAME_NAMESPACE, 80, &[reaches(path)]).await;
        let last = front.handshakes().into_iter().next_back().unwrap();
        assert_eq!(last.server_name.as_deref(), Some(asked), "{path}");
    }
}

/// The backends of a GRPCRoute are believed as those of others, and spoken to in HTTP/2.
#[tokio::test]
async fn backendtlspolicy_grpcroute() {
    let tls = TlsBackend::start().await;
    let to = |service: &str| format!("backendRefs: [{{name: {service}, port: 443}}]");
    let rules = [
        method_rule("Pick", &to("good")),
        method_rule("Drop", &to("other-host")),
        method_rule("Count", &to("other-authority")),
    ];
    let mut documents: Vec<_> =
        ["good", "other-host", "other-authority"].map(|name| tls.service(name, &[("btls", 443)])).into();
    documents.extend([
        policy("good", "good/btls", KNOWN, BACKEND),
        policy("other-host", "other-host/btls", KNOWN, "hostname: stranger.example.com"),
        policy("other-authority", "other-authority/btls", UNKNOWN, BACKEND),
        grpc_route("calls", "{name: same-namespace}", &rules.concat()),
    ]);
    let (replay, front) = tls.serve(&[], &documents).await;
    let unavailable = |method: &str| call(method).answers(200).answering("grpc-status", "14");
    let cases = [call("Pick").reaches(V3), unavailable("Drop"), unavailable("Count")];
    replay.check_over(&[Protocol::Http2], SAME_NAMESPACE, 80, &cases).await;
    assert_eq!(front.handshakes()[0].protocol.as_deref(), Some("h2"));
}

/// A Gateway presents its client certificate to a backend, which requires it.
#[tokio::test]
async fn gateway_tls_backend_client_certificate() {
    let infrastructure = Infrastructure::start();
    let pod = infrastructure.pods(V3).next().unwrap().address();
    let front = TlsFront::start_for_clients_of(CLIENT_AUTHORITY, pod, CERTIFICATE, KEY).await.unwrap();
    let tls = TlsBackend { infrastructure, front };
    let indented = |text: &str| text.trim_end().replace('\n', "\n    ");
    let secret = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: client, namespace: {INFRA}}}\ntype: kubernetes.io/tls\n\
         stringData:\n  tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
        indented(CLIENT_CERTIFICATE),
        indented(CLIENT_KEY)
    );
    let listeners = "\n  - {name: http, protocol: HTTP, port: 80}\n  \
                     tls: {backend: {clientCertificateRef: {group: '', kind: Secret, name: client}}}";
    let documents = [
        secret,
        gateway("presents", listeners),
        tls.service("backend", &[("https", 443)]),
        policy("backend", "backend", KNOWN, BACKEND),
        http_route(INFRA, "route", "{name: presents}", "backend.example.com", &service_rule("backend", 443)),
    ];
    let (replay, front) = tls.serve(&[], &documents).await;
    assert_eq!(replay.statuses.of_gateway("presents", "ResolvedRefs"), "True ResolvedRefs");
    assert_eq!(replay.statuses.of_policy("backend", "Accepted"), ["True Accepted"]);
    replay.check("presents", 80, &[get("/backend-443").host("backend.example.com").reaches(V3)]).await;
    assert!(front.handshakes().iter().all(|handshake| handshake.client_certificate));
}

/// A Gateway whose client certificate does not resolve is served without one, and says so.
#[tokio::test]
async fn gateway_invalid_tls_backend_configuration() {
    let presents = |name: &str, certificate: &str| {
        let listeners = "\n  - {name: http, protocol: HTTP, port: 80}";
        gateway(name, &format!("{listeners}\n  tls: {{backend: {{clientCertificateRef: {certificate}}}}}"))
    };
    let malformed = format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: malformed, namespace: {INFRA}}}\ntype: Opaque\ndata: {{}}\n"
    );
    let found = statuses(&[
        presents("absent", "{group: '', kind: Secret, name: no-such-certificate}"),
        presents("group", "{group: wrong.example, kind: Secret, name: tls-validity-checks-certificate}"),
        presents("kind", "{group: '', kind: Wrong, name: tls-validity-checks-certificate}"),
        presents("malformed", "{group: '', kind: Secret, name: malformed}"),
        presents(
            "elsewhere",
            "{group: '', kind: Secret, name: certificate, namespace: gateway-conformance-web-backend}",
        ),
        malformed,
    ]);
    for (gateway, reason) in [
        ("absent", "False InvalidClientCertificateRef"),
        ("group", "False InvalidClientCertificateRef"),
        ("kind", "False InvalidClientCertificateRef"),
        ("malformed", "False InvalidClientCertificateRef"),
        ("elsewhere", "False RefNotPermitted"),
    ] {
        assert_eq!(found.of_gateway(gateway, "ResolvedRefs"), reason, "{gateway}");
        assert_eq!(found.of_gateway(gateway, "Accepted"), "True Accepted", "{gateway}");
    }
}

/// A request over HTTPS goes to the backend over TLS again, with the policy's hostname as SNI.
#[tokio::test]
async fn backendtlspolicy_reencrypt() {
    let tls = TlsBackend::start().await;
    let documents = [
        tls.service("reencrypted", &[("btls", 443)]),
        policy("reencrypted", "reencrypted/btls", KNOWN, BACKEND),
        route("reencrypted", HTTPS, &service_rule("reencrypted", 443)),
    ];
    let (replay, front) = tls.serve(&[], &documents).await;
    assert_eq!(replay.statuses.of_policy("reencrypted", "Accepted"), ["True Accepted"]);
    assert_eq!(replay.statuses.of_policy("reencrypted", "ResolvedRefs"), ["True ResolvedRefs"]);
    replay.check_tls(HTTPS, 443, &[("example.org", reaches("/reencrypted-443"))]).await;
    let seen = front.handshakes();
    assert!(!seen.is_empty());
    assert!(seen.iter().all(|one| one.server_name.as_deref() == Some("backend.example.com")), "{seen:?}");
}
