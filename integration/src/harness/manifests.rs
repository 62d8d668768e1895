//! The manifests of a test: a Gateway and Services around the routes that the test is about.

use std::fmt::Write;
use std::net::SocketAddr;

use crate::backend::Backend;

/// The Service port of every Service here; the endpoints have ports of their own.
pub const SERVICE_PORT: u16 = 3000;

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

/// The state of an endpoint, as its EndpointSlice tells it.
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
        Self::default().with(
            "apiVersion: gateway.networking.k8s.io/v1\n\
             kind: GatewayClass\n\
             metadata: {name: eg}\n\
             spec: {controllerName: gateway.envoyproxy.io/gatewayclass-controller}\n\
             ---\n\
             apiVersion: gateway.networking.k8s.io/v1\n\
             kind: Gateway\n\
             metadata: {name: eg}\n\
             spec:\n  gatewayClassName: eg\n  listeners: [{name: http, protocol: HTTP, port: 80}]\n",
        )
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
