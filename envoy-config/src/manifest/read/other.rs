//! What policies of kinds that are not read are attached to: `targetRef`, `targetRefs` and `targetSelectors` (GEP-713 and
//! Envoy Gateway), and Istio's selectors as far as they are for Gateways.
//!
//! Nothing is reported here: their other fields are unknown, so a reference that cannot be read is none.

use std::collections::BTreeMap;

use super::gateway::GATEWAY_GROUP;
use super::metadata;
use super::yaml::{Node, Scalar, Value};
use crate::manifest::other::{OtherPolicy, OtherTarget, Selection};

const TARGETS: [&str; 3] = ["targetRef", "targetRefs", "targetSelectors"];

/// Istio's labels of the pods of a Gateway.
const GATEWAY_LABELS: [&str; 2] = ["gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"];

/// Istio's kinds that are for a whole namespace unless they select something in it.
const NAMESPACE_WIDE: [&str; 2] = ["AuthorizationPolicy", "RequestAuthentication"];

/// A policy that is attached to something; none when it is not, or has no name.
pub(super) fn policy(group: &str, kind: &str, object: &Node<'_>) -> Option<OtherPolicy> {
    let (namespace, name) = metadata::named(None, object)?;
    let namespace = namespace.unwrap_or("default");
    let spec = object.get("spec").map(|spec| &spec.value);
    let mut targets = spec.map(|spec| referenced(spec, namespace)).unwrap_or_default();
    if targets.is_empty() && group.ends_with(".istio.io") {
        let wide = group == "security.istio.io" && NAMESPACE_WIDE.contains(&kind);
        targets.extend(selected(object, spec, wide, namespace));
    }
    (!targets.is_empty()).then(|| OtherPolicy {
        kind: kind.to_owned(),
        group: group.to_owned(),
        namespace: namespace.to_owned(),
        name: name.to_owned(),
        targets,
    })
}

fn referenced(spec: &Node<'_>, namespace: &str) -> Vec<OtherTarget> {
    let mut targets = Vec::new();
    for field in TARGETS {
        match spec.get(field).map(|entry| &entry.value) {
            Some(Node { value: Value::Sequence(items), .. }) => {
                let items = items.iter().enumerate();
                targets.extend(
                    items.filter_map(|(number, item)| {
                        target(item, format!("spec.{field}[{number}]"), namespace)
                    }),
                );
            }
            Some(one) => targets.extend(target(one, format!("spec.{field}"), namespace)),
            None => {}
        }
    }
    targets
}

fn target(node: &Node<'_>, field: String, namespace: &str) -> Option<OtherTarget> {
    let kind = text(node, "kind")?;
    let group = text(node, "group").or_else(|| {
        let api_version = text(node, "apiVersion")?;
        Some(api_version.rsplit_once('/').map_or("", |(group, _)| group))
    });
    let selection = match text(node, "name") {
        Some(name) => Selection::Named(name.to_owned()),
        None if field.starts_with("spec.targetSelectors") => Selection::Labelled(match_labels(node)),
        None => return None,
    };
    Some(OtherTarget {
        group: group.map(str::to_owned),
        kind: kind.to_owned(),
        namespace: text(node, "namespace").unwrap_or(namespace).to_owned(),
        selection,
        field,
        span: node.span,
    })
}

/// The Gateways that a policy of Istio's selects by the labels of their pods; all of them if it is for the namespace.
fn selected(
    object: &Node<'_>,
    spec: Option<&Node<'_>>,
    namespace_wide: bool,
    namespace: &str,
) -> Option<OtherTarget> {
    let selector = spec.and_then(|spec| spec.get("selector")).map(|entry| &entry.value);
    let (selection, field, span) = match selector.filter(|selector| !selector.is_null()) {
        Some(selector) => {
            let labels = match_labels(selector);
            let name = GATEWAY_LABELS.iter().find_map(|label| labels.get(*label))?;
            (Selection::Named(name.clone()), "spec.selector", selector.span)
        }
        None if namespace_wide => {
            (Selection::Labelled(BTreeMap::new()), "spec", spec.map_or(object.span, |spec| spec.span))
        }
        None => return None,
    };
    Some(OtherTarget {
        group: Some(GATEWAY_GROUP.to_owned()),
        kind: String::from("Gateway"),
        namespace: namespace.to_owned(),
        selection,
        field: field.to_owned(),
        span,
    })
}

fn match_labels(node: &Node<'_>) -> BTreeMap<String, String> {
    let labels = node.get("matchLabels").map(|entry| &entry.value.value);
    let Some(Value::Mapping(entries)) = labels else { return BTreeMap::new() };
    let texts = entries.iter().filter_map(|entry| match &entry.value.value {
        Value::Scalar(Scalar::Text(text)) => Some((entry.key.text.to_string(), text.to_string())),
        _ => None,
    });
    texts.collect()
}

fn text<'n>(node: &'n Node<'_>, field: &str) -> Option<&'n str> {
    match &node.get(field)?.value.value {
        Value::Scalar(Scalar::Text(text)) => Some(text),
        _ => None,
    }
}
