//! Listeners: isolation by hostname, and listeners that cannot be served.

use integration::backend::Backend;
use integration::harness::client::{Client, Protocol};
use integration::harness::envoy::Process;
use integration::harness::manifests::Manifests;

use crate::setup::{address, plain_rule, pods, serve, serve_valid_parts};

/// Four listeners of one port, from every hostname to a single one.
const LISTENERS: &str = "
  - {name: any, protocol: HTTP, port: 80}
  - {name: wildcard, protocol: HTTP, port: 80, hostname: '*.example.com'}
  - {name: deeper, protocol: HTTP, port: 80, hostname: '*.foo.example.com'}
  - {name: exact, protocol: HTTP, port: 80, hostname: abc.foo.example.com}";

/// A route of one listener, for a prefix that is the listener's name.
fn at_listener(listener: &str, hostnames: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {listener}}}\n\
         spec:\n  parentRefs: [{{name: eg, sectionName: {listener}}}]\n  hostnames: [{hostnames}]\n  \
         rules:\n  - {}\n",
        plain_rule(&format!("/{listener}"), "backend")
    )
}

fn manifests(listeners: &str, pods: &[Backend]) -> Manifests {
    Manifests::gateway_with(&format!("listeners:{listeners}")).service("backend", pods)
}

async fn status(envoy: &Process, protocol: Protocol, host: &str, path: &str) -> u16 {
    let client = Client::new(address(envoy)).speaking(protocol).asking_for(host);
    client.get(path).await.unwrap().status
}

/// What the conformance test `gateway_http_listener_isolation` leaves open.
#[tokio::test]
async fn listener_isolation_ignores_case_port_and_trailing_dot_of_host() {
    let pods = pods::<1>();
    let sections = ["any", "wildcard", "deeper", "exact"];
    let wider = "bar.com, '*.example.com', '*.foo.example.com', abc.foo.example.com";
    for hostnames in ["", wider] {
        let manifests = manifests(LISTENERS, &pods);
        let manifests = sections
            .iter()
            .fold(manifests, |manifests, section| manifests.with(&at_listener(section, hostnames)));
        let envoy = serve(&manifests).await;
        for (host, own) in [
            ("deep.bar.example.com", "wildcard"),
            ("ABC.foo.example.com", "exact"),
            ("abc.foo.example.com:8080", "exact"),
            ("abc.foo.example.com.", "exact"),
            ("abc.foo.example.com.:8080", "exact"),
        ] {
            for section in sections {
                let expected = if section == own { 200 } else { 404 };
                let found = status(&envoy, Protocol::Http1, host, &format!("/{section}")).await;
                assert_eq!(found, expected, "{host} at /{section}, routes for [{hostnames}]");
            }
        }
    }
}

#[tokio::test]
async fn invalid_listeners_do_not_affect_other_listeners() {
    let pods = pods::<1>();
    let listeners = "
  - {name: any, protocol: HTTP, port: 80, allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: NoRoute}]}}
  - {name: closed, protocol: HTTP, port: 80, hostname: closed.example.com, allowedRoutes: {kinds: [{kind: NoRoute}]}}
  - {name: tls, protocol: TLS, port: 443, tls: {mode: Passthrough}}
  - {name: tcp, protocol: TCP, port: 5432}
  - {name: clear, protocol: HTTP, port: 8443}
  - {name: secure, protocol: HTTPS, port: 8443, hostname: a.example, tls: {certificateRefs: [{name: none}]}}";
    let route = at_listener("any", "").replace(", sectionName: any", "");
    let envoy = serve_valid_parts(&manifests(listeners, &pods).with(&route)).await;
    assert_eq!(status(&envoy, Protocol::Http1, "bar.com", "/any").await, 200);
    // Its routes may be none, but its hostname is still its own.
    assert_eq!(status(&envoy, Protocol::Http1, "closed.example.com", "/any").await, 404);
    for port in [443, 5432, 8443] {
        assert!(envoy.listener(&format!("default/eg/{port}")).is_none(), "{port}");
    }
}
