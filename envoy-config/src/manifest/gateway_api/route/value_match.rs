//! Conditions on headers and query parameters (`HTTPHeaderMatch`, `HTTPQueryParamMatch`, `GRPCHeaderMatch`).

use std::collections::HashMap;

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::{names, regex};
use crate::manifest::read::value::{parsed, string, usable, word};
use crate::source::Spanned;

/// A header or query parameter match.
#[derive(Clone, Debug)]
pub struct ValueMatch {
    /// `name`; for headers, in lower case.
    pub name: Spanned<String>,
    /// `type` and `value`.
    pub value: TextMatch,
}

/// A condition on a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// `Exact`.
    Exact(String),
    /// `RegularExpression`, with the same meaning in RE2 and in Rust.
    Regex(String),
}

const VALUE: Known = Known { read: &["name", "type", "value"], unread: &[], unsupported: &[] };

/// `type` of a condition.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Exact,
    Regex,
}

/// Header names are case-insensitive. If names differ only in case, the first one applies.
pub(in crate::manifest) fn headers(
    at: At<'_>,
    values: Values,
    findings: &mut Findings,
) -> Option<Vec<ValueMatch>> {
    let written = value_matches(at, values, findings)?;
    let mut first: HashMap<String, Spanned<String>> = HashMap::new();
    let mut kept = Vec::new();
    for ValueMatch { name: as_written, value } in written {
        let name = as_written.clone().map(|name| name.to_ascii_lowercase());
        match first.get(&name.value) {
            None => {
                first.insert(name.value.clone(), as_written);
                kept.push(ValueMatch { name, value });
            }
            // Reported as a duplicate.
            Some(first) if first.value == as_written.value => {}
            Some(first) => {
                let message = "this condition has no effect: an earlier one has the same header name (header names are case-insensitive)";
                let diagnostic = Diagnostic::warning(Code::NoEffect, name.span, message);
                findings.add(at.path.place(diagnostic).related(first.span, "this one applies"));
            }
        }
    }
    Some(kept)
}

pub(in crate::manifest) fn query_params(at: At<'_>, findings: &mut Findings) -> Option<Vec<ValueMatch>> {
    value_matches(at, Values::QueryParam, findings)
}

/// Where a condition is used, which decides what its value can contain.
#[derive(Clone, Copy, PartialEq)]
pub(in crate::manifest) enum Values {
    /// A header of an HTTPRoute: visible ASCII.
    Header,
    /// A header of a GRPCRoute: only the length is limited.
    GrpcHeader,
    /// A query parameter: only the length is limited.
    QueryParam,
}

impl Values {
    /// The code for an invalid name.
    const fn name_code(self) -> Code {
        match self {
            Self::Header | Self::GrpcHeader => Code::InvalidHeaderName,
            Self::QueryParam => Code::InvalidQueryParamName,
        }
    }
}

fn value_matches(at: At<'_>, values: Values, findings: &mut Findings) -> Option<Vec<ValueMatch>> {
    let matches = list(at, 0..=16, findings, |at, findings| value_match(at, values, findings))?;
    unique(&at, "name", matches.iter().map(|m| (&m.name.value, m.name.span)), findings);
    Some(matches)
}

fn value_match(at: At<'_>, values: Values, findings: &mut Findings) -> Option<ValueMatch> {
    let fields = Fields::of(at, &VALUE, findings)?;
    let name = fields.required("name", findings, parsed(values.name_code(), names::token));
    let words = [("Exact", Form::Exact), ("RegularExpression", Form::Regex)];
    let form = fields.or("type", fields.default(Form::Exact), findings, word(&words));
    let text = fields.required("value", findings, |at, findings| value_text(at, values, findings));
    let value = match form?.value {
        Form::Regex => {
            fields.required("value", findings, usable(Code::InvalidRegex, regex::parse))?;
            TextMatch::Regex(text?)
        }
        Form::Exact => TextMatch::Exact(text?),
    };
    Some(ValueMatch { name: name?, value })
}

/// The value of a header.
pub(in crate::manifest) fn header_text(at: At<'_>, findings: &mut Findings) -> Option<String> {
    value_text(at, Values::Header, findings)
}

fn value_text(at: At<'_>, values: Values, findings: &mut Findings) -> Option<String> {
    let text = string(at, findings)?.value;
    let limit = match values {
        Values::Header | Values::GrpcHeader => 4096,
        Values::QueryParam => 1024,
    };
    if let Err(error) = names::sized("value", &text, limit) {
        let length = text.chars().count();
        return findings.reject(at.wrong_length(
            length,
            if length == 0 { 1 } else { limit },
            error.to_string(),
        ));
    }
    if values == Values::Header && !printable(&text) {
        let message = "a header value must consist of visible ASCII characters, with single spaces or tabs between them";
        return findings.reject(at.error(Code::InvalidHeaderValue, message));
    }
    Some(text)
}

/// `^[!-~]+([\t ]?[!-~]+)*$`
fn printable(text: &str) -> bool {
    text.split([' ', '\t']).all(|word| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic()))
}
