//! The `WasmPlugins` with the filter. Without a phase, they are behind authentication and authorization. Each port has its own, so that none
//! is left over when sessions of one port become different.

use serde::Serialize;
use session_persistence::config::{ByName, Rule, RuleTable};
use session_persistence::names::KEYS_VARIABLE;

use super::{Ports, labels, metadata, ports};
use crate::export::objects::WithSpec;
use crate::export::sessions::GatewayKey;
use crate::export::{Export, Module};
use crate::render::RenderError;
use crate::tree::Tree;

/// `spec` of a `WasmPlugin`.
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
    let mut plugins = Vec::new();
    for Ports { numbers, sessions } in ports(export, gateway) {
        let rules: ByName<Rule> =
            sessions.into_iter().map(|(name, session)| (name, session.rule.clone())).collect();
        let numbers = if numbers.is_empty() { vec![None] } else { numbers.into_iter().map(Some).collect() };
        plugins.extend(numbers.into_iter().map(|port| WithSpec {
            api_version: "extensions.istio.io/v1alpha1".to_owned(),
            kind: "WasmPlugin",
            metadata: metadata(gateway, port),
            spec: Spec {
                selector: Tree::object([("matchLabels", labels(gateway))]),
                r#match: port.map(of_port),
                url: url.clone(),
                sha256: sha256.clone(),
                fail_strategy: "FAIL_RELOAD",
                vm_config: Tree::object([("env", Tree::List(vec![keys()]))]),
                plugin_config: RuleTable { rules: rules.clone(), ..RuleTable::default() },
            },
        }));
    }
    plugins.iter().try_for_each(|plugin| export.documents.push(comment, plugin))
}

fn keys() -> Tree {
    Tree::object([("name", KEYS_VARIABLE.into()), ("valueFrom", "HOST".into())])
}

/// The traffic of a port.
fn of_port(port: u16) -> Tree {
    let port = Tree::object([("number", Tree::Integer(port.into()))]);
    Tree::List(vec![Tree::object([("ports", Tree::List(vec![port]))])])
}
