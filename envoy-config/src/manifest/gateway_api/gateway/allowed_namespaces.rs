//! `allowedRoutes.namespaces` of a listener, `allowedListeners.namespaces` of a Gateway, and label selectors.

use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{string, strings, usable, word};

/// The namespaces whose routes or ListenerSets may attach.
#[derive(Clone, Debug)]
pub enum AllowedNamespaces {
    /// No namespace: the default for ListenerSets.
    None,
    /// The namespace of the object itself: the Gateway or ListenerSet.
    Same,
    /// All namespaces.
    All,
    /// The namespaces with matching labels.
    Selector(LabelSelector),
    /// The selector has errors, which have been reported: their messages.
    Unusable(String),
}

/// A Kubernetes label selector: labels must meet all requirements.
#[derive(Clone, Debug)]
pub struct LabelSelector {
    /// `matchLabels` and `matchExpressions` together.
    pub requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The key of the label.
    pub key: String,
    /// The condition on its value.
    pub operator: Operator,
}

/// A condition on a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// The label has one of these values.
    In(Vec<String>),
    /// The label has none of these values, or does not exist.
    NotIn(Vec<String>),
    /// The label exists.
    Exists,
    /// The label does not exist.
    DoesNotExist,
}

const NAMESPACES: Known = Known { read: &["from", "selector"], unread: &[], unsupported: &[] };

const SELECTOR: Known = Known { read: &["matchLabels", "matchExpressions"], unread: &[], unsupported: &[] };

const EXPRESSION: Known = Known { read: &["key", "operator", "values"], unread: &[], unsupported: &[] };

/// `from`.
#[derive(Clone, PartialEq)]
enum From {
    None,
    Same,
    All,
    Selector,
}

/// The words for routes.
const WORDS: [(&str, From); 3] = [("All", From::All), ("Selector", From::Selector), ("Same", From::Same)];

/// `allowedRoutes.namespaces`.
pub(in crate::manifest) fn of_routes(at: At<'_>, findings: &mut Findings) -> Option<AllowedNamespaces> {
    namespaces(at, From::Same, &WORDS, findings)
}

/// `allowedListeners.namespaces`.
pub(in crate::manifest) fn of_listener_sets(
    at: At<'_>,
    findings: &mut Findings,
) -> Option<AllowedNamespaces> {
    let [all, selector, same] = WORDS;
    namespaces(at, From::None, &[all, selector, same, ("None", From::None)], findings)
}

fn namespaces(
    at: At<'_>,
    default: From,
    words: &[(&str, From)],
    findings: &mut Findings,
) -> Option<AllowedNamespaces> {
    let fields = Fields::of(at, &NAMESPACES, findings)?;
    let from = fields.or("from", fields.default(default), findings, word(words))?.value;
    if from == From::Selector {
        if !fields.has("selector") {
            let message = "missing field `selector`, which `from: Selector` requires";
            return findings.reject_part(
                at.error(Code::MissingField, message).hint("to allow all namespaces, write `from: All`"),
            );
        }
        return fields.optional("selector", findings, selector).map(AllowedNamespaces::Selector);
    }
    fields.optional("selector", findings, |at, findings| {
        let message = "`selector` has no effect without `from: Selector`";
        findings.add(at.warning(Code::NoEffect, message));
        unused_selector(at, findings)
    });
    Some(match from {
        From::All => AllowedNamespaces::All,
        From::Same | From::Selector => AllowedNamespaces::Same,
        From::None => AllowedNamespaces::None,
    })
}

/// Checks a selector that is not used: errors in it do not affect the listener.
fn unused_selector(at: At<'_>, findings: &mut Findings) -> Option<()> {
    findings.in_part("it has no effect", |findings| selector(at, findings)).map(|_| ())
}

fn selector(at: At<'_>, findings: &mut Findings) -> Option<LabelSelector> {
    Some(label_selector(&Fields::of(at, &SELECTOR, findings)?, findings))
}

/// The label selector of an object that has its fields, maybe beside others.
pub(in crate::manifest) fn label_selector(fields: &Fields<'_>, findings: &mut Findings) -> LabelSelector {
    let labels = fields.optional("matchLabels", findings, strings).unwrap_or_default();
    let equal =
        labels.into_iter().map(|(key, value)| Requirement { key, operator: Operator::In(vec![value]) });
    let expressions = fields.optional("matchExpressions", findings, |at, findings| {
        list(at, 0..=usize::MAX, findings, requirement)
    });
    LabelSelector { requirements: equal.chain(expressions.unwrap_or_default()).collect() }
}

fn requirement(at: At<'_>, findings: &mut Findings) -> Option<Requirement> {
    let fields = Fields::of(at, &EXPRESSION, findings)?;
    let key = fields.required("key", findings, usable(Code::InvalidLabel, names::label_key));
    let operator = fields.required("operator", findings, string);
    let values =
        fields.optional("values", findings, |at, findings| list(at, 0..=usize::MAX, findings, string));
    let values: Vec<String> = values.unwrap_or_default().into_iter().map(|value| value.value).collect();
    let (key, operator) = (key?.value, operator?.value);
    let operator = match (operator.as_str(), values.is_empty()) {
        ("In", false) => Operator::In(values),
        ("NotIn", false) => Operator::NotIn(values),
        ("Exists", true) => Operator::Exists,
        ("DoesNotExist", true) => Operator::DoesNotExist,
        ("In" | "NotIn", true) => {
            let message = format!("missing field `values`, which `operator: {operator}` requires");
            return findings.reject_part(at.error(Code::MissingField, message));
        }
        ("Exists" | "DoesNotExist", false) => {
            let message = format!("field `values` is not allowed with `operator: {operator}`");
            return findings.reject_part(at.error(Code::MisplacedField, message));
        }
        _ => {
            let words = ["In", "NotIn", "Exists", "DoesNotExist"];
            return findings.reject_part(at.unknown_value(&operator, words));
        }
    };
    Some(Requirement { key, operator })
}
