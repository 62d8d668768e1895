//! The objects of Istio (release 1.31):
//!
//! - `parameters`: for each namespace with Gateways that serve sessions, a `ConfigMap` that the Gateways name: their pods get the keys from
//!   a Secret, and a label;
//! - the routes with sessions: as they are written, but without `sessionPersistence`, which Istio ignores, and with a unique name for each
//!   rule that has sessions, because Istio gives the name of a rule to its Envoy routes;
//! - `wasm_plugin`: for each port of these Gateways, a `WasmPlugin` with the filter;
//! - `envoy_filter`: for each of these Gateways, an `EnvoyFilter` with Envoy's own persistence in the private header.

mod envoy_filter;
mod parameters;
mod wasm_plugin;

use std::collections::{BTreeMap, BTreeSet};

use session_persistence::names::FILTER;
use sha2::{Digest as _, Sha256};

use super::sessions::{GatewayKey, RouteKey, Routes, Session};
use super::{Export, gateways, incapable, objects};
use crate::manifest::Manifests;
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
    let names = export.sessions.routes.get(key).map(names).unwrap_or_default();
    let route = export.route(key, |index, rule| {
        rule.remove("sessionPersistence");
        if let Some(name) = names.get(&index) {
            rule.set(&["name"], name.as_str().into());
        }
    });
    let comment = "The route as it was. Rules with sessions have unique names, because Istio gives them to its Envoy routes.";
    route.map_or(Ok(()), |route| export.documents.push(comment, &route))
}

/// The names of the rules of a route, by their index: they neither depend on the order of rules nor are those of another route. Of two
/// unnamed rules with equal matches, only the first one serves requests.
fn names(sessions: &BTreeMap<usize, Session>) -> BTreeMap<usize, String> {
    let mut known = BTreeSet::new();
    let named = sessions.iter().map(|(index, session)| (*index, name(session.rule.id().as_str())));
    named.filter(|(_, name)| known.insert(name.clone())).collect()
}

/// The name of a rule, by its id: `NAMESPACE.ROUTE.` and 16 hex digits of the id's SHA-256.
fn name(id: &str) -> String {
    let digest = Sha256::digest(id).iter().take(8).fold(0, |number, byte| (number << 8) | u64::from(*byte));
    let route =
        id.strip_prefix("grpc:").unwrap_or(id).split(['#', '@']).next().unwrap_or_default().replace('/', ".");
    // Names have 253 characters at most.
    if route.len() < 200 { format!("{route}.{digest:016x}") } else { format!("{FILTER}.{digest:016x}") }
}

/// Ports of a Gateway that have the same sessions.
struct Ports<'e> {
    /// None if the ports of its Envoys are not known.
    numbers: Vec<u16>,
    /// By the names that Istio gives to their Envoy routes.
    sessions: BTreeMap<String, &'e Session>,
}

/// The ports of a Gateway with sessions.
fn ports<'e>(export: &'e Export<'_>, gateway: &GatewayKey) -> Vec<Ports<'e>> {
    let all = export.sessions.gateways.get(gateway).into_iter().flatten();
    if !is_deployed(gateway, export.manifests) {
        // A rule has the same sessions on all of them.
        let sessions = all.flat_map(|(_, routes)| named(routes)).collect();
        return vec![Ports { numbers: Vec::new(), sessions }];
    }
    let mut groups: Vec<(Vec<u16>, &Routes)> = Vec::new();
    for (port, routes) in all {
        match groups.iter_mut().find(|(_, known)| *known == routes) {
            Some((numbers, _)) => numbers.push(*port),
            None => groups.push((vec![*port], routes)),
        }
    }
    let group = |(numbers, routes)| Ports { numbers, sessions: named(routes).collect() };
    groups.into_iter().map(group).collect()
}

/// Sessions with the names of their rules.
fn named(routes: &Routes) -> impl Iterator<Item = (String, &Session)> {
    routes.values().flat_map(|sessions| {
        names(sessions).into_iter().filter_map(|(index, name)| Some((name, sessions.get(&index)?)))
    })
}

/// Whether Istio creates the Envoys of a Gateway. Otherwise, they are those of a Service that its address names.
pub(super) fn is_deployed(gateway: &GatewayKey, manifests: &Manifests) -> bool {
    gateways::find(manifests, gateway).is_none_or(|gateway| parameters::own_envoys(gateway).is_none())
}

/// `metadata` of an object of a Gateway, or of one of its ports.
fn metadata((namespace, name): &GatewayKey, port: Option<u16>) -> Tree {
    let name = format!("{name}-{FILTER}");
    objects::metadata(&port.map_or_else(|| name.clone(), |port| format!("{name}-{port}")), namespace)
}

/// The labels of a Gateway's pods that have the keys. Pods from before the Secret must not get the filter: without keys it does not
/// start, and Envoy answers every request with 500. The namespace is in a label, because objects in the root namespace select pods of all.
fn labels((namespace, name): &GatewayKey) -> Tree {
    Tree::object([
        ("gateway.networking.k8s.io/gateway-name", name.as_str().into()),
        (KEYS_LABEL, namespace.as_str().into()),
    ])
}
