//! The `EnvoyExtensionPolicy` with the filter. A namespace has one for all routes, because Envoy Gateway starts a VM in each worker for each
//! policy.

use serde::Serialize;
use session_persistence::config::RuleTable;
use session_persistence::names::{FILTER, KEYS_VARIABLE};

use super::{Document, RouteRules, api_version, metadata, targets};
use crate::export::{Module, Options};
use crate::tree::Tree;

/// An `EnvoyExtensionPolicy`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::export) struct ExtensionPolicy {
    api_version: String,
    kind: &'static str,
    metadata: Tree,
    spec: Spec,
}

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

/// The policy for these routes.
pub(super) fn policy(namespace: &str, routes: &[RouteRules<'_>], options: &Options) -> (String, Document) {
    let rules_by_prefix = routes.iter().flat_map(|((kind, _, name), rules)| {
        rules.iter().map(move |(index, rule)| {
            let kind = kind.name().to_ascii_lowercase();
            (format!("{kind}/{namespace}/{name}/rule/{index}/"), rule.clone())
        })
    });
    let (comment, code) = match &options.module {
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
    let extension = ExtensionPolicy {
        api_version: api_version(),
        kind: "EnvoyExtensionPolicy",
        metadata: metadata(namespace),
        spec: Spec {
            target_refs: targets(routes.iter().map(|(key, _)| *key)),
            wasm: (Wasm {
                name: FILTER,
                code,
                env: Tree::object([("hostKeys", Tree::List(vec![KEYS_VARIABLE.into()]))]),
                config: RuleTable { rules_by_prefix: rules_by_prefix.collect(), ..RuleTable::default() },
            },),
        },
    };
    (comment.to_owned(), Document::Extension(Box::new(extension)))
}
