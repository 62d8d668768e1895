//! Pod (core/v1): the addresses and the state of an endpoint that an XBackend selects.
//!
//! Pods come from a cluster with everything that the kubelet has written, and most inputs have Pods that nothing selects. So
//! only what an endpoint needs is read, and what is wrong with it is kept for `resolve`, which reports it if an XBackend
//! selects the Pod.

use std::net::IpAddr;

use crate::manifest::read::metadata;
use crate::manifest::read::yaml::{Entry, Node, Scalar, Value};
use crate::manifest::{Labels, Metadata, Object};
use crate::source::{Span, Spanned};

/// A Pod (core/v1).
#[derive(Clone, Debug)]
pub struct Pod {
    /// `status.podIPs`, or `status.podIP`; the first one is the pod's primary address.
    pub addresses: Vec<Spanned<IpAddr>>,
    /// The condition `Ready`. A Pod in the phase `Succeeded` or `Failed` has ended and is not ready.
    pub ready: bool,
    /// Whether `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// Fields of `status` that cannot be used.
    pub unusable: Vec<Unusable>,
}

/// A field of `status` that cannot be used.
#[derive(Clone, Debug)]
pub struct Unusable {
    /// Its path.
    pub field: String,
    /// Its value.
    pub span: Span,
    /// What is wrong with it.
    pub problem: Problem,
}

/// What is wrong with a field of `status`.
#[derive(Clone, Debug)]
pub enum Problem {
    /// An address that is none.
    Address(String),
    /// The status of the condition `Ready` is not a string.
    NotAString,
}

/// Reads a Pod; `None` if it has no name.
pub(in crate::manifest) fn read(node: &Node<'_>) -> Option<Object<Pod>> {
    let (namespace, name) = metadata::named(None, node)?;
    let written = &node.get("metadata")?.value;
    let at = |field: &str, value: &str| Spanned {
        value: value.to_owned(),
        span: written.get(field).map_or(node.span, |entry| entry.value.span),
    };
    let metadata = Metadata {
        name: at("name", name),
        namespace: at("namespace", namespace.unwrap_or("default")),
        labels: labels(written),
        created: None,
    };
    let mut unusable = Vec::new();
    let status = node.get("status").map(|entry| &entry.value);
    let ended = status
        .and_then(|status| status.text("phase"))
        .is_some_and(|phase| matches!(phase, "Succeeded" | "Failed"));
    let spec = Pod {
        addresses: status.map(|status| addresses(status, &mut unusable)).unwrap_or_default(),
        ready: status.is_some_and(|status| is_ready(status, &mut unusable)) && !ended,
        terminating: written.get("deletionTimestamp").is_some_and(|entry| !entry.value.is_null()),
        unusable,
    };
    Some(Object { kind: "Pod", metadata, spec, span: node.span })
}

fn labels(metadata: &Node<'_>) -> Labels {
    let Some(Value::Mapping(entries)) = metadata.get("labels").map(|entry| &entry.value.value) else {
        return Labels::new();
    };
    let label = |entry: &Entry<'_>| match &entry.value.value {
        Value::Scalar(Scalar::Text(text)) => {
            Some((entry.key.text.to_string(), Spanned { value: text.to_string(), span: entry.value.span }))
        }
        _ => None,
    };
    entries.iter().filter_map(label).collect()
}

fn addresses(status: &Node<'_>, unusable: &mut Vec<Unusable>) -> Vec<Spanned<IpAddr>> {
    let list = status.get("podIPs").map(|entry| &entry.value.value);
    let written: Vec<(String, &Node<'_>)> = if let Some(Value::Sequence(items)) = list {
        let address = items.iter().enumerate().filter_map(|(number, item)| {
            Some((format!("status.podIPs[{number}].ip"), &item.get("ip")?.value))
        });
        address.collect()
    } else {
        let single = status.get("podIP").map(|entry| (String::from("status.podIP"), &entry.value));
        single.into_iter().collect()
    };
    let mut found = Vec::new();
    for (field, node) in written {
        let Value::Scalar(Scalar::Text(text)) = &node.value else { continue };
        match text.parse() {
            Ok(value) => found.push(Spanned { value, span: node.span }),
            // A pod that waits for its address.
            Err(_) if text.is_empty() => {}
            Err(_) => {
                let problem = Problem::Address(text.to_string());
                unusable.push(Unusable { field, span: node.span, problem });
            }
        }
    }
    found
}

fn is_ready(status: &Node<'_>, unusable: &mut Vec<Unusable>) -> bool {
    let Some(Value::Sequence(conditions)) = status.get("conditions").map(|entry| &entry.value.value) else {
        return false;
    };
    let mut ready = conditions.iter().enumerate().filter(|(_, one)| one.text("type") == Some("Ready"));
    let Some((number, condition)) = ready.next() else { return false };
    match condition.get("status").map(|entry| &entry.value) {
        Some(Node { value: Value::Scalar(Scalar::Text(text)), .. }) => text == "True",
        Some(other) => {
            let field = format!("status.conditions[{number}].status");
            unusable.push(Unusable { field, span: other.span, problem: Problem::NotAString });
            false
        }
        None => false,
    }
}
