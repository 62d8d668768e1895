//! Objects of kinds that are not read: how many there are, and what the policies among them are attached to.
//!
//! Policies are attached by `targetRef`, `targetRefs` and `targetSelectors` (GEP-713 and Envoy Gateway), or by Istio's
//! selectors as far as they select Gateways. Nothing is reported here: the other fields of these kinds are unknown, so
//! a reference that cannot be read is ignored.

use std::collections::BTreeMap;
use std::fmt;

use super::gateway_api::GROUP;
use crate::manifest::read::metadata;
use crate::manifest::read::yaml::{Node, Scalar, Value};
use crate::source::Span;

/// The number of ignored objects of each kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored(BTreeMap<String, usize>);

/// A policy of an unsupported kind.
#[derive(Clone, Debug)]
pub struct OtherPolicy {
    /// `kind`.
    pub kind: String,
    /// The group in its `apiVersion`; empty for core.
    pub group: String,
    /// The namespace: `default` if omitted.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// Its targets: at least one.
    pub targets: Vec<OtherTarget>,
}

/// A target of a policy.
#[derive(Clone, Debug)]
pub struct OtherTarget {
    /// The group, if it is given.
    pub group: Option<String>,
    /// The kind.
    pub kind: String,
    /// The namespace: the policy's own by default.
    pub namespace: String,
    /// Which objects of this kind and namespace.
    pub selection: Selection,
    /// The field's path in the policy.
    pub field: String,
    /// The place in the source.
    pub span: Span,
}

/// Which objects of a kind and namespace a policy applies to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The object with this name.
    Named(String),
    /// The objects with all of these labels.
    Labelled(BTreeMap<String, String>),
}

impl Ignored {
    /// Counts an object of this kind. The group is shown if it does not belong to Kubernetes.
    pub(crate) fn add(&mut self, group: &str, kind: &str) {
        let foreign = group.contains('.') && !group.ends_with(".k8s.io");
        let title = if foreign { format!("{kind} ({group})") } else { kind.to_owned() };
        *self.0.entry(title).or_default() += 1;
    }

    /// Forgets the objects of a kind, which are read after all.
    pub(in crate::manifest) fn forget(&mut self, kind: &str) {
        self.0.remove(kind);
    }

    /// Whether no objects were ignored.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Ignored {
    /// A sentence without a full stop, with the most frequent kind first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<_> = self.0.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let objects = match self.0.values().sum() {
            1 => String::from("1 object that does"),
            count => format!("{count} objects that do"),
        };
        write!(f, "ignored {objects} not affect Gateway API routing: {}", kinds.join(", "))
    }
}

const TARGETS: [&str; 3] = ["targetRef", "targetRefs", "targetSelectors"];

/// The labels that Istio gives to the pods of a Gateway.
const GATEWAY_LABELS: [&str; 2] = ["gateway.networking.k8s.io/gateway-name", "istio.io/gateway-name"];

/// Istio's kinds that apply to a whole namespace unless they have a selector.
const NAMESPACE_WIDE: [&str; 2] = ["AuthorizationPolicy", "RequestAuthentication"];

/// Reads the targets of a policy. `None` if it has no targets or no name.
pub(in crate::manifest) fn policy(group: &str, kind: &str, object: &Node<'_>) -> Option<OtherPolicy> {
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
    let kind = node.text("kind")?;
    let group = node.text("group").or_else(|| {
        let api_version = node.text("apiVersion")?;
        Some(api_version.rsplit_once('/').map_or("", |(group, _)| group))
    });
    let selection = match node.text("name") {
        Some(name) => Selection::Named(name.to_owned()),
        None if field.starts_with("spec.targetSelectors") => Selection::Labelled(match_labels(node)),
        None => return None,
    };
    Some(OtherTarget {
        group: group.map(str::to_owned),
        kind: kind.to_owned(),
        namespace: node.text("namespace").unwrap_or(namespace).to_owned(),
        selection,
        field,
        span: node.span,
    })
}

/// The Gateways that an Istio policy selects by the labels of their pods; all Gateways if it applies to the namespace.
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
        group: Some(GROUP.to_owned()),
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
