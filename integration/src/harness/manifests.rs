//! Builds the manifests of a test: a Gateway, Services with their EndpointSlices, and routes.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::backend::{Backend, Pod};

/// The Service port of every Service here; the endpoints have ports of their own.
pub const SERVICE_PORT: u16 = 3000;

/// The GatewayClass of every Gateway here.
const GATEWAY_CLASS: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}
";

/// Manifests as text, one document after the other.
#[derive(Clone, Debug, Default)]
pub struct Manifests(String);

/// An endpoint of a Service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Its address.
    pub address: SocketAddr,
    /// Its state.
    pub state: EndpointState,
}

/// The state of an endpoint in its EndpointSlice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndpointState {
    /// It serves.
    Ready,
    /// It terminates and still serves.
    Draining,
    /// It does not serve.
    Unready,
}

impl From<&Backend> for Endpoint {
    fn from(backend: &Backend) -> Self {
        Self { address: backend.address(), state: EndpointState::Ready }
    }
}

impl Endpoint {
    /// The same endpoint in another state.
    #[must_use]
    pub const fn in_state(self, state: EndpointState) -> Self {
        Self { state, ..self }
    }
}

impl Manifests {
    /// A GatewayClass and a Gateway, both named `eg`, with one HTTP listener.
    #[must_use]
    pub fn gateway() -> Self {
        Self::gateway_with("listeners: [{name: http, protocol: HTTP, port: 80}]")
    }

    /// A GatewayClass and a Gateway, both named `eg`. `fields` are those of the Gateway's `spec` without the class, in YAML.
    #[must_use]
    pub fn gateway_with(fields: &str) -> Self {
        Self::default().with(GATEWAY_CLASS).and_gateway("eg", fields)
    }

    /// These manifests and one more Gateway of the class `eg`.
    #[must_use]
    pub fn and_gateway(self, name: &str, fields: &str) -> Self {
        let fields = fields.trim().replace('\n', "\n  ");
        self.with(&format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: {name}}}\n\
             spec:\n  gatewayClassName: eg\n  {fields}\n"
        ))
    }

    /// These manifests and one more document, or several.
    #[must_use]
    pub fn with(mut self, document: &str) -> Self {
        let _ = write!(self.0, "---\n{document}\n");
        self
    }

    /// These manifests and a Service with these endpoints, each in a slice of its own, since their ports differ.
    #[must_use]
    pub fn service(self, name: &str, endpoints: impl IntoIterator<Item = impl Into<Endpoint>>) -> Self {
        let service = format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}}}\n\
             spec: {{ports: [{{name: http, port: {SERVICE_PORT}, targetPort: http}}]}}\n"
        );
        endpoints
            .into_iter()
            .map(Into::into)
            .enumerate()
            .fold(self.with(&service), |manifests, (index, endpoint)| {
                manifests.with(&slice(name, index, endpoint))
            })
    }

    /// The text.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }
}

fn slice(service: &str, index: usize, Endpoint { address, state }: Endpoint) -> String {
    let (ready, serving, terminating) = match state {
        EndpointState::Ready => (true, true, false),
        EndpointState::Draining => (false, true, true),
        EndpointState::Unready => (false, false, false),
    };
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: {service}-{index}, labels: {{kubernetes.io/service-name: {service}}}}}\n\
         addressType: {family}\n\
         ports: [{{name: http, port: {port}}}]\n\
         endpoints:\n- addresses: [\"{ip}\"]\n  \
         conditions: {{ready: {ready}, serving: {serving}, terminating: {terminating}}}\n",
        port = address.port(),
        ip = address.ip(),
    )
}

/// An HTTPRoute of the Gateway `eg` with these rules.
#[must_use]
pub fn route(name: &str, rules: &[String]) -> String {
    route_of("[{name: eg}]", name, rules)
}

/// An HTTPRoute of these `parentRefs` with these rules.
#[must_use]
pub fn route_of(parents: &str, name: &str, rules: &[String]) -> String {
    let rules = rules.join("\n  - ");
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {name}}}\n\
         spec:\n  parentRefs: {parents}\n  rules:\n  - {rules}\n"
    )
}

/// A rule with session persistence for all paths with this prefix, which splits requests by these weights.
#[must_use]
pub fn rule(prefix: &str, services: &[(&str, u32)], persistence: &str) -> String {
    let refs = services
        .iter()
        .map(|(name, weight)| format!("{{name: {name}, port: {SERVICE_PORT}, weight: {weight}}}"));
    let refs = refs.collect::<Vec<_>>().join(", ");
    format!(
        "{{matches: [{{path: {{type: PathPrefix, value: {prefix}}}}}], backendRefs: [{refs}], \
         sessionPersistence: {persistence}}}"
    )
}

/// A rule without session persistence for all paths with this prefix.
#[must_use]
pub fn plain_rule(prefix: &str, service: &str) -> String {
    rule_matching(&format!("{{path: {{type: PathPrefix, value: {prefix}}}}}"), service)
}

/// A rule without session persistence for these matches of an HTTPRoute or a GRPCRoute.
#[must_use]
pub fn rule_matching(matches: &str, service: &str) -> String {
    format!("{{matches: [{matches}], backendRefs: [{{name: {service}, port: {SERVICE_PORT}}}]}}")
}

/// A Pod that is ready, with the label `app` of its Service, and more metadata in YAML.
#[must_use]
pub fn pod(backend: &Backend, metadata: &str) -> String {
    let Pod { namespace, service, pod, .. } = backend.pod();
    let address = backend.address().ip();
    let namespace = if namespace.is_empty() { "default" } else { namespace };
    format!(
        "apiVersion: v1\nkind: Pod\n\
         metadata: {{name: {pod}, namespace: {namespace}, labels: {{app: {service}}}{metadata}}}\n\
         status: {{podIPs: [{{ip: \"{address}\"}}], conditions: [{{type: Ready, status: \"True\"}}]}}\n"
    )
}

/// An XBackend of the pods with this label `app` on this port, with more fields of its `spec` in YAML.
#[must_use]
pub fn xbackend(metadata: &str, app: &str, port: u16, fields: &str) -> String {
    format!(
        "apiVersion: gateway.networking.x-k8s.io/v1alpha1\nkind: XBackend\nmetadata: {{{metadata}}}\n\
         spec:\n  type: EndpointSelector\n  port: {{number: {port}}}\n  \
         endpointSelector: {{matchLabels: {{app: {app}}}}}\n  {fields}\n"
    )
}

/// A reference to an XBackend in `backendRefs`, with more fields in YAML.
#[must_use]
pub fn xbackend_ref(name: &str, fields: &str) -> String {
    format!("{{group: gateway.networking.x-k8s.io, kind: XBackend, name: {name}{fields}}}")
}
