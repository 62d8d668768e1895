//! Default Gateways (GEP-3793): routes with `useDefaultGateways` attach to them as if they had parentRefs to them.

use crate::manifest::Manifests;
use crate::manifest::gateway_api::route::{ParentKind, ParentRef};
use crate::manifest::read::field_path::At;
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::word;
use crate::source::Spanned;

/// The value of `defaultScope` and `useDefaultGateways` (GEP-3793).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultScope {
    /// `None`.
    None,
    /// `All`.
    All,
}

/// `defaultScope` of a Gateway or `useDefaultGateways` of a route.
pub(in crate::manifest) fn default_scope(
    at: At<'_>,
    findings: &mut Findings,
) -> Option<Spanned<DefaultScope>> {
    word(&[("None", DefaultScope::None), ("All", DefaultScope::All)])(at, findings)
}

/// Adds the default Gateways to the parentRefs of the routes that use them, unless a route refers to them itself.
pub(in crate::manifest) fn add(manifests: &mut Manifests) {
    let mut defaults: Vec<_> = manifests
        .gateways
        .iter()
        .filter(|gateway| gateway.spec.default_scope == DefaultScope::All)
        .map(|gateway| (gateway.metadata.namespace.value.clone(), gateway.metadata.name.value.clone()))
        .collect();
    defaults.sort();
    for route in &mut manifests.routes {
        let Spanned { value: DefaultScope::All, span } = route.spec.use_default_gateways else { continue };
        let own = &route.metadata.namespace.value;
        let parents = &mut route.spec.parent_refs;
        let is_named = |(namespace, name): &(String, String)| {
            parents.iter().any(|parent| {
                parent.kind == ParentKind::Gateway
                    && parent.name.value == *name
                    && parent.namespace.as_ref().map_or(own, |namespace| &namespace.value) == namespace
            })
        };
        let missing: Vec<_> = defaults.iter().filter(|default| !is_named(default)).cloned().collect();
        parents.extend(missing.into_iter().map(|(namespace, name)| ParentRef {
            kind: ParentKind::DefaultGateway,
            namespace: Some(Spanned { value: namespace, span }),
            name: Spanned { value: name, span },
            section_name: None,
            port: None,
            span,
        }));
    }
}
