//! Reading manifests: from text to typed objects and diagnostics.

#[cfg(test)]
mod findings;
#[cfg(test)]
mod grpc;
#[cfg(test)]
mod nulls;
#[cfg(test)]
mod objects;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod retry;
#[cfg(test)]
mod tls;
#[cfg(test)]
mod xbackends;
#[cfg(test)]
mod yaml;

use envoy_config::diagnostic::Diagnostic;
use envoy_config::manifest::{self, Manifests};
use envoy_config::source::{Source, Span};

/// Reads one source.
fn read(text: &str) -> (Manifests, Vec<Diagnostic>) {
    manifest::read(&[Source { name: String::from("test.yaml"), text: text.to_owned() }])
}

/// The text of a span.
fn at(text: &str, span: Span) -> &str {
    text.get(span.start..span.end).unwrap_or("no such place")
}

/// An HTTPRoute with one rule that has these fields.
fn route(rule: &str) -> String {
    let head = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: r}\nspec:\n  rules:\n  -";
    format!("{head}\n    {}\n", rule.replace('\n', "\n    "))
}
