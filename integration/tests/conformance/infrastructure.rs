//! The infrastructure of every replay: Gateways, the certificate, and Services with real backends.

use std::fmt::Write;
use std::net::SocketAddr;

use integration::backend::{Backend, Pod};

/// The namespace of the Gateways and of most routes.
pub(crate) const INFRA: &str = "gateway-conformance-infra";
/// A namespace with backends of its own.
const APP: &str = "gateway-conformance-app-backend";
/// Another one.
pub(crate) const WEB: &str = "gateway-conformance-web-backend";

/// The Gateway for routes of its own namespace.
pub(crate) const SAME_NAMESPACE: &str = "same-namespace";
/// The Gateway for the routes of every namespace.
pub(crate) const ALL_NAMESPACES: &str = "all-namespaces";
/// The Gateway for the routes of [`APP`] and [`WEB`].
pub(crate) const BACKEND_NAMESPACES: &str = "backend-namespaces";
/// The Gateway with four HTTPS listeners on one port.
pub(crate) const HTTPS: &str = "same-namespace-with-https-listener";

pub(crate) const V1: Target = Target { namespace: INFRA, service: "infra-backend-v1" };
pub(crate) const V2: Target = Target { namespace: INFRA, service: "infra-backend-v2" };
pub(crate) const V3: Target = Target { namespace: INFRA, service: "infra-backend-v3" };
pub(crate) const APP_V1: Target = Target { namespace: APP, service: "app-backend-v1" };
pub(crate) const APP_V2: Target = Target { namespace: APP, service: "app-backend-v2" };
pub(crate) const WEB_BACKEND: Target = Target { namespace: WEB, service: "web-backend" };

/// A Service that a request can reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) namespace: &'static str,
    pub(crate) service: &'static str,
}

/// Every Service, and the number of its pods.
const SERVICES: [(Target, usize); 6] =
    [(V1, 2), (V2, 2), (V3, 1), (APP_V1, 2), (APP_V2, 2), (WEB_BACKEND, 2)];

/// The Gateways, the certificate, the Services and the pods behind them.
pub(crate) struct Infrastructure {
    pub(crate) pods: Vec<Backend>,
    pub(crate) manifests: String,
}

impl Infrastructure {
    pub(crate) fn start() -> Self {
        let mut pods = Vec::new();
        let mut manifests =
            format!("{}---\n{}", include_str!("infrastructure.yaml"), include_str!("certificate.yaml"));
        for (target, replicas) in SERVICES {
            write!(manifests, "---\n{}", service(target)).unwrap();
            for replica in 0..replicas {
                let pod = Pod {
                    namespace: target.namespace.to_owned(),
                    ingress: String::new(),
                    service: target.service.to_owned(),
                    pod: format!("{}-{replica}", target.service),
                };
                let pod = Backend::start(pod).unwrap();
                write!(manifests, "---\n{}", slice(target.namespace, target.service, replica, pod.address()))
                    .unwrap();
                pods.push(pod);
            }
        }
        Self { pods, manifests }
    }

    /// The pods of a Service.
    pub(crate) fn pods(&self, target: Target) -> impl Iterator<Item = &Backend> {
        pods(&self.pods, target)
    }
}

/// Those of some pods that belong to a Service.
pub(crate) fn pods(pods: &[Backend], target: Target) -> impl Iterator<Item = &Backend> {
    pods.iter()
        .filter(move |pod| pod.pod().namespace == target.namespace && pod.pod().service == target.service)
}

/// A Service with one port for each protocol of its backends.
pub(crate) fn service(Target { namespace, service }: Target) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {service}, namespace: {namespace}}}\nspec:\n  \
         selector: {{app: {service}}}\n  ports:\n  \
         - {{name: http, port: 8080, targetPort: 3000}}\n  \
         - {{name: h2c, port: 8081, targetPort: 3001, appProtocol: kubernetes.io/h2c}}\n  \
         - {{name: ws, port: 8082, targetPort: 3000, appProtocol: kubernetes.io/ws}}\n"
    )
}

/// One pod of a Service in a slice of its own, since its port is its own.
pub(crate) fn slice(namespace: &str, service: &str, replica: usize, address: SocketAddr) -> String {
    let ports = ["http", "h2c", "ws"].map(|name| format!("{{name: {name}, port: {}}}", address.port()));
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  \
         name: {service}-{replica}\n  namespace: {namespace}\n  \
         labels: {{kubernetes.io/service-name: {service}}}\n\
         addressType: IPv4\nports: [{}]\nendpoints:\n- addresses: [{}]\n  conditions: {{ready: true}}\n",
        ports.join(", "),
        address.ip(),
    )
}
