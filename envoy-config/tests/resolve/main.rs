//! The semantics of the Gateway API, from the text of manifests to the model.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod addresses;
mod attachment;
mod backend_tls;
mod backends;
mod certificates;
mod client_certificates;
mod endpoints;
mod envoy_gateway_backends;
mod grants;
mod grpc;
mod hostnames;
mod https;
mod partially_invalid;
mod precedence;
mod rule_ids;
mod sessions;
mod speed;
mod unread;
mod xbackends;

use envoy_config::diagnostic::{self, Diagnostic, Severity};
use envoy_config::model::{Action, Cluster, Domain, Forward, Listener, Model, Route};
use envoy_config::options::Options;
use envoy_config::source::Source;
use envoy_config::{Compilation, compile};

/// A file of `tests/certificates`: a chain, and its key if it has one.
fn pair(name: &str) -> String {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/certificates");
    std::fs::read_to_string(folder.join(format!("{name}.pem"))).unwrap()
}

/// A class, a Gateway `eg` with one listener for everything on port 80, and a Service `backend` with two endpoints.
const BASE: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: {name: eg}
spec: {controllerName: example.com/controller}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  listeners:
  - {name: http, protocol: HTTP, port: 80}
---
apiVersion: v1
kind: Service
metadata: {name: backend}
spec:
  ports: [{port: 3000}]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: backend-1, labels: {kubernetes.io/service-name: backend}}
addressType: IPv4
ports: [{port: 3000}]
endpoints:
- {addresses: [10.0.0.1]}
- {addresses: [10.0.0.2]}
";

/// A Gateway of the class `eg`.
fn gateway(name: &str, listeners: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {{name: {name}}}
spec:
  gatewayClassName: eg
  listeners: {listeners}
"
    )
}

/// An HTTPRoute of the Gateway `eg`, with these rules.
fn route(name: &str, rules: &str) -> String {
    route_of(name, "parentRefs: [{name: eg}]", rules)
}

/// An HTTPRoute with these fields at the start of its spec, and these rules.
fn route_of(name: &str, front: &str, rules: &str) -> String {
    format!(
        "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: {name}}}
spec: {{{front}, rules: {rules}}}
"
    )
}

/// The rule for this path prefix that forwards to `backend`.
fn prefix(path: &str) -> String {
    format!("[{{matches: [{{path: {{value: {path}}}}}], backendRefs: [{{name: backend, port: 3000}}]}}]")
}

fn compiled(documents: &[&str], options: &Options) -> Compilation {
    compile(&sources(documents), options)
}

fn sources(documents: &[&str]) -> Vec<Source> {
    let numbered = documents.iter().enumerate();
    numbered
        .map(|(number, text)| Source { name: format!("{number}.yaml"), text: (*text).to_owned() })
        .collect()
}

/// The model of valid manifests.
fn model(documents: &[&str]) -> Model {
    model_with(documents, &Options::default())
}

fn model_with(documents: &[&str], options: &Options) -> Model {
    let compilation = compiled(documents, options);
    let said = diagnostic::print(&compilation.diagnostics, &sources(documents), false);
    assert!(compilation.diagnostics.is_empty(), "{said}");
    assert_eq!(compilation.usage_errors, []);
    compilation.model.expect("a model")
}

/// The model and the codes of manifests with errors, with `keep_going`.
fn faulty(documents: &[&str]) -> (Option<Model>, Vec<&'static str>) {
    let options = Options { keep_going: true, ..Options::default() };
    let Compilation { model, diagnostics, usage_errors, .. } = compiled(documents, &options);
    assert_eq!(usage_errors, []);
    (model, codes(&diagnostics))
}

/// The only finding.
fn finding(documents: &[&str]) -> Diagnostic {
    let Compilation { model, diagnostics, .. } = compiled(documents, &Options::default());
    let said = diagnostic::print(&diagnostics, &sources(documents), false);
    assert_eq!(diagnostics.len(), 1, "{said}");
    let found = diagnostics.into_iter().next().unwrap();
    assert_eq!(model.is_none(), found.severity == Severity::Error, "only errors withhold the model");
    found
}

fn codes(diagnostics: &[Diagnostic]) -> Vec<&'static str> {
    diagnostics.iter().map(|found| found.code.name()).collect()
}

fn routes<'m>(listener: &'m Listener, domain: &Domain) -> &'m [Route] {
    let host = listener.virtual_hosts().find(|host| host.domain == *domain);
    &host.unwrap_or_else(|| panic!("no virtual host for {domain:?}")).routes
}

/// The names of the routes for a domain, in order.
fn names<'m>(listener: &'m Listener, domain: &Domain) -> Vec<&'m str> {
    routes(listener, domain).iter().map(|route| route.name.as_str()).collect()
}

/// The cluster that the first route for any hostname forwards to.
fn only_cluster(model: &Model) -> &Cluster {
    assert_eq!(model.clusters.len(), 1);
    let cluster = &model.clusters[0];
    assert_eq!(
        routes(&model.listeners[0], &Domain::Any)[0].action,
        Action::Forward(Forward::to(&cluster.name))
    );
    cluster
}

fn exact(name: &str) -> Domain {
    Domain::Exact(name.to_owned())
}

fn wildcard(suffix: &str) -> Domain {
    Domain::Wildcard(suffix.to_owned())
}
