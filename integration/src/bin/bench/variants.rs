//! What is compared: the same listener, route, cluster and access log, with ours, Envoy's own, or no session persistence.

use std::net::SocketAddr;

use envoy_config::model::{Listener, Model};
use envoy_config::source::Source;
use integration::artifact;
use integration::backend::Backend;
use integration::deployment::{self, DeployError, Deployment, FREE_PORT};
use integration::envoy::Process;
use integration::manifests::Manifests;
use serde_json::{Value, json};

/// One way to serve the same route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Variant {
    /// No session persistence.
    None,
    /// Envoy's `stateful_session`, with a cookie.
    Native,
    /// The filter of this project, as `envoy-config` renders it.
    Ours,
}

/// Why a variant does not start.
#[derive(Debug, thiserror::Error)]
pub(super) enum VariantError {
    /// Its manifests, its Envoy or its module.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The rendered bootstrap is not what is changed here.
    #[error("the rendered bootstrap has no {0}")]
    Shape(&'static str),
    /// The rendered bootstrap cannot be read back.
    #[error("the rendered bootstrap is no YAML: {0}")]
    Yaml(#[from] Box<serde_saphyr::Error>),
}

const ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: route}\n\
                     spec:\n  parentRefs: [{name: eg}]\n  rules:\n  - backendRefs: [{name: backend, port: 3000}]\n    \
                     sessionPersistence: {sessionName: session, absoluteTimeout: 1h}\n";

impl Variant {
    /// All of them; a round of measurements has their order.
    pub(super) const ALL: [Self; 3] = [Self::None, Self::Native, Self::Ours];

    /// What it is called.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::None => "no session persistence",
            Self::Native => "Envoy's stateful_session (cookie)",
            Self::Ours => "this filter (cookie)",
        }
    }

    /// Whether a client that comes back gets to its endpoint.
    pub(super) fn keeps_sessions(self) -> bool {
        self != Self::None
    }

    /// Starts an Envoy that serves these pods.
    pub(super) async fn start(self, pods: &[Backend]) -> Result<Process, VariantError> {
        let manifests = Manifests::gateway().service("backend", pods).with(ROUTE);
        let source = Source { name: String::from("bench.yaml"), text: manifests.text().to_owned() };
        let mut model = deployment::compile(&[source], &deployment::options())?;
        for listener in &mut model.listeners {
            listener.bind = FREE_PORT;
        }
        if self != Self::Ours {
            forget_sessions(&mut model);
        }
        let module = artifact::module().map_err(DeployError::from)?;
        let rendered = deployment::bootstrap(&model, FREE_PORT, &module);
        let text = match self {
            Self::Ours => rendered,
            Self::Native => without_ours(&rendered, vec![stateful_session()])?,
            Self::None => without_ours(&rendered, Vec::new())?,
        };
        Ok(Deployment::of_bootstrap(text)?.start().await?)
    }
}

/// Where one of them listens.
pub(super) fn address(envoy: &Process) -> Result<SocketAddr, VariantError> {
    envoy.listener("default/eg/80").ok_or(VariantError::Shape("listener `default/eg/80`"))
}

/// Takes the sessions out of a model.
fn forget_sessions(model: &mut Model) {
    for route in
        model.listeners.iter_mut().flat_map(Listener::virtual_hosts_mut).flat_map(|host| &mut host.routes)
    {
        route.persistence = None;
    }
    for cluster in &mut model.clusters {
        cluster.persistent = false;
    }
}

/// The bootstrap with these HTTP filters in place of all but the router, and without what only ours needs.
fn without_ours(rendered: &str, mut filters: Vec<Value>) -> Result<String, VariantError> {
    let mut bootstrap: Value = serde_saphyr::from_str(rendered).map_err(Box::new)?;
    let manager = bootstrap
        .pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config")
        .and_then(Value::as_object_mut)
        .ok_or(VariantError::Shape("connection manager"))?;
    let format = "/0/typed_config/log_format/text_format_source/inline_string";
    let shape = VariantError::Shape("access log");
    match manager.get_mut("access_log").and_then(|log| log.pointer_mut(format)) {
        Some(Value::String(line)) => {
            let (line_without_session, _) = line.split_once(" %COALESCE(").ok_or(shape)?;
            *line = format!("{line_without_session}\n");
        }
        _ => return Err(shape),
    }
    manager
        .get_mut("route_config")
        .and_then(Value::as_object_mut)
        .and_then(|routes| routes.remove("request_headers_to_remove"))
        .ok_or(VariantError::Shape("removed request headers"))?;
    let rendered = manager.get_mut("http_filters").and_then(Value::as_array_mut);
    let rendered = rendered.ok_or(VariantError::Shape("HTTP filters"))?;
    filters.extend(rendered.pop());
    *rendered = filters;
    // JSON is YAML, too.
    Ok(bootstrap.to_string())
}

/// Envoy's own session persistence, in a cookie like ours.
fn stateful_session() -> Value {
    json!({
        "name": "envoy.filters.http.stateful_session",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
            "session_state": {
                "name": "envoy.http.stateful_session.cookie",
                "typed_config": {
                    "@type": "type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
                    "cookie": {"name": "session", "path": "/", "ttl": "3600s"},
                },
            },
        },
    })
}
