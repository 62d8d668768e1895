//! Which namespaces a listener allows routes from, or a Gateway ListenerSets (Gateway API, `AllowedRoutes.namespaces` and
//! `AllowedListeners.namespaces`).

use std::collections::HashMap;

use crate::manifest::gateway_api::gateway::{AllowedNamespaces, LabelSelector};
use crate::manifest::{Labels, Manifests};
use crate::resolve::references::label_selector;

/// The API server adds this label to every Namespace.
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// The labels of the Namespaces in the input.
pub(in crate::resolve) struct Namespaces<'m>(HashMap<&'m str, &'m Labels>);

impl<'m> Namespaces<'m> {
    pub(in crate::resolve) fn index(manifests: &'m Manifests) -> Self {
        let namespaces = manifests.namespaces.iter();
        Self(namespaces.map(|one| (one.metadata.name.value.as_str(), &one.metadata.labels)).collect())
    }

    /// Whether the labels of a namespace are known.
    pub(in crate::resolve) fn knows(&self, namespace: &str) -> bool {
        self.0.contains_key(namespace)
    }

    /// Whether an object in namespace `own` allows routes or ListenerSets from this namespace.
    pub(in crate::resolve) fn allow(&self, allowed: &AllowedNamespaces, own: &str, namespace: &str) -> bool {
        match allowed {
            AllowedNamespaces::None => false,
            AllowedNamespaces::Same => namespace == own,
            // An unusable selector is an error of the listener, not of the route.
            AllowedNamespaces::All | AllowedNamespaces::Unusable(_) => true,
            AllowedNamespaces::Selector(selector) => {
                selects(selector, namespace, self.0.get(namespace).copied())
            }
        }
    }
}

/// Whether the labels of a namespace match the selector.
fn selects(selector: &LabelSelector, namespace: &str, labels: Option<&Labels>) -> bool {
    label_selector::selects(selector, |key| match labels.and_then(|labels| labels.get(key)) {
        _ if key == NAME_LABEL => Some(namespace),
        label => label.map(|label| label.value.as_str()),
    })
}
