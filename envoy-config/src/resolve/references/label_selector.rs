//! Which labels a Kubernetes label selector selects.

use crate::manifest::gateway_api::gateway::{LabelSelector, Operator};

/// Whether an object matches the selector: all of its requirements must hold. `label` returns the value of a label.
pub(crate) fn selects<'l>(selector: &LabelSelector, label: impl Fn(&str) -> Option<&'l str>) -> bool {
    selector.requirements.iter().all(|requirement| match (&requirement.operator, label(&requirement.key)) {
        (Operator::In(values), Some(label)) => values.iter().any(|value| value == label),
        (Operator::NotIn(values), Some(label)) => values.iter().all(|value| value != label),
        (Operator::Exists, label) => label.is_some(),
        (Operator::DoesNotExist, label) => label.is_none(),
        (Operator::In(_), None) => false,
        (Operator::NotIn(_), None) => true,
    })
}
