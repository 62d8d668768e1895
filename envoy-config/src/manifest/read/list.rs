//! Lists: how many items they may have, and values that must be unique in them.

use std::collections::HashMap;
use std::hash::Hash;

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::yaml::Value;
use crate::source::Span;

/// Reads the items of a list, which must have a length in this range.
pub(in crate::manifest) fn list<T>(
    at: At<'_>,
    length: std::ops::RangeInclusive<usize>,
    findings: &mut Findings,
    mut read: impl FnMut(At<'_>, &mut Findings) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Sequence(items) = &at.node.value else {
        let hint = matches!(at.node.value, Value::Mapping(_)).then_some("add `- ` before its first field");
        let diagnostic = at.wrong_type("a list");
        return findings.reject(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    };
    if !length.contains(&items.len()) {
        let found = items.len();
        let (limit, bound) =
            if found < *length.start() { (*length.start(), "at least") } else { (*length.end(), "at most") };
        let plural = if limit == 1 { "" } else { "s" };
        let message = format!("expected {bound} {limit} item{plural}, found {found}");
        return findings.reject(at.wrong_length(found, limit, message));
    }
    let item = |(index, node)| read(At { node, path: FieldPath::Item(&at.path, index) }, findings);
    // All items are read, so that all errors are reported.
    Some(items.iter().enumerate().filter_map(item).collect())
}

/// Reports duplicate values of a list, with both places.
pub(in crate::manifest) fn unique<T: Eq + Hash>(
    list: &At<'_>,
    what: &str,
    values: impl IntoIterator<Item = (T, Span)>,
    findings: &mut Findings,
) {
    let mut seen: HashMap<T, Span> = HashMap::new();
    for (value, span) in values {
        match seen.get(&value) {
            Some(&first) => {
                let diagnostic = Diagnostic::error(Code::DuplicateValue, span, format!("duplicate {what}"));
                findings
                    .add(list.path.place(diagnostic).label("duplicate").related(first, "first occurrence"));
            }
            None => {
                seen.insert(value, span);
            }
        }
    }
}
