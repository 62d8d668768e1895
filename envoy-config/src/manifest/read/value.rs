//! Reads single values: strings, integers, booleans, enumerations, maps of strings.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::ops::RangeInclusive;

use super::field_path::{At, FieldPath};
use super::findings::Findings;
use super::yaml::{Scalar, Value};
use crate::diagnostic::{Code, Diagnostic};
use crate::source::Spanned;

/// A string. Unquoted booleans and numbers are errors.
pub(in crate::manifest) fn string(at: At<'_>, findings: &mut Findings) -> Option<Spanned<String>> {
    match &at.node.value {
        Value::Scalar(Scalar::Text(text)) => Some(Spanned { value: text.to_string(), span: at.span() }),
        Value::Scalar(Scalar::Boolean(_, written) | Scalar::Integer(_, written) | Scalar::Float(written)) => {
            findings.reject(at.wrong_type("a string").hint(format!("quote it: \"{written}\"")))
        }
        _ => findings.reject(at.wrong_type("a string")),
    }
}

/// A string with a syntax that an API server checks. Errors of `parse` are reported with `code`.
pub(in crate::manifest) fn parsed<T, E: Display>(
    code: Code,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(At<'_>, &mut Findings) -> Option<Spanned<T>> {
    |at, findings| {
        parse_string(at, findings, parse).unwrap_or_else(|error| findings.reject(at.error(code, error)))
    }
}

/// A string with a syntax that an API server does not check: with an error, only the part that is being read is left
/// out.
pub(in crate::manifest) fn usable<T, E: Display>(
    code: Code,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> impl FnOnce(At<'_>, &mut Findings) -> Option<Spanned<T>> {
    |at, findings| {
        parse_string(at, findings, parse).unwrap_or_else(|error| findings.reject_part(at.error(code, error)))
    }
}

/// A string and what `parse` makes of it, or why it is invalid; `None` if it is not a string, which is reported.
fn parse_string<T, E: Display>(
    at: At<'_>,
    findings: &mut Findings,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<Spanned<T>>, String> {
    let Some(text) = string(at, findings) else { return Ok(None) };
    let value = parse(&text.value).map_err(|error| error.to_string())?;
    Ok(Some(Spanned { value, span: text.span }))
}

/// An integer in this range.
pub(in crate::manifest) fn integer<T>(
    range: RangeInclusive<T>,
) -> impl FnOnce(At<'_>, &mut Findings) -> Option<Spanned<T>>
where
    T: TryFrom<i64> + Into<i64> + Clone + PartialOrd + Display,
{
    move |at, findings| {
        let number = match &at.node.value {
            Value::Scalar(Scalar::Integer(number, _)) => *number,
            Value::Scalar(Scalar::Text(text)) if text.parse::<i64>().is_ok() => {
                return findings.reject(at.wrong_type("a number").hint("remove the quotes"));
            }
            Value::Scalar(Scalar::Float(_)) => return findings.reject(at.wrong_type("a whole number")),
            _ => return findings.reject(at.wrong_type("a number")),
        };
        match T::try_from(number) {
            Ok(value) if range.contains(&value) => Some(Spanned { value, span: at.span() }),
            _ => {
                let message =
                    format!("{number} is out of range; expected {} to {}", range.start(), range.end());
                let (least, most) = (range.start().clone().into(), range.end().clone().into());
                findings.reject(at.error(Code::OutOfRange { least, most }, message))
            }
        }
    }
}

/// A port number.
pub(in crate::manifest) fn port(at: At<'_>, findings: &mut Findings) -> Option<Spanned<u16>> {
    integer(1..=u16::MAX)(at, findings)
}

pub(in crate::manifest) fn boolean(at: At<'_>, findings: &mut Findings) -> Option<bool> {
    match &at.node.value {
        Value::Scalar(Scalar::Boolean(value, _)) => Some(*value),
        Value::Scalar(Scalar::Text(text)) if matches!(&**text, "true" | "false") => {
            findings.reject(at.wrong_type("`true` or `false`").hint("remove the quotes"))
        }
        _ => findings.reject(at.wrong_type("`true` or `false`")),
    }
}

/// One of these words, converted to its value.
pub(in crate::manifest) fn word<T: Clone>(
    words: &[(&str, T)],
) -> impl FnOnce(At<'_>, &mut Findings) -> Option<Spanned<T>> {
    move |at, findings| {
        let text = string(at, findings)?;
        if let Some((_, value)) = words.iter().find(|(word, _)| *word == text.value) {
            return Some(Spanned { value: value.clone(), span: text.span });
        }
        findings.reject(at.unknown_value(&text.value, words.iter().map(|&(word, _)| word)))
    }
}

/// A map of strings, such as labels. A key with a null value counts as omitted.
pub(in crate::manifest) fn strings(at: At<'_>, findings: &mut Findings) -> Option<BTreeMap<String, String>> {
    let Value::Mapping(entries) = &at.node.value else {
        return findings.reject(at.wrong_type("an object"));
    };
    let mut map = BTreeMap::new();
    for entry in entries {
        let inside = At { node: &entry.value, path: FieldPath::Field(&at.path, &entry.key.text) };
        if let Some(misread) = entry.key.misread {
            let message = format!("expected a string as key, found {misread}");
            let code = Code::WrongType { expected: "a string" };
            let diagnostic = Diagnostic::error(code, entry.key.span, message);
            findings.add(at.path.place(diagnostic).hint(format!("quote it: \"{}\"", entry.key.text)));
        }
        if entry.value.is_null() {
            continue;
        }
        if let Some(value) = string(inside, findings) {
            map.insert(entry.key.text.to_string(), value.value);
        }
    }
    Some(map)
}
