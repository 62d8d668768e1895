//! The `WasmPlugin` with the filter. Without a phase, it is behind Istio's own filters: authorization comes first.

use serde::Serialize;
use session_persistence::config::RuleTable;
use session_persistence::names::KEYS_VARIABLE;

use super::{labels, metadata, sessions};
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
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    sha256: Option<String>,
    fail_strategy: &'static str,
    vm_config: Tree,
    plugin_config: RuleTable,
}

/// Writes the plugin of a Gateway.
pub(super) fn write(export: &mut Export<'_>, gateway: &(String, String)) -> Result<(), RenderError> {
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
    let keys = Tree::object([("name", KEYS_VARIABLE.into()), ("valueFrom", "HOST".into())]);
    let rules = sessions(export, gateway).map(|(name, session)| (name, session.rule.clone())).collect();
    let plugin = WasmPlugin {
        api_version: "extensions.istio.io/v1alpha1",
        kind: "WasmPlugin",
        metadata: metadata(gateway),
        spec: Spec {
            selector: Tree::object([("matchLabels", labels(gateway))]),
            url,
            sha256,
            fail_strategy: "FAIL_RELOAD",
            vm_config: Tree::object([("env", Tree::List(vec![keys]))]),
            plugin_config: RuleTable { rules, ..RuleTable::default() },
        },
    };
    export.documents.push(comment, &plugin)
}
