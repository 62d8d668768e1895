//! Reads the fields of objects, and reports unknown, missing and unsupported ones for all kinds.
//!
//! A field with a null value counts as omitted: the API server removes nulls before it validates
//! (`PruneNonNullableNullsWithoutDefaults` for CRDs, JSON decoding for its own kinds), and templates often produce
//! them. Null items of lists are not removed and have the wrong type.

use super::field_path::{At, FieldPath};
use super::findings::{FieldNames, Findings};
use super::yaml::{Entry, Value};
use crate::diagnostic::{Code, Diagnostic, closest};
use crate::source::Spanned;

/// The field names of an object. Any other field is an error.
pub(in crate::manifest) struct Known {
    /// Fields that are read.
    pub(in crate::manifest) read: &'static [&'static str],
    /// Fields without influence on what Envoy serves: accepted with any value.
    pub(in crate::manifest) unread: &'static [&'static str],
    /// Fields that are not supported: an error, unless they are empty.
    pub(in crate::manifest) unsupported: &'static [Unsupported],
}

/// A field that is not supported.
pub(in crate::manifest) struct Unsupported {
    pub(in crate::manifest) name: &'static str,
    /// What would happen without it.
    pub(in crate::manifest) consequence: &'static str,
    /// How to fix it.
    pub(in crate::manifest) hint: &'static str,
}

/// An object whose field names have been checked.
pub(in crate::manifest) struct Fields<'a> {
    at: At<'a>,
    entries: &'a [Entry<'a>],
}

impl<'a> Fields<'a> {
    /// Checks that a value is an object with known fields.
    pub(in crate::manifest) fn of(at: At<'a>, known: &Known, findings: &mut Findings) -> Option<Self> {
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

    pub(in crate::manifest) const fn at(&self) -> At<'a> {
        self.at
    }

    /// The field as written, if it has a value.
    pub(in crate::manifest) fn entry(&self, name: &str) -> Option<&'a Entry<'a>> {
        self.written(name).filter(|entry| !entry.value.is_null())
    }

    /// The field as written, with or without a value.
    fn written(&self, name: &str) -> Option<&'a Entry<'a>> {
        self.entries.iter().find(|entry| entry.key.text == name)
    }

    /// Whether the field has a value.
    pub(in crate::manifest) fn has(&self, name: &str) -> bool {
        self.entry(name).is_some()
    }

    /// An optional field. `None` if it is omitted, or after an error.
    pub(in crate::manifest) fn optional<T>(
        &self,
        name: &str,
        findings: &mut Findings,
        read: impl FnOnce(At<'_>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        let entry = self.entry(name)?;
        read(At { node: &entry.value, path: FieldPath::Field(&self.at.path, name) }, findings)
    }

    /// A field with a default. `None` only after an error.
    pub(in crate::manifest) fn or<T>(
        &self,
        name: &str,
        default: T,
        findings: &mut Findings,
        read: impl FnOnce(At<'_>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        if self.has(name) { self.optional(name, findings, read) } else { Some(default) }
    }

    /// A default value, with the place of the object that omits it.
    pub(in crate::manifest) const fn default<T>(&self, value: T) -> Spanned<T> {
        Spanned { value, span: self.at.span() }
    }

    /// A required field.
    pub(in crate::manifest) fn required<T>(
        &self,
        name: &str,
        findings: &mut Findings,
        read: impl FnOnce(At<'_>, &mut Findings) -> Option<T>,
    ) -> Option<T> {
        if self.has(name) {
            return self.optional(name, findings, read);
        }
        let (place, message) = match self.written(name) {
            Some(empty) => (empty.key.span, format!("missing field `{name}`: its value is null")),
            None => (self.at.span(), format!("missing field `{name}`")),
        };
        let path = FieldPath::Field(&self.at.path, name);
        findings.reject(path.place(Diagnostic::error(Code::MissingField, place, message)))
    }
}

fn empty(entry: &Entry<'_>) -> bool {
    match &entry.value.value {
        Value::Scalar(_) => entry.value.is_null(),
        Value::Sequence(items) => items.is_empty(),
        Value::Mapping(entries) => entries.is_empty(),
    }
}

fn not_supported(path: &FieldPath<'_>, entry: &Entry<'_>, field: &Unsupported) -> Diagnostic {
    let message = format!("field `{}` is not supported: {}", field.name, field.consequence);
    path.place(Diagnostic::error(Code::NotSupported, entry.key.span, message)).hint(field.hint)
}
