//! Gateways and routes as they are written, for those who write them again with a few changes.

use super::Reader;
use super::yaml::{Node, Scalar, Value};
use super::{kustomize, yaml};
use crate::source::Source;
use crate::tree::Tree;

/// A Gateway or a route as it is written.
#[derive(Clone, Debug)]
pub(crate) struct Original {
    /// Its kind.
    pub kind: &'static str,
    /// The whole object. A date or a number that is too long for its type is a string.
    pub object: Tree,
}

/// All Gateways and routes of all sources, also those with errors, in the order of reading.
pub(crate) fn originals(sources: &[Source]) -> Vec<Original> {
    let mut reader = Reader { originals: Some(Vec::new()), ..Reader::default() };
    let mut copied = yaml::Copied::default();
    for (index, source) in sources.iter().enumerate() {
        if kustomize::source(index, source).is_none() {
            yaml::documents(index, &source.text, &mut copied, &mut reader);
        }
    }
    reader.originals.unwrap_or_default()
}

impl Original {
    pub(super) fn new(kind: &'static str, node: &Node<'_>) -> Self {
        Self { kind, object: tree(node) }
    }

    /// Whether it has this namespace and name.
    pub(crate) fn is(&self, namespace: &str, name: &str) -> bool {
        let field = |field| self.object.get("metadata").and_then(|metadata| metadata.get(field)?.text());
        field("name") == Some(name) && field("namespace").unwrap_or("default") == namespace
    }
}

fn tree(node: &Node<'_>) -> Tree {
    match &node.value {
        Value::Sequence(items) => items.iter().map(tree).collect(),
        Value::Mapping(entries) => Tree::Object(
            entries.iter().map(|entry| (entry.key.text.to_string(), tree(&entry.value))).collect(),
        ),
        Value::Scalar(Scalar::Null(_)) => Tree::Null,
        Value::Scalar(Scalar::Boolean(value, _)) => Tree::Boolean(*value),
        Value::Scalar(Scalar::Integer(number, _)) => Tree::Integer(*number),
        Value::Scalar(Scalar::Float(text)) => match text.parse() {
            Ok(number) => Tree::Float(number),
            Err(_) => Tree::Text(text.to_string()),
        },
        Value::Scalar(Scalar::Text(text)) => Tree::Text(text.to_string()),
    }
}
