//! The parts that objects of all implementations have.

use serde::Serialize;

use super::Export;
use super::sessions::RouteKey;
use crate::tree::Tree;

impl Export<'_> {
    /// A Gateway or a route as it is written, without what the API server adds.
    pub(super) fn original(&self, kind: &str, namespace: &str, name: &str) -> Option<Tree> {
        let original = self.originals.iter().find(|found| found.kind == kind && found.is(namespace, name))?;
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
        Some(object)
    }

    /// A route as it is written, with each of its rules changed.
    pub(super) fn route(
        &self,
        (kind, namespace, name): &RouteKey,
        mut change: impl FnMut(usize, &mut Tree),
    ) -> Option<Tree> {
        let mut object = self.original(kind.name(), namespace, name)?;
        let written = object.get_mut("spec")?;
        // A route without rules has one.
        if written.get_mut("rules").is_none_or(|rules| rules.items().is_empty()) {
            written.set(&["rules"], Tree::List(vec![Tree::Object(Vec::new())]));
        }
        for (index, rule) in written.get_mut("rules")?.items().iter_mut().enumerate() {
            change(index, rule);
        }
        Some(object)
    }
}

/// An object whose `spec` has the rules of the filter.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WithSpec<S> {
    pub(super) api_version: String,
    pub(super) kind: &'static str,
    pub(super) metadata: Tree,
    pub(super) spec: S,
}

/// `metadata`.
pub(super) fn metadata(name: &str, namespace: &str) -> Tree {
    Tree::object([("name", name.into()), ("namespace", namespace.into())])
}
