//! What it means for requests that an object with an error in it is left out (`--keep-going`): such an object would never
//! have been stored, and what it would have taken goes where the others send it. That must not happen without a word.

use crate::diagnostic::Diagnostic;
use crate::manifest::{Manifests, Unread};

/// A warning for each object that could not be read.
pub(super) fn tell(manifests: &Manifests) -> impl Iterator<Item = Diagnostic> {
    manifests.unread.iter().map(|object| {
        let Unread { kind, namespace, name, span, .. } = object;
        let message = format!("the {kind} is left out: {}", consequence(kind));
        let title = if namespace.is_empty() {
            format!("{kind} {name}")
        } else {
            format!("{kind} {namespace}/{name}")
        };
        Diagnostic::warning("left-out", *span, message).object(title)
    })
}

fn consequence(kind: &str) -> &'static str {
    match kind {
        "HTTPRoute" | "GRPCRoute" => {
            "its requests get what another route says of them, a broader one perhaps, or 404"
        }
        "Gateway" => "nothing listens for it",
        "GatewayClass" => "its Gateways are served without it",
        "Service" | "Backend" => "requests for it are answered 500",
        // In the clear they must not go on.
        "BackendTLSPolicy" => "requests for its targets are answered 500",
        "EndpointSlice" => "its endpoints get no requests",
        "ReferenceGrant" => "it permits nothing",
        "Secret" | "ConfigMap" => "what refers to it does not resolve",
        "Namespace" => "its labels select nothing",
        _ => "what it says has no effect",
    }
}
