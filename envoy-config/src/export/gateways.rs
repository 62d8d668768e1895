//! The Gateways that serve sessions, and the parameters with which their Envoys get the keys: an object for each of their namespaces.

use session_persistence::names::FILTER;

use super::sessions::GatewayKey;
use super::{Export, Options, incapable};
use crate::manifest::gateway_api::gateway::Gateway;
use crate::manifest::{Manifests, Object};
use crate::render::RenderError;
use crate::tree::Tree;

/// The parameters of a Gateway in an implementation.
pub(super) struct Parameters {
    /// The API group of their kind.
    pub(super) group: &'static str,
    /// Their kind.
    pub(super) kind: &'static str,
    /// What the filter needs from them, in a message.
    pub(super) need: &'static str,
    /// The field that has it.
    pub(super) field: &'static str,
    /// The object for the Gateways of a namespace, with a comment.
    pub(super) object: fn(&str, &Options) -> (String, Tree),
}

/// The Gateway of this namespace and name.
pub(super) fn find<'m>(
    manifests: &'m Manifests,
    (namespace, name): &GatewayKey,
) -> Option<&'m Object<Gateway>> {
    manifests.gateways.iter().find(|gateway| gateway.metadata.key() == (namespace, name))
}

/// Writes the parameters, and the Gateways that name them.
pub(super) fn write(export: &mut Export<'_>, parameters: &Parameters) -> Result<(), RenderError> {
    let mut last = None;
    let gateways: Vec<GatewayKey> = export.sessions.gateways.keys().cloned().collect();
    for key @ (namespace, name) in &gateways {
        let Some(gateway) = find(export.manifests, key) else { continue };
        let Parameters { group, kind, need, field, object } = parameters;
        // Those that were rendered before, for this implementation or the other one, are not the user's.
        let rendered = format!(" `{FILTER}`");
        let own = gateway.spec.parameters.as_ref().filter(|own| !own.value.ends_with(&rendered));
        if let Some(own) = own {
            let message = format!("the filter runs only if these parameters of the Gateway have {need}");
            let found = incapable(own.span, &format!("Gateway {namespace}/{name}"), message);
            export
                .diagnostics
                .push(found.hint(format!("copy `{field}` of {kind} `{FILTER}` in the output into them")));
        }
        if last != Some(namespace) {
            let (comment, object) = object(namespace, export.options);
            export.documents.push(&comment, &object)?;
            last = Some(namespace);
        }
        if own.is_none()
            && let Some(mut object) = export.original("Gateway", namespace, name)
        {
            let reference =
                Tree::object([("group", (*group).into()), ("kind", (*kind).into()), ("name", FILTER.into())]);
            object.set(&["spec", "infrastructure", "parametersRef"], reference);
            export.documents.push(&format!("The Gateway as it was, with the {kind} above."), &object)?;
        }
    }
    Ok(())
}
