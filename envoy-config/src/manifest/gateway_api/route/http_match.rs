//! `matches` of an HTTPRoute (`HTTPRouteMatch`).

use super::value_match::{self, ValueMatch, Values};
use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::{path, regex};
use crate::manifest::read::value::{parsed, usable, word};
use crate::source::{Span, Spanned};

/// A match of an HTTPRoute: requests must meet all conditions.
#[derive(Clone, Debug)]
pub struct HttpMatch {
    /// `path`: the prefix `/` by default.
    pub path: PathMatch,
    /// `headers`, with unique names.
    pub headers: Vec<ValueMatch>,
    /// `queryParams`, with unique names.
    pub query_params: Vec<ValueMatch>,
    /// `method`.
    pub method: Option<Spanned<String>>,
    /// The whole match.
    pub span: Span,
}

/// A path match. Regular expressions mean the same in RE2 and in Rust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// `Exact`.
    Exact(String),
    /// `PathPrefix`, as written.
    Prefix(String),
    /// `RegularExpression`.
    Regex(String),
}

const MATCH: Known =
    Known { read: &["path", "headers", "queryParams", "method"], unread: &[], unsupported: &[] };

const PATH: Known = Known { read: &["type", "value"], unread: &[], unsupported: &[] };

pub(in crate::manifest) const METHODS: [&str; 9] =
    ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

/// `type` of a path match.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Exact,
    Prefix,
    Regex,
}

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<HttpMatch> {
    let fields = Fields::of(at, &MATCH, findings)?;
    let path = fields.or("path", PathMatch::Prefix(String::from("/")), findings, path_match);
    let headers = fields
        .optional("headers", findings, |at, findings| value_match::headers(at, Values::Header, findings));
    let headers = headers.unwrap_or_default();
    let query_params =
        fields.optional("queryParams", findings, value_match::query_params).unwrap_or_default();
    let method = fields.optional("method", findings, method);
    Some(HttpMatch { path: path?, headers, query_params, method, span: at.span() })
}

fn method(at: At<'_>, findings: &mut Findings) -> Option<Spanned<String>> {
    Some(word(&METHODS.map(|method| (method, method)))(at, findings)?.map(str::to_owned))
}

fn path_match(at: At<'_>, findings: &mut Findings) -> Option<PathMatch> {
    let fields = Fields::of(at, &PATH, findings)?;
    let words = [("Exact", Form::Exact), ("PathPrefix", Form::Prefix), ("RegularExpression", Form::Regex)];
    let form = fields.or("type", fields.default(Form::Prefix), findings, word(&words))?.value;
    if !fields.has("value") {
        let root = String::from("/");
        return Some(match form {
            Form::Exact => PathMatch::Exact(root),
            Form::Prefix => PathMatch::Prefix(root),
            Form::Regex => PathMatch::Regex(root),
        });
    }
    if form == Form::Regex {
        let expression =
            |text: &str| path::sized(text).map_err(|error| error.to_string()).map(|()| text.to_owned());
        let text = fields.optional("value", findings, parsed(Code::InvalidPath, expression))?;
        return fields
            .optional("value", findings, usable(Code::InvalidRegex, regex::parse))
            .map(|_| PathMatch::Regex(text.value));
    }
    let text = fields.optional("value", findings, parsed(Code::InvalidPath, path::parse))?.value;
    Some(if form == Form::Exact { PathMatch::Exact(text) } else { PathMatch::Prefix(text) })
}
