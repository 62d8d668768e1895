//! What happens to requests if an object with an error is left out (`--keep-going`). The API server would not
//! have stored the object, so the other objects get its requests. The error says so.

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Manifests, Unread};

/// Adds the consequence to the error in each object that could not be read.
///
/// An object without an error of its own, in a document that has a YAML error elsewhere, gets a warning.
pub(crate) fn explain(manifests: &Manifests, reading: &mut Vec<Diagnostic>) {
    for object in &manifests.unread {
        let Unread { kind, namespace, name, span, error, .. } = object;
        let consequence = consequence(kind);
        if let Some(error) = error.and_then(|position| reading.get_mut(position)) {
            error.message = format!("{}; the {kind} is left out: {consequence}", error.message);
            continue;
        }
        let title = if namespace.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{kind} {namespace}/{name}")
        };
        let message = format!("an error elsewhere in the document leaves out the {kind}: {consequence}");
        reading.push(Diagnostic::warning(Code::LeftOut, *span, message).object(title));
    }
}

fn consequence(kind: &str) -> &'static str {
    match kind {
        "HTTPRoute" | "GRPCRoute" => "its requests fall through to a less specific route, or get 404",
        "Gateway" | "ListenerSet" => "its listeners are not served",
        "GatewayClass" => "its Gateways are served without it",
        "Service" | "Backend" | "XBackend" => "requests to it get 500",
        // They must not be sent in plaintext.
        "BackendTLSPolicy" => "requests to its targets get 500",
        "BackendTrafficPolicy" | "SessionPersistencePolicy" => "its targets are served without it",
        "EndpointSlice" => "its endpoints get no requests",
        "ReferenceGrant" => "it permits nothing",
        "Secret" | "ConfigMap" | "ClusterTrustBundle" => "references to it do not resolve",
        "Namespace" => "its labels match no selector",
        _ => "it has no effect",
    }
}
