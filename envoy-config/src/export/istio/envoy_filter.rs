//! The `EnvoyFilter` with Envoy's own session persistence, right before the router and so behind the filter. It does nothing but on
//! routes with sessions: on others, its answers would have the private header.

use session_persistence::names::COOKIES_FILTER_STATE;

use super::{Ports, labels, metadata, ports};
use crate::export::Export;
use crate::export::sessions::{GatewayKey, PIN_HEADER, Session};
use crate::render::RenderError;
use crate::tree::Tree;

/// The name of Envoy's filter. Istio's own persistence has another one.
const PIN: &str = "session-persistence-pin";

/// Writes the patches for a Gateway.
pub(super) fn write(export: &mut Export<'_>, gateway: &GatewayKey) -> Result<(), RenderError> {
    let groups = ports(export, gateway);
    let of_routes = groups.iter().flat_map(|Ports { numbers, sessions }| {
        // A port that was not in the manifests has no filter, so it must not have the private header.
        let numbers = if numbers.is_empty() { vec![None] } else { numbers.iter().map(Some).collect() };
        numbers.into_iter().flat_map(move |port| {
            sessions.iter().map(move |(name, session)| of_route(port.copied(), name, session))
        })
    });
    let patches = std::iter::once(of_listeners()).chain(of_routes).collect();
    let selector = Tree::object([("labels", labels(gateway))]);
    let object = Tree::object([
        ("apiVersion", "networking.istio.io/v1alpha3".into()),
        ("kind", "EnvoyFilter".into()),
        ("metadata", metadata(gateway, None)),
        ("spec", Tree::object([("workloadSelector", selector), ("configPatches", patches)])),
    ]);
    let comment = "Envoy's own persistence behind the filter. Neither clients nor backends see its header.";
    export.documents.push(comment, &object)
}

fn of_listeners() -> Tree {
    let router = Tree::object([("name", "envoy.filters.http.router".into())]);
    let manager = Tree::object([
        ("name", "envoy.filters.network.http_connection_manager".into()),
        ("subFilter", router),
    ]);
    let listener = Tree::object([("filterChain", Tree::object([("filter", manager)]))]);
    let filter = Tree::object([
        ("name", PIN.into()),
        ("typed_config", any("envoy.extensions.filters.http.stateful_session.v3.StatefulSession", [])),
    ]);
    patch("HTTP_FILTER", ("listener", listener), "INSERT_BEFORE", filter)
}

/// On this port; on all if the ports are not known.
fn of_route(port: Option<u16>, name: &str, session: &Session) -> Tree {
    let header = any(
        "envoy.extensions.http.stateful_session.header.v3.HeaderBasedSessionState",
        [("name", PIN_HEADER.into())],
    );
    let state =
        Tree::object([("name", "envoy.http.stateful_session.header".into()), ("typed_config", header)]);
    let persistence = any(
        "envoy.extensions.filters.http.stateful_session.v3.StatefulSessionPerRoute",
        [("stateful_session", Tree::object([("session_state", state)]))],
    );
    let mut removed = vec![PIN_HEADER];
    removed.extend(session.hidden_header.as_deref());
    let mut route = Tree::object([]);
    if session.rule.hidden_cookie().is_some() {
        removed.push("cookie");
        // Envoy removes first. Without other cookies, it adds no header.
        let value = format!("%FILTER_STATE({COOKIES_FILTER_STATE}:PLAIN)%");
        let header = Tree::object([("key", "cookie".into()), ("value", value.into())]);
        route.set(&["request_headers_to_add"], Tree::List(vec![Tree::object([("header", header)])]));
    }
    route.set(&["request_headers_to_remove"], removed.into_iter().map(Tree::from).collect());
    route.set(&["typed_per_filter_config"], Tree::object([(PIN, persistence)]));
    let host = Tree::object([("route", Tree::object([("name", name.into())]))]);
    let mut place = Tree::object([]);
    if let Some(port) = port {
        place.set(&["portNumber"], Tree::Integer(port.into()));
    }
    place.set(&["vhost"], host);
    patch("HTTP_ROUTE", ("routeConfiguration", place), "MERGE", route)
}

/// An item of `configPatches`.
fn patch(kind: &str, place: (&str, Tree), operation: &str, value: Tree) -> Tree {
    Tree::object([
        ("applyTo", kind.into()),
        ("match", Tree::object([("context", "GATEWAY".into()), place])),
        ("patch", Tree::object([("operation", operation.into()), ("value", value)])),
    ])
}

/// A value of this type of Envoy's API.
fn any<const N: usize>(name: &str, fields: [(&str, Tree); N]) -> Tree {
    let mut value = Tree::object([("@type", format!("type.googleapis.com/{name}").into())]);
    for (field, inner) in fields {
        value.set(&[field], inner);
    }
    value
}
