//! The demo's site behind an Envoy: four pods, and the rules whose sessions the page shows.

use std::fs;
use std::net::SocketAddr;

use envoy_config::source::Source;
use integration::backend::Pod;
use integration::demo::{self, Control};
use integration::harness::deployment::{self, Deployment, FREE_PORT};
use integration::harness::envoy::Process;
use integration::harness::manifests::{Endpoint, EndpointState, Manifests, plain_rule, route_of, rule};
use integration::harness::workspace;

/// A session in a cookie of the whole site that lasts for an hour.
pub(crate) const COOKIE: &str =
    "{sessionName: session, absoluteTimeout: 1h, cookieConfig: {lifetimeType: Permanent}}";

/// The listeners of the Gateway `eg` with HTTPS.
const HTTPS: &str =
    "listeners: [{name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: localhost}]}}]";

/// Rules with session persistence, each for the paths with this prefix.
fn persistent(rules: &[(&str, &str)]) -> Vec<String> {
    rules.iter().map(|(prefix, persistence)| rule(prefix, &[("backend", 1)], persistence)).collect()
}

/// A `SessionPersistencePolicy` of the page's route with these settings.
fn policy(settings: &str) -> String {
    format!(
        "apiVersion: session-persistence.dev/v1alpha1\nkind: SessionPersistencePolicy\nmetadata: {{name: page}}\n\
         spec: {{targetRefs: [{{group: gateway.networking.k8s.io, kind: HTTPRoute, name: page}}], {settings}}}\n"
    )
}

/// What is behind the page.
pub(crate) struct Site {
    envoy: Process,
    pods: Vec<Control>,
}

impl Site {
    /// Rules with session persistence, each for the paths with this prefix.
    pub(crate) async fn with(rules: &[(&str, &str)]) -> Self {
        Self::behind(&Manifests::gateway(), "[{name: eg}]", &persistent(rules)).await
    }

    /// A rule with a session header, whose answers scripts of other origins may read; `settings` are those of its policy. The backend
    /// answers the preflight requests itself.
    pub(crate) async fn for_other_origins(persistence: &str, settings: &str) -> Self {
        let allow =
            ["origin", "headers"].map(|what| format!("{{name: Access-Control-Allow-{what}, value: '*'}}"));
        let rule = format!(
            "{{filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{}]}}}}], \
             backendRefs: [{{name: backend, port: 3000}}], sessionPersistence: {persistence}}}",
            allow.join(", ")
        );
        Self::behind(&Manifests::gateway().with(&policy(settings)), "[{name: eg}]", &[rule]).await
    }

    /// One rule for all paths over HTTPS, with this `cookie` of a `SessionPersistencePolicy`.
    pub(crate) async fn with_attributes(cookie: &str) -> Self {
        let secrets = workspace::root().join("envoy-config/tests/golden/https/secrets.yaml");
        let gateway = Manifests::gateway_with(HTTPS)
            .with(&fs::read_to_string(secrets).unwrap())
            .with(&policy(&format!("cookie: {cookie}")));
        Self::behind(&gateway, "[{name: eg}]", &persistent(&[("/", COOKIE)])).await
    }

    /// The same rules over HTTPS and over HTTP.
    pub(crate) async fn over_both_schemes(rules: &[(&str, &str)]) -> Self {
        // The certificates that the compiler's tests have.
        let secrets = workspace::root().join("envoy-config/tests/golden/https/secrets.yaml");
        let gateways = Manifests::gateway_with(HTTPS)
            .and_gateway("plain", "listeners: [{name: http, protocol: HTTP, port: 80}]")
            .with(&fs::read_to_string(secrets).unwrap());
        Self::behind(&gateways, "[{name: eg}, {name: plain}]", &persistent(rules)).await
    }

    async fn behind(gateways: &Manifests, parents: &str, rules: &[String]) -> Self {
        let rules = [rules, &[plain_rule("/-", "backend")]].concat();
        let route = route_of(parents, "page", &rules);
        // The pods have to know the rules before there are addresses to put into manifests.
        let known = gateways.clone().service("backend", [] as [Endpoint; 0]).with(&route);
        let source = Source { name: String::from("page.yaml"), text: known.text().to_owned() };
        let model = deployment::compile(&[source], &deployment::options()).unwrap();
        let sessions = demo::watched(&model, &"default/eg".parse().unwrap());
        let named = (1..=4).map(|number| (FREE_PORT, Pod::new("backend", &format!("backend-{number}"))));
        let pods = demo::start_group(named, sessions).await.unwrap();

        let mut endpoints = Vec::new();
        for pod in &pods {
            let address = pod.backend().lock().await.address();
            endpoints.push(Endpoint { address, state: EndpointState::Ready });
        }
        let manifests = gateways.clone().service("backend", endpoints).with(&route);
        let deployment = Deployment::of(&manifests).unwrap_or_else(|error| panic!("{error}"));
        let envoy = deployment.start().await.unwrap_or_else(|error| panic!("{error}"));
        Self { envoy, pods }
    }

    /// Where the page is.
    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.address("default/eg/80"))
    }

    /// Where this listener of Envoy's is.
    pub(crate) fn address(&self, listener: &str) -> SocketAddr {
        self.envoy.listener(listener).unwrap()
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
