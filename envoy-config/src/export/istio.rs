//! The objects of Istio (release 1.31):
//!
//! - `parameters`: for each namespace with Gateways that serve sessions, a `ConfigMap` that the Gateways name: their pods get the keys from
//!   a Secret, and a label;
//! - the routes with sessions: as they are written, but without `sessionPersistence`, which Istio ignores, and without names of rules,
//!   which can be equal in two routes and would be the names of Envoy's routes;
//! - `wasm_plugin`: for the pods of each of these Gateways, a `WasmPlugin` with the filter, or several if ports have different sessions;
//! - `envoy_filter`: for each of them, an `EnvoyFilter` with Envoy's own persistence in the private header.

mod envoy_filter;
mod parameters;
mod wasm_plugin;

use std::collections::BTreeMap;

use session_persistence::names::FILTER;

use super::sessions::{GatewayKey, RouteKey, Routes, Session};
use super::{Export, gateways, incapable, objects};
use crate::render::RenderError;
use crate::tree::Tree;

/// The label of pods that have the keys.
const KEYS_LABEL: &str = "session-persistence.dev/keys";

/// Writes the objects.
pub(super) fn write(export: &mut Export<'_>) -> Result<(), RenderError> {
    parameters::warn_about_addresses(export);
    warn_about_policies(export);
    gateways::write(export, &parameters::PARAMETERS)?;
    let routes: Vec<RouteKey> = export.sessions.routes.keys().cloned().collect();
    for key in &routes {
        route(export, key)?;
    }
    let gateways: Vec<GatewayKey> = export.sessions.gateways.keys().cloned().collect();
    for gateway in &gateways {
        wasm_plugin::write(export, gateway)?;
        envoy_filter::write(export, gateway)?;
    }
    Ok(())
}

/// Policies of Envoy Gateway, which the rendered Envoy applies.
fn warn_about_policies(export: &mut Export<'_>) {
    if export.sessions.routes.is_empty() {
        return;
    }
    for policy in &export.manifests.envoy_traffic_policies {
        let (namespace, name) = policy.metadata.key();
        let title = format!("BackendTrafficPolicy {namespace}/{name}");
        let message = "the policy has no effect: Istio does not know it";
        let found = incapable(policy.metadata.name.span, &title, message);
        export.diagnostics.push(found.hint("write a DestinationRule for its backends"));
    }
}

fn route(export: &mut Export<'_>, key: &RouteKey) -> Result<(), RenderError> {
    let route = export.route(key, |rule, has_sessions| {
        rule.remove("sessionPersistence");
        if has_sessions {
            rule.remove("name");
        }
    });
    let comment =
        "The route as it was. Rules with sessions have no name: Istio gives their Envoy routes one.";
    route.map_or(Ok(()), |route| export.documents.push(comment, &route))
}

/// Ports of a Gateway that have the same sessions.
struct Ports<'e> {
    /// Their numbers; none if they are all those with sessions.
    numbers: Vec<u16>,
    /// The sessions, by the names that Istio gives to their Envoy routes.
    sessions: BTreeMap<String, &'e Session>,
}

/// The ports of a Gateway with sessions.
fn ports<'e>(export: &'e Export<'_>, gateway: &GatewayKey) -> Vec<Ports<'e>> {
    let mut groups: Vec<(Vec<u16>, &Routes)> = Vec::new();
    for (port, routes) in export.sessions.gateways.get(gateway).into_iter().flatten() {
        match groups.iter_mut().find(|(_, known)| *known == routes) {
            Some((numbers, _)) => numbers.push(*port),
            None => groups.push((vec![*port], routes)),
        }
    }
    let is_one = groups.len() == 1;
    let group = |(numbers, routes): (Vec<u16>, &'e Routes)| {
        let rules = routes.iter().flat_map(|((_, namespace, name), sessions)| {
            sessions.iter().map(move |(index, session)| (format!("{namespace}.{name}.{index}"), session))
        });
        Ports { numbers: if is_one { Vec::new() } else { numbers }, sessions: rules.collect() }
    };
    groups.into_iter().map(group).collect()
}

/// `metadata` of an object of a Gateway, or of some of its ports.
fn metadata((namespace, name): &GatewayKey, port: Option<u16>) -> Tree {
    let name = format!("{name}-{FILTER}");
    objects::metadata(&port.map_or_else(|| name.clone(), |port| format!("{name}-{port}")), namespace)
}

/// The labels of a Gateway's pods that have the keys. Pods from before the Secret must not get the filter: without keys it does not
/// start, and Envoy answers every request with 500.
fn labels((_, name): &GatewayKey) -> Tree {
    Tree::object([
        ("gateway.networking.k8s.io/gateway-name", name.as_str().into()),
        (KEYS_LABEL, "true".into()),
    ])
}
