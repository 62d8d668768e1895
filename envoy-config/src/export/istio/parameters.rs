//! The parameters of the Gateways of a namespace: what istiod adds to the Deployments that it creates for them.

use session_persistence::names::{FILTER, KEYS_VARIABLE};

use super::KEYS_LABEL;
use crate::export::gateways::{self, Parameters};
use crate::export::{Export, Options, incapable, objects};
use crate::manifest::Object;
use crate::manifest::gateway_api::gateway::{Address, Gateway};
use crate::source::Spanned;
use crate::tree::Tree;

/// The parameters of Gateways.
pub(super) const PARAMETERS: Parameters =
    Parameters { group: "", kind: "ConfigMap", need: "the keys", field: "data", object: config_map };

/// Gateways whose Envoys belong to a Deployment that istiod does not create.
pub(super) fn warn_about_addresses(export: &mut Export<'_>) {
    for key @ (namespace, name) in export.sessions.gateways.keys() {
        let Some(gateway) = gateways::find(export.manifests, key) else { continue };
        if let Some(address) = own_envoys(gateway) {
            let (message, hint) = match service_namespace(&address.value) {
                Some(other) if other != *namespace => (
                    format!(
                        "the filter does not run: the address names a Service in the namespace `{other}`, whose pods the objects of `{namespace}` do not select"
                    ),
                    format!("put the Gateway into the namespace `{other}`"),
                ),
                _ => (
                    String::from(
                        "the filter runs only if the Deployment has the keys: with this address, Istio creates none for the Gateway",
                    ),
                    format!(
                        "give the Deployment what ConfigMap `{FILTER}` in the output has, and its pods the label `gateway.networking.k8s.io/gateway-name: {name}`"
                    ),
                ),
            };
            let found = incapable(address.span, &format!("Gateway {namespace}/{name}"), message);
            export.diagnostics.push(found.field("spec.addresses").hint(hint));
        }
    }
}

/// The namespace in the hostname of a Service: `NAME.NAMESPACE.svc` and the domain of the cluster.
fn service_namespace(address: &Address) -> Option<&str> {
    let Address::Other { value, .. } = address else { return None };
    let mut labels = value.split('.').skip(1);
    let namespace = labels.next()?;
    (labels.next()? == "svc").then_some(namespace)
}

/// The address with which Istio leaves the Envoys of a Gateway to a Deployment of somebody else: any but one IP address.
pub(super) fn own_envoys(gateway: &Object<Gateway>) -> Option<&Spanned<Address>> {
    let addresses = &gateway.spec.addresses;
    let named = addresses.iter().find(|address| matches!(address.value, Address::Other { .. }));
    named.or_else(|| addresses.get(1))
}

fn config_map(namespace: &str, options: &Options) -> (String, Tree) {
    let secret = &options.secret;
    let deployment = format!(
        "spec:
  template:
    metadata:
      labels: {{{KEYS_LABEL}: \"{namespace}\"}}
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
        "Pods do not start without the Secret `{secret}` in the namespace of the Gateway. Other Gateways of its routes need the same keys:\nkubectl create secret generic {secret} -n {namespace} --from-literal={KEYS_VARIABLE}=$(openssl rand -hex 32)"
    );
    (comment, object)
}
