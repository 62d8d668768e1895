//! The parameters of the Gateways of a namespace: what istiod adds to the Deployments that it creates for them.

use session_persistence::names::{FILTER, KEYS_VARIABLE};

use super::KEYS_LABEL;
use crate::export::gateways::Parameters;
use crate::export::{Export, Options, incapable, objects};
use crate::manifest::gateway_api::gateway::Address;
use crate::tree::Tree;

/// The parameters of Gateways.
pub(super) const PARAMETERS: Parameters =
    Parameters { group: "", kind: "ConfigMap", need: "the keys", field: "data", object: config_map };

/// Gateways whose Envoys belong to a Deployment that istiod does not create.
pub(super) fn warn_about_addresses(export: &mut Export<'_>) {
    for gateway in &export.manifests.gateways {
        let (namespace, name) = gateway.metadata.key();
        if !export.sessions.gateways.contains_key(&(namespace.to_owned(), name.to_owned())) {
            continue;
        }
        let is_service =
            |address: &Address| matches!(address, Address::Other { kind, .. } if kind == "Hostname");
        if let Some(address) = gateway.spec.addresses.iter().find(|address| is_service(&address.value)) {
            let message = "the filter does not run: the address names a Service, and Istio does not change the Deployment behind it";
            export.diagnostics.push(
                incapable(address.span, &format!("Gateway {namespace}/{name}"), message)
                    .field("spec.addresses")
                    .hint(format!("give that Deployment what ConfigMap `{FILTER}` in the output has, and its pods the label `gateway.networking.k8s.io/gateway-name: {name}`")),
            );
        }
    }
}

fn config_map(namespace: &str, options: &Options) -> (String, Tree) {
    let secret = &options.secret;
    let deployment = format!(
        "spec:
  template:
    metadata:
      labels: {{{KEYS_LABEL}: \"true\"}}
    spec:
      containers:
      - name: istio-proxy
        env:
        - name: {KEYS_VARIABLE}
          valueFrom: {{secretKeyRef: {{name: {secret}, key: {KEYS_VARIABLE}}}}}
"
    );
    let object = Tree::object([
        ("apiVersion", "v1".into()),
        ("kind", "ConfigMap".into()),
        ("metadata", objects::metadata(FILTER, namespace)),
        ("data", Tree::object([("deployment", deployment.into())])),
    ]);
    let comment = format!(
        "Pods do not start without the Secret `{secret}` in the namespace of the Gateway:\nkubectl create secret generic {secret} -n {namespace} --from-literal={KEYS_VARIABLE}=$(openssl rand -hex 32)"
    );
    (comment, object)
}
