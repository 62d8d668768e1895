//! The Gateways that serve sessions, and the `EnvoyProxies` that they name.

use session_persistence::names::{FILTER, KEYS_VARIABLE};

use super::{Document, GROUP, api_version, cleaned, metadata};
use crate::diagnostic::Diagnostic;
use crate::export::sessions::Sessions;
use crate::export::{Options, incapable};
use crate::manifest::{Manifests, Metadata, Original};
use crate::tree::Tree;

/// The `EnvoyProxies`, and the Gateways that name them.
pub(super) fn documents(
    sessions: &Sessions,
    manifests: &Manifests,
    originals: &[Original],
    options: &Options,
    documents: &mut Vec<(String, Document)>,
    diagnostics: &mut Vec<Diagnostic>,
) {
    let mut last = None;
    for (namespace, name) in &sessions.gateways {
        let is_this =
            |metadata: &Metadata| metadata.namespace.value == *namespace && metadata.name.value == *name;
        let Some(gateway) = manifests.gateways.iter().find(|gateway| is_this(&gateway.metadata)) else {
            continue;
        };
        let title = format!("Gateway {namespace}/{name}");
        if let Some(parameters) = &gateway.spec.parameters {
            let message = "the filter does not run: the Gateway has parameters of its own, which need its order and its keys";
            diagnostics.push(
                incapable(parameters.span, &title, message)
                    .hint(format!("copy `spec` of EnvoyProxy `{FILTER}` in the output into them")),
            );
        }
        diagnostics.push(incapable(
            gateway.metadata.name.span,
            &title,
            "if the filter fails in one request, it fails in all later ones of a worker: Envoy Gateway cannot reload it",
        ));
        if last != Some(namespace) {
            documents.push(proxy(namespace, options));
            last = Some(namespace);
        }
        if gateway.spec.parameters.is_none()
            && let Some(original) =
                originals.iter().find(|found| found.kind == "Gateway" && found.is(namespace, name))
        {
            let mut object = cleaned(original);
            let proxy = Tree::object([
                ("group", GROUP.into()),
                ("kind", "EnvoyProxy".into()),
                ("name", FILTER.into()),
            ]);
            object.set(&["spec", "infrastructure", "parametersRef"], proxy);
            let comment = "The Gateway as it was, with the EnvoyProxy above.";
            documents.push((comment.to_owned(), Document::Object(object)));
        }
    }
}

fn proxy(namespace: &str, options: &Options) -> (String, Document) {
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
    (comment, Document::Object(object))
}
