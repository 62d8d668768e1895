//! Formats diagnostics as SARIF 2.1.0 (OASIS), which code scanning services read.
//!
//! The log has one run. Each code that occurs is a rule, with its entry in `docs/diagnostics.md` as help.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::code::Explanation;
use super::confidential::Secrecy;
use super::shown::{Lines, Place, in_order};
use super::{Code, Diagnostic, Severity};
use crate::source::{Source, Span};

/// The characters of a path that stay as they are in a URI (RFC 3986 section 2.3, and the slash).
const NOT_IN_PATHS: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/');

/// The log, as JSON.
///
/// # Errors
/// The log cannot be written as JSON: a defect of this program.
pub fn sarif(diagnostics: &[Diagnostic], sources: &[Source]) -> Result<String, serde_json::Error> {
    let secrecy = Secrecy::of(sources);
    let lines = Lines::all(sources, &secrecy);
    let shown = in_order(diagnostics, &secrecy);
    let mut used: Vec<&str> = shown.iter().map(|found| found.code.name()).collect();
    used.sort_unstable();
    used.dedup();
    let rules: Vec<Value> = used.into_iter().filter_map(Code::explanation).map(rule).collect();
    let results: Vec<Value> = shown.iter().map(|found| result(found, &lines)).collect();
    let log = json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "envoy-config", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    Ok(serde_json::to_string_pretty(&log)? + "\n")
}

/// `reportingDescriptor`
fn rule(code: &Explanation) -> Value {
    json!({"id": code.name, "shortDescription": {"text": code.meaning}, "help": {"text": code.entry(), "markdown": code.entry()}})
}

fn result(found: &Diagnostic, lines: &[Lines<'_>]) -> Value {
    let hint = found.hint.as_ref().map(|hint| format!("\nhint: {hint}"));
    let mut result = json!({
        "ruleId": found.code.name(),
        "level": match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        },
        "message": {"text": format!("{}{}", found.message, hint.unwrap_or_default())},
        "locations": [location(found.span, found.label.as_deref(), lines, found.object.as_deref(), found.field.as_deref())],
    });
    if let (Some((span, label)), Some(fields)) = (&found.related, result.as_object_mut()) {
        let related = location(*span, Some(label), lines, None, None);
        fields.insert(String::from("relatedLocations"), json!([related]));
    }
    result
}

fn location(
    span: Span,
    label: Option<&str>,
    lines: &[Lines<'_>],
    object: Option<&str>,
    field: Option<&str>,
) -> Value {
    let mut location = serde_json::Map::new();
    if let Some(Place { name, line, column, end }) = Place::of(span, lines) {
        let path = name.strip_prefix("./").unwrap_or(name);
        let uri = utf8_percent_encode(path, NOT_IN_PATHS).to_string();
        let region = json!({"startLine": line, "startColumn": column, "endLine": line, "endColumn": end});
        location.insert(
            String::from("physicalLocation"),
            json!({"artifactLocation": {"uri": uri}, "region": region}),
        );
    }
    if let Some(object) = object {
        let name = field.map_or_else(|| object.to_owned(), |field| format!("{object} {field}"));
        location.insert(
            String::from("logicalLocations"),
            json!([{"fullyQualifiedName": name, "kind": "object"}]),
        );
    }
    if let Some(label) = label {
        location.insert(String::from("message"), json!({"text": label}));
    }
    Value::Object(location)
}
