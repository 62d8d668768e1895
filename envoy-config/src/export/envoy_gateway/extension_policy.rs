//! The `EnvoyExtensionPolicy` with the filter. A namespace has one for all routes, because Envoy Gateway starts a VM in each worker for each
//! policy.

use serde::Serialize;
use session_persistence::config::RuleTable;
use session_persistence::names::{FILTER, KEYS_VARIABLE};

use super::{api_version, metadata, targets};
use crate::export::objects::WithSpec;
use crate::export::sessions::RouteKey;
use crate::export::{Export, Module};
use crate::render::RenderError;
use crate::tree::Tree;

/// `spec` of an `EnvoyExtensionPolicy`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Spec {
    target_refs: Tree,
    wasm: (Wasm,),
}

#[derive(Serialize)]
struct Wasm {
    name: &'static str,
    code: Tree,
    env: Tree,
    config: RuleTable,
}

/// Writes the policy for these routes.
pub(super) fn write(
    export: &mut Export<'_>,
    namespace: &str,
    routes: &[RouteKey],
) -> Result<(), RenderError> {
    let rules_by_prefix = routes.iter().flat_map(|key @ (kind, _, name)| {
        let kind = kind.name().to_ascii_lowercase();
        let sessions = export.sessions.routes.get(key).into_iter().flatten();
        sessions.map(move |(index, session)| {
            (format!("{kind}/{namespace}/{name}/rule/{index}/"), session.rule.clone())
        })
    });
    let config = RuleTable { rules_by_prefix: rules_by_prefix.collect(), ..RuleTable::default() };
    let (comment, code) = match &export.options.module {
        Module::Image(image) => (
            "Envoy Gateway pulls the image: add a pullSecretRef if its registry asks for a login.",
            Tree::object([
                ("type", "Image".into()),
                ("image", Tree::object([("url", image.as_str().into())])),
            ]),
        ),
        Module::Url { url, sha256 } => (
            "Envoy Gateway fetches the module and verifies its digest.",
            Tree::object([
                ("type", "HTTP".into()),
                ("http", Tree::object([("url", url.as_str().into()), ("sha256", sha256.as_str().into())])),
            ]),
        ),
    };
    let extension = WithSpec {
        api_version: api_version(),
        kind: "EnvoyExtensionPolicy",
        metadata: metadata(namespace),
        spec: Spec {
            target_refs: targets(routes),
            wasm: (Wasm {
                name: FILTER,
                code,
                env: Tree::object([("hostKeys", Tree::List(vec![KEYS_VARIABLE.into()]))]),
                config,
            },),
        },
    };
    export.documents.push(comment, &extension)
}
