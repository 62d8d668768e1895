//! Manifests of any size: what a big cluster would hand over.

use std::fmt::Write;
use std::net::Ipv4Addr;

use envoy_config::source::Source;

/// How much there is of everything.
#[derive(Clone, Copy)]
pub(crate) struct Size {
    /// HTTPRoutes, each with a hostname of its own.
    pub(crate) routes: u32,
    /// Rules of each route: a path and a session each.
    pub(crate) rules: u32,
    /// Endpoints behind each route's Service, in one EndpointSlice.
    pub(crate) endpoints: u32,
}

/// The manifests, as one file.
pub(crate) fn manifests(size: Size) -> Source {
    let mut text = String::from(GATEWAY);
    for number in 0..size.routes {
        write_route(&mut text, number, size.rules);
        write_service(&mut text, number);
        write_slice(&mut text, number, size.endpoints);
    }
    Source { name: String::from("manifests.yaml"), text }
}

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  listeners:
  - {name: http, protocol: HTTP, port: 80, hostname: '*.example.com'}
";

fn write_route(text: &mut String, number: u32, rules: u32) {
    let _ = write!(
        text,
        "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata:
  name: route-{number}
spec:
  parentRefs:
  - name: eg
  hostnames:
  - shop-{number}.example.com
  rules:
"
    );
    for rule in 0..rules {
        let _ = write!(
            text,
            "  - matches:
    - path:
        type: PathPrefix
        value: /part-{rule}
    backendRefs:
    - name: service-{number}
      port: 80
    sessionPersistence:
      sessionName: session-{rule}
      type: Cookie
      absoluteTimeout: 1h
"
        );
    }
}

fn write_service(text: &mut String, number: u32) {
    let _ = write!(
        text,
        "---
apiVersion: v1
kind: Service
metadata:
  name: service-{number}
spec:
  ports:
  - port: 80
    targetPort: 8080
"
    );
}

fn write_slice(text: &mut String, number: u32, endpoints: u32) {
    let _ = write!(
        text,
        "---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata:
  name: service-{number}
  labels:
    kubernetes.io/service-name: service-{number}
addressType: IPv4
ports:
- port: 8080
endpoints:
"
    );
    for endpoint in 0..endpoints {
        let address = Ipv4Addr::from_bits(0x0A00_0001 + number * endpoints + endpoint);
        let _ = write!(
            text,
            "- addresses:
  - {address}
  conditions:
    ready: true
"
        );
    }
}
