//! Objects field by field: what is unknown, missing or not rendered yet is said here, once for all kinds.
//!
//! A field whose value is null counts as left out, in every kind: the API server prunes nulls before it validates
//! (`PruneNonNullableNullsWithoutDefaults` for kinds defined by a CRD, JSON decoding for its own). Templates often leave
//! such fields behind. Null items of lists are not pruned, and have the wrong type.

use super::field_path::{At, FieldPath};
use super::findings::{FieldNames, Findings};
use super::yaml::{Entry, Value};
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::source::Spanned;

/// The field names of an object of the API. A field that is in none of the lists is an error.
pub(super) struct Known {
    /// Fields that are read.
    pub(super) read: &'static [&'static str],
    /// Fields that have no bearing on what Envoy serves: accepted whatever they hold.
    pub(super) unread: &'static [&'static str],
    /// Fields that have a meaning which is not rendered yet: an error, unless they are empty.
    pub(super) unsupported: &'static [Unsupported],
}

/// A field with a meaning that is not rendered yet.
pub(super) struct Unsupported {
    pub(super) name: &'static str,
    /// What would be otherwise than the field asks for.
    pub(super) consequence: &'static str,
    /// What to do about it.
    pub(super) hint: &'static str,
}

/// An object of the API whose field names have been checked.
pub(super) struct Fields<'a> {
    at: At<'a>,
    entries: &'a [Entry<'a>],
}

impl<'a> Fields<'a> {
    /// The fields of a value, which must be an object.
    pub(super) fn of(at: At<'a>, known: &Known, findings: &mut Findings) -> Option<Self> {
        let Value::Mapping(entries) = &at.node.value else {
            return findings.reject(at.wrong_type("an object"));
        };
        for entry in entries {
            let name = &*entry.key.text;
            if known.read.contains(&name) || known.unread.contains(&name) {
                continue;
            }
            let path = FieldPath::Field(&at.path, name);
            if let Some(unsupported) = known.unsupported.iter().find(|field| field.name == name) {
                if !empty(entry) {
                    findings.add(not_supported(&path, entry, unsupported));
                }
                continue;
            }
            let (message, path) = match findings.field_names() {
                FieldNames::Shown => (format!("unknown field `{name}`"), path),
                FieldNames::Hidden => (String::from("unknown field"), at.path),
            };
            let unsupported = known.unsupported.iter().map(|field| field.name);
            let names = known.read.iter().chain(known.unread).copied().chain(unsupported);
            let code = Code::UnknownField { closest: closest(name, names) };
            findings.add(path.place(Diagnostic::error(code, entry.key.span, message)));
        }
        Some(Self { at, entries })
    }

    pub(super) const fn at(&self) -> At<'a> {
        self.at
    }

    /// The field as it was written, if it has a value.
    pub(super) fn entry(&self, name: &str) -> Option<&'a Entry<'a>> {
        self.written(name).filter(|entry| !entry.value.is_null())
    }

    /// The field as it was written, with or without a value.
    fn written(&self, name: &str) -> Option<&'a Entry<'a>> {
        self.entries.iter().find(|entry| entry.key.text == name)
    }

    /// Whether the field has a value.
    pub(super) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// A field that may be left out. None as well when its value is wrong.
    pub(super) fn optional<T>(
        &self,
        name: &str,
        findings: &mut Findings,
        read: impl FnOnce(At<'_>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        let entry = self.entry(name)?;
        read(At { node: &entry.value, path: FieldPath::Field(&self.at.path, name) }, findings)
    }

    /// A field that has this default. None only when its value is wrong.
    pub(super) fn or<T>(
        &self,
        name: &str,
        default: T,
        findings: &mut Findings,
        read: impl FnOnce(At<'_>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        if self.has(name) { self.optional(name, findings, read) } else { Some(default) }
    }

    /// A defaulted value, placed at the object that it was left out of.
    pub(super) const fn default<T>(&self, value: T) -> Spanned<T> {
        Spanned { value, span: self.at.span() }
    }

    /// A field that must be there.
    pub(super) fn required<T>(
        &self,
        name: &str,
        findings: &mut Findings,
        read: impl FnOnce(At<'_>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        if self.has(name) {
            return self.optional(name, findings, read);
        }
        let (place, message) = match self.written(name) {
            Some(empty) => (empty.key.span, format!("`{name}` is missing: it has no value")),
            None => (self.at.span(), format!("`{name}` is missing")),
        };
        let path = FieldPath::Field(&self.at.path, name);
        findings.reject(path.place(Diagnostic::error(Code::MissingField, place, message)))
    }
}

/// The items of a value, which must be a list of so many, each read by itself.
pub(super) fn list<T>(
    at: At<'_>,
    length: std::ops::RangeInclusive<usize>,
    findings: &mut Findings,
    mut read: impl FnMut(At<'_>, &mut Findings) -> Option<T>,
) -> Option<Vec<T>> {
    let Value::Sequence(items) = &at.node.value else {
        let hint = matches!(at.node.value, Value::Mapping(_)).then_some("put `- ` before its first field");
        let diagnostic = at.wrong_type("a list");
        return findings.reject(match hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        });
    };
    if !length.contains(&items.len()) {
        let limit = if items.len() < *length.start() {
            format!("at least {}", length.start())
        } else {
            format!("at most {}", length.end())
        };
        let message = format!("{} items, but the API takes {limit} here", items.len());
        let most = Some(*length.end()).filter(|most| *most < usize::MAX);
        return findings.reject(at.wrong_length(items.len(), *length.start(), most, message));
    }
    let item = |(index, node)| read(At { node, path: FieldPath::Item(&at.path, index) }, findings);
    // Every item is read, so that everything wrong is said at once.
    Some(items.iter().enumerate().filter_map(item).collect())
}

fn empty(entry: &Entry<'_>) -> bool {
    match &entry.value.value {
        Value::Scalar(_) => entry.value.is_null(),
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
    }
}

fn not_supported(path: &FieldPath<'_>, entry: &Entry<'_>, field: &Unsupported) -> Diagnostic {
    let message = format!("the field `{}` is not supported: {}", field.name, field.consequence);
    path.place(Diagnostic::error(Code::NotSupported, entry.key.span, message)).hint(field.hint)
}
