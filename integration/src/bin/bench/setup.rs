//! Starts the Envoys: the same listener, route, cluster and access log, with ours, Envoy's own, or no session persistence.
//!
//! Ours is what `envoy-config` renders, unchanged. The others are rendered from the same manifests without
//! `sessionPersistence`, and [`baseline`] then takes out every trace of this project.

use std::net::SocketAddr;

use integration::backend::Backend;
use integration::harness::deployment::{DeployError, Deployment};
use integration::harness::envoy::Process;
use integration::harness::manifests::Manifests;
use serde_json::{Value, json};
use session_persistence::config::Pin;

use super::baseline::{self, BaselineError};
use super::rows::Setup;

/// The name of every session's cookie and header.
pub(super) const SESSION: &str = "session";

/// The listener of [`Manifests::gateway`].
const LISTENER: &str = "default/eg/80";

/// A check of each backend at the start, and none while requests are counted.
const CHECKED: &str = "\
apiVersion: gateway.envoyproxy.io/v1alpha1
kind: BackendTrafficPolicy
metadata: {name: checked}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]
  healthCheck: {active: {type: HTTP, timeout: 60s, interval: 1h, http: {path: /get}}}
";

const STRICT: &str = "\
apiVersion: session-persistence.dev/v1alpha1
kind: SessionPersistencePolicy
metadata: {name: strict}
spec:
  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]
  onEndpointLost: Reject
";

/// Why there is no Envoy to measure.
#[derive(Debug, thiserror::Error)]
pub(super) enum SetupError {
    /// Its manifests, its Envoy or its module.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// A baseline cannot be made of the rendered bootstrap.
    #[error(transparent)]
    Baseline(#[from] BaselineError),
    /// It listens elsewhere.
    #[error("Envoy has no listener `{LISTENER}`")]
    Listener,
}

/// The manifests that one Envoy serves, and what replaces the HTTP filters in the bootstrap rendered from them.
fn parts(setup: Setup) -> (String, Option<Vec<Value>>) {
    let cookie = |timeout| format!("{{sessionName: {SESSION}, absoluteTimeout: {timeout}}}");
    let header = format!("{{sessionName: {SESSION}, type: Header, absoluteTimeout: 1h}}");
    match setup {
        Setup::Plain => (route(None), Some(Vec::new())),
        Setup::StatefulCookie => (route(None), Some(vec![stateful_session(&cookie_state())])),
        Setup::StatefulHeader => (route(None), Some(vec![stateful_session(&header_state())])),
        Setup::Lua => (route(None), Some(vec![lua()])),
        Setup::Cookie | Setup::CookieByStateful | Setup::Pods => (route(Some(&cookie("1h"))), None),
        Setup::Checked => (format!("{}---\n{CHECKED}", route(Some(&cookie("1h")))), None),
        Setup::Strict => (format!("{}---\n{STRICT}", route(Some(&cookie("1h")))), None),
        Setup::Header | Setup::HeaderByStateful => (route(Some(&header)), None),
        Setup::ShortLived => (route(Some(&cookie("1s"))), None),
        Setup::Elsewhere => (format!("{}---\n{}", route(None), another_route(&cookie("1h"))), None),
    }
}

/// What an Envoy is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To serve requests.
    Serving,
    /// To have its instructions counted. It does not flush its statistics every five seconds, which would add to some counts
    /// and not to others.
    Counting,
    /// To hold many streams: it speaks HTTP/2 to the backends, and limits nothing.
    Holding,
}

