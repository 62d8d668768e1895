//! The `EnvoyProxy` of the Gateways of a namespace.

use session_persistence::names::KEYS_VARIABLE;

use super::{GROUP, api_version, metadata};
use crate::export::gateways::{self, Parameters};
use crate::export::{Export, Options, incapable};
use crate::tree::Tree;

/// The parameters of Gateways.
pub(super) const PARAMETERS: Parameters = Parameters {
    group: GROUP,
    kind: "EnvoyProxy",
    need: "its order and its keys",
    field: "spec",
    object: proxy,
};

/// What each Gateway with sessions must do without.
pub(super) fn warn_about_gateways(export: &mut Export<'_>) {
    for key @ (namespace, name) in export.sessions.gateways.keys() {
        if let Some(gateway) = gateways::find(export.manifests, key) {
            export.diagnostics.push(incapable(
                gateway.metadata.name.span,
                &format!("Gateway {namespace}/{name}"),
                "if the filter fails in one request, it fails in all later ones of a worker: Envoy Gateway cannot reload it",
            ));
        }
    }
}

fn proxy(namespace: &str, options: &Options) -> (String, Tree) {
    let secret = &options.secret;
    let key = Tree::object([("name", secret.as_str().into()), ("key", KEYS_VARIABLE.into())]);
    let keys =
        Tree::object([("name", KEYS_VARIABLE.into()), ("valueFrom", Tree::object([("secretKeyRef", key)]))]);
    let deployment = Tree::object([("container", Tree::object([("env", Tree::List(vec![keys]))]))]);
    let order = Tree::object([
        ("name", "envoy.filters.http.wasm".into()),
        ("before", "envoy.filters.http.stateful_session".into()),
    ]);
    let provider = Tree::object([
        ("type", "Kubernetes".into()),
        ("kubernetes", Tree::object([("envoyDeployment", deployment)])),
    ]);
    let object = Tree::object([
        ("apiVersion", api_version().into()),
        ("kind", "EnvoyProxy".into()),
        ("metadata", metadata(namespace)),
        ("spec", Tree::object([("filterOrder", Tree::List(vec![order])), ("provider", provider)])),
    ]);
    let comment = format!(
        "Envoy does not start without the Secret `{secret}` in the namespace of its pods, by default envoy-gateway-system:\nkubectl create secret generic {secret} -n envoy-gateway-system --from-literal={KEYS_VARIABLE}=$(openssl rand -hex 32)"
    );
    (comment, object)
}
