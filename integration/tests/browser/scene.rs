//! The page behind an Envoy: four pods, and rules for it to watch.

use std::net::SocketAddr;

use envoy_config::options::Options;
use envoy_config::source::Source;
use integration::backend::{self, Control, Pod};
use integration::deployment::{self, Deployment, FREE_PORT};
use integration::envoy::Process;
use integration::manifests::{Endpoint, EndpointState, Manifests};

/// A session in a cookie of the whole site that lasts for an hour.
pub(crate) const COOKIE: &str =
    "{sessionName: session, absoluteTimeout: 1h, cookieConfig: {lifetimeType: Permanent}}";

/// What is behind the page.
pub(crate) struct Scene {
    envoy: Process,
    pods: Vec<Control>,
}

impl Scene {
    /// Rules with session persistence, each for the paths with this prefix.
    pub(crate) async fn with(rules: &[(&str, &str)]) -> Self {
        let rules = rules
            .iter()
            .map(|(prefix, persistence)| rule(prefix, &format!(", sessionPersistence: {persistence}")));
        let rules = rules.chain([rule("/-", "")]).collect::<Vec<_>>().join("\n  - ");
        let route = format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: page}}\n\
             spec:\n  parentRefs: [{{name: eg}}]\n  rules:\n  - {rules}\n"
        );
        // The pods have to know the rules before there are addresses to put into manifests.
        let known = Manifests::gateway().service("backend", [] as [Endpoint; 0]).with(&route);
        let source = Source { name: String::from("page.yaml"), text: known.text().to_owned() };
        let model = deployment::compile(&[source], &Options::default()).unwrap();
        let sessions = backend::watched(&model, &"default/eg".parse().unwrap());
        let named = (1..=4).map(|number| (FREE_PORT, Pod::new("backend", &format!("backend-{number}"))));
        let pods = backend::start_group(named, sessions).await.unwrap();

        let mut endpoints = Vec::new();
        for pod in &pods {
            let address = pod.backend().lock().await.address();
            endpoints.push(Endpoint { address, state: EndpointState::Ready });
        }
        let manifests = Manifests::gateway().service("backend", endpoints).with(&route);
        let deployment = Deployment::of(&manifests).unwrap_or_else(|error| panic!("{error}"));
        let envoy = deployment.start().await.unwrap_or_else(|error| panic!("{error}"));
        Self { envoy, pods }
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address())
    }

    /// Where Envoy listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.envoy.listener("default/eg/80").unwrap()
    }

    /// Whether the pod of this name takes connections.
    pub(crate) async fn reachable(&self, name: &str) -> bool {
        for pod in &self.pods {
            let backend = pod.backend().lock().await;
            if backend.pod().pod == name {
                return backend.reachable().await;
            }
        }
        panic!("there is no pod {name}");
    }
}

fn rule(prefix: &str, persistence: &str) -> String {
    format!(
        "{{matches: [{{path: {{type: PathPrefix, value: {prefix}}}}}], \
         backendRefs: [{{name: backend, port: 3000}}]{persistence}}}"
    )
}