/// What an Envoy serves, with this key.
///
/// # Errors
/// There is no module, or what is rendered is not what [`baseline`] expects.
pub(super) fn deployment(
    setup: Setup,
    purpose: Purpose,
    backends: &[Backend],
    key: &str,
) -> Result<Deployment, SetupError> {
    let (routes, filters) = parts(setup);
    let service = Manifests::gateway().service("backend", backends);
    let service = if setup == Setup::Pods { with_pods(&service) } else { service };
    let service = match purpose {
        Purpose::Serving | Purpose::Counting => service,
        Purpose::Holding => {
            let speaking = "targetPort: http, appProtocol: kubernetes.io/h2c}";
            Manifests::default().with(&service.text().replace("targetPort: http}", speaking))
        }
    };
    let pin = match setup {
        Setup::CookieByStateful | Setup::HeaderByStateful => Pin::StatefulSession,
        _ => Pin::Metadata,
    };
    let deployment = Deployment::pinned_by(pin, &service.with(&routes))?;
    let mut bootstrap = deployment.bootstrap().to_owned();
    if let Some(filters) = filters {
        bootstrap = baseline::with_filters(&bootstrap, &filters)?;
    }
    match purpose {
        Purpose::Serving => {}
        Purpose::Counting => bootstrap = baseline::without_flushes(&bootstrap)?,
        Purpose::Holding => bootstrap = baseline::without_breakers(&bootstrap)?,
    }
    Ok(Deployment::of_bootstrap(bootstrap)?.with_keys(key))
}

/// Where an Envoy listens.
///
/// # Errors
/// It has no such listener.
pub(super) fn address(envoy: &Process) -> Result<SocketAddr, SetupError> {
    envoy.listener(LISTENER).ok_or(SetupError::Listener)
}

/// A route for every path, with these sessions.
fn route(sessions: Option<&str>) -> String {
    let sessions =
        sessions.map(|sessions| format!("    sessionPersistence: {sessions}\n")).unwrap_or_default();
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: route}}\n\
         spec:\n  parentRefs: [{{name: eg}}]\n  rules:\n  - backendRefs: [{{name: backend, port: 3000}}]\n{sessions}"
    )
}

/// The same Service, with a pod for each of its endpoints, and 1,000 more pods that get no new sessions.
fn with_pods(service: &Manifests) -> Manifests {
    let mut parts = service.text().split_inclusive("terminating: false}\n");
    let first = parts.next().unwrap_or_default().to_owned();
    let named = parts.enumerate().map(|(number, part)| {
        format!("  targetRef: {{kind: Pod, namespace: default, name: backend-{number}}}\n{part}")
    });
    let slice = "---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
                 metadata: {name: more, labels: {kubernetes.io/service-name: backend}}\n\
                 addressType: IPv4\nports: [{name: http, port: 3000}]\nendpoints:\n";
    let more = (0..1_000).map(|number| {
        format!(
            "- addresses: [10.0.{}.{}]\n  conditions: {{ready: false, serving: true, terminating: true}}\n  \
             targetRef: {{kind: Pod, namespace: default, name: cart-{number}}}\n",
            number / 250,
            number % 250,
        )
    });
    let parts = [first].into_iter().chain(named).chain([slice.to_owned()]).chain(more);
    Manifests::default().with(&parts.collect::<String>())
}

/// A route for a hostname that no request asks for.
fn another_route(sessions: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: another}}\n\
         spec:\n  parentRefs: [{{name: eg}}]\n  hostnames: [another.example.com]\n  rules:\n  \
         - backendRefs: [{{name: backend, port: 3000}}]\n    sessionPersistence: {sessions}\n"
    )
}

fn stateful_session(state: &Value) -> Value {
    json!({
        "name": "envoy.filters.http.stateful_session",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.stateful_session.v3.StatefulSession",
            "session_state": state,
        },
    })
}

fn cookie_state() -> Value {
    json!({
        "name": "envoy.http.stateful_session.cookie",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.http.stateful_session.cookie.v3.CookieBasedSessionState",
            "cookie": {"name": SESSION, "path": "/", "ttl": "3600s"},
        },
    })
}

fn header_state() -> Value {
    json!({
        "name": "envoy.http.stateful_session.header",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
            "name": SESSION,
        },
    })
}

/// Pins requests to the endpoint that their cookie names, and never sets that cookie.
fn lua() -> Value {
    let script = format!(
        "function envoy_on_request(handle)\n  local cookies = handle:headers():get('cookie')\n  \
         local endpoint = cookies and cookies:match('{SESSION}=([^;]+)')\n  \
         if endpoint then handle:setUpstreamOverrideHost(endpoint, false) end\nend\n"
    );
    json!({
        "name": "envoy.filters.http.lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": script},
        },
    })
}
