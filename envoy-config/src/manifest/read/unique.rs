//! Values that may be there only once in a list.

use std::collections::HashMap;
use std::hash::Hash;

use super::field_path::At;
use super::findings::Findings;
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Span;

/// Reports every value of a list that an earlier item has already, with both places.
pub(super) fn unique<T: Eq + Hash>(
    list: &At<'_>,
    what: &str,
    values: impl IntoIterator<Item = (T, Span)>,
    findings: &mut Findings,
) {
    let mut seen: HashMap<T, Span> = HashMap::new();
    for (value, span) in values {
        match seen.get(&value) {
            Some(&first) => {
                let diagnostic =
                    Diagnostic::error(Code::DuplicateValue, span, format!("this {what} is there twice"));
                findings.add(list.path.place(diagnostic).label("again here").related(first, "first here"));
            }
            None => {
                seen.insert(value, span);
            }
        }
    }
}
