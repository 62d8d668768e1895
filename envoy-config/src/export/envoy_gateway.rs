//! The objects of Envoy Gateway (gateway.envoyproxy.io/v1alpha1, release 1.9):
//!
//! - `proxy`: for each namespace with Gateways that serve sessions, an `EnvoyProxy` with the order of the filters and the keys from a
//!   Secret, which the Gateways name;
//! - the routes with sessions: as they are written, but with Envoy Gateway's own persistence in the private header;
//! - `extension_policy`: for each namespace with such routes, an `EnvoyExtensionPolicy` with the filter;
//! - `retries`: a `BackendTrafficPolicy` with the retries that move a session from an endpoint that is gone.

mod extension_policy;
mod proxy;
mod retries;

use std::collections::BTreeMap;

use session_persistence::names::FILTER;

use super::sessions::{PIN_HEADER, RouteKey};
use super::{Export, gateways, objects};
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::render::RenderError;
use crate::tree::Tree;

/// The API group of Envoy Gateway.
const GROUP: &str = "gateway.envoyproxy.io";

/// Writes the objects.
pub(super) fn write(export: &mut Export<'_>) -> Result<(), RenderError> {
    proxy::warn_about_gateways(export);
    gateways::write(export, &proxy::PARAMETERS)?;
    let mut namespaces: BTreeMap<String, Vec<RouteKey>> = BTreeMap::new();
    for key in export.sessions.routes.keys() {
        namespaces.entry(key.1.clone()).or_default().push(key.clone());
    }
    for (namespace, routes) in namespaces {
        for key in &routes {
            route(export, key)?;
        }
        extension_policy::write(export, &namespace, &routes)?;
        retries::write(export, &namespace, &routes)?;
    }
    Ok(())
}

/// The route with Envoy Gateway's own persistence.
fn route(export: &mut Export<'_>, key: &RouteKey) -> Result<(), RenderError> {
    let sessions = export.sessions.routes.get(key);
    let route = export.route(key, |index, rule| {
        if sessions.is_some_and(|sessions| sessions.contains_key(&index)) {
            let persistence = Tree::object([("type", "Header".into()), ("sessionName", PIN_HEADER.into())]);
            rule.set(&["sessionPersistence"], persistence);
        } else {
            rule.remove("sessionPersistence");
        }
    });
    let comment = "The route as it was, with Envoy Gateway's own persistence behind the filter. Clients never see its header.";
    route.map_or(Ok(()), |route| export.documents.push(comment, &route))
}

fn targets<'k>(routes: impl IntoIterator<Item = &'k RouteKey>) -> Tree {
    let target = |(kind, _, name): &RouteKey| {
        Tree::object([
            ("group", GATEWAY_API.into()),
            ("kind", kind.name().into()),
            ("name", name.as_str().into()),
        ])
    };
    routes.into_iter().map(target).collect()
}

fn api_version() -> String {
    format!("{GROUP}/v1alpha1")
}

fn metadata(namespace: &str) -> Tree {
    objects::metadata(FILTER, namespace)
}
