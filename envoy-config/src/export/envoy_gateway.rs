//! The objects of Envoy Gateway (gateway.envoyproxy.io/v1alpha1, release 1.9):
//!
//! - `gateways`: the Gateways that serve sessions, and for each of their namespaces an `EnvoyProxy`, with the order of the filters and the
//!   keys from a Secret;
//! - the routes with sessions: as they are written, but with Envoy Gateway's own persistence in the private header;
//! - `extension_policy`: for each namespace with such routes, an `EnvoyExtensionPolicy` with the filter;
//! - `retries`: a `BackendTrafficPolicy` with the retries that move a session from an endpoint that is gone.

mod extension_policy;
mod gateways;
mod retries;

use std::collections::BTreeMap;

use serde::Serialize;
use serde::ser::Serializer;
use session_persistence::config::Rule;
use session_persistence::names::FILTER;

use self::extension_policy::ExtensionPolicy;
use super::Options;
use super::sessions::{PIN_HEADER, RouteKey, Sessions};
use crate::diagnostic::Diagnostic;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::{Manifests, Original, originals};
use crate::source::Source;
use crate::tree::Tree;

/// The API group of Envoy Gateway.
const GROUP: &str = "gateway.envoyproxy.io";

/// A route, and its rules with sessions by their index.
type RouteRules<'s> = (&'s RouteKey, &'s BTreeMap<usize, Rule>);

/// A document: the values of objects, or the table of the filter in one.
pub(super) enum Document {
    Object(Tree),
    Extension(Box<ExtensionPolicy>),
}

impl Serialize for Document {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Object(tree) => tree.serialize(serializer),
            Self::Extension(extension) => extension.serialize(serializer),
        }
    }
}

/// The documents, each with a comment.
pub(super) fn documents(
    sessions: &Sessions,
    manifests: &Manifests,
    sources: &[Source],
    options: &Options,
    diagnostics: &mut Vec<Diagnostic>,
) -> Vec<(String, Document)> {
    let originals = originals(sources);
    let mut documents = Vec::new();
    gateways::documents(sessions, manifests, &originals, options, &mut documents, diagnostics);
    let mut namespaces: BTreeMap<&str, Vec<RouteRules<'_>>> = BTreeMap::new();
    for (key, rules) in &sessions.routes {
        namespaces.entry(&key.1).or_default().push((key, rules));
    }
    for (namespace, routes) in namespaces {
        documents.extend(routes.iter().filter_map(|(key, rules)| route(key, rules, &originals)));
        documents.push(extension_policy::policy(namespace, &routes, options));
        documents.extend(retries::policy(namespace, &routes, manifests, diagnostics));
    }
    documents
}

/// The route with Envoy Gateway's own persistence.
fn route(
    (kind, namespace, name): &RouteKey,
    rules: &BTreeMap<usize, Rule>,
    originals: &[Original],
) -> Option<(String, Document)> {
    let original = originals.iter().find(|found| found.kind == kind.name() && found.is(namespace, name))?;
    let mut object = cleaned(original);
    let written = object.get_mut("spec")?;
    // A route without rules has one.
    if written.get_mut("rules").is_none_or(|rules| rules.items().is_empty()) {
        written.set(&["rules"], Tree::List(vec![Tree::Object(Vec::new())]));
    }
    for (index, rule) in written.get_mut("rules")?.items().iter_mut().enumerate() {
        if rules.contains_key(&index) {
            let persistence = Tree::object([("type", "Header".into()), ("sessionName", PIN_HEADER.into())]);
            rule.set(&["sessionPersistence"], persistence);
        } else {
            rule.remove("sessionPersistence");
        }
    }
    let comment = "The route as it was, with Envoy Gateway's own persistence behind the filter. Clients never see its header.";
    Some((comment.to_owned(), Document::Object(object)))
}

/// Without what the API server adds.
fn cleaned(original: &Original) -> Tree {
    let mut object = original.object.clone();
    object.remove("status");
    if let Some(metadata) = object.get_mut("metadata") {
        metadata.keep(&["name", "namespace", "labels", "annotations"]);
        // It has the object as it was before.
        if let Some(annotations) = metadata.get_mut("annotations") {
            annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
        }
        // The policies beside it have one, too: `kubectl` must not put them into different namespaces.
        if metadata.get("namespace").is_none() {
            metadata.set(&["namespace"], "default".into());
        }
    }
    object
}

fn targets<'k>(routes: impl Iterator<Item = &'k RouteKey>) -> Tree {
    let target = |(kind, _, name): &RouteKey| {
        Tree::object([
            ("group", GATEWAY_API.into()),
            ("kind", kind.name().into()),
            ("name", name.as_str().into()),
        ])
    };
    routes.map(target).collect()
}

fn api_version() -> String {
    format!("{GROUP}/v1alpha1")
}

fn metadata(namespace: &str) -> Tree {
    Tree::object([("name", FILTER.into()), ("namespace", namespace.into())])
}
