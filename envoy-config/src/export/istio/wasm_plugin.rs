//! The `WasmPlugin` with the filter. Without a phase, it is behind Istio's own filters: authorization comes first.

use serde::Serialize;
use session_persistence::config::RuleTable;
use session_persistence::names::KEYS_VARIABLE;

use super::{Ports, labels, metadata, ports};
use crate::export::sessions::GatewayKey;
use crate::export::{Export, Module};
use crate::render::RenderError;
use crate::tree::Tree;

/// A `WasmPlugin`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WasmPlugin {
    api_version: &'static str,
    kind: &'static str,
    metadata: Tree,
    spec: Spec,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    selector: Tree,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#match: Option<Tree>,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    fail_strategy: &'static str,
    vm_config: Tree,
    plugin_config: RuleTable,
}

/// Writes the plugins of a Gateway.
pub(super) fn write(export: &mut Export<'_>, gateway: &GatewayKey) -> Result<(), RenderError> {
    let (comment, url, sha256) = match &export.options.module {
        Module::Image(image) => (
            "Istio pulls the image: add an imagePullSecret if its registry asks for a login.",
            format!("oci://{image}"),
            None,
        ),
        Module::Url { url, sha256 } => {
            ("Istio fetches the module and verifies its digest.", url.clone(), Some(sha256.clone()))
        }
    };
    let plugins: Vec<WasmPlugin> = ports(export, gateway)
        .into_iter()
        .enumerate()
        .map(|(position, Ports { numbers, sessions })| {
            let rules = sessions.into_iter().map(|(name, session)| (name, session.rule.clone())).collect();
            WasmPlugin {
                api_version: "extensions.istio.io/v1alpha1",
                kind: "WasmPlugin",
                metadata: metadata(gateway, numbers.first().copied().filter(|_| position > 0)),
                spec: Spec {
                    selector: Tree::object([("matchLabels", labels(gateway))]),
                    r#match: of_ports(&numbers),
                    url: url.clone(),
                    sha256: sha256.clone(),
                    fail_strategy: "FAIL_RELOAD",
                    vm_config: Tree::object([("env", Tree::List(vec![keys()]))]),
                    plugin_config: RuleTable { rules, ..RuleTable::default() },
                },
            }
        })
        .collect();
    plugins.iter().try_for_each(|plugin| export.documents.push(comment, plugin))
}

fn keys() -> Tree {
    Tree::object([("name", KEYS_VARIABLE.into()), ("valueFrom", "HOST".into())])
}

/// The traffic of these ports; all of it if there are none.
fn of_ports(numbers: &[u16]) -> Option<Tree> {
    let port = |number: &u16| Tree::object([("number", Tree::Integer((*number).into()))]);
    let ports: Tree = numbers.iter().map(port).collect();
    (!numbers.is_empty()).then(|| Tree::List(vec![Tree::object([("ports", ports)])]))
}
