//! `matches` of a GRPCRoute (`GRPCRouteMatch`).

use super::value_match::{TextMatch, ValueMatch, Values, headers};
use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::{names, regex};
use crate::manifest::read::value::{parsed, string, usable, word};
use crate::source::Span;

/// A match of a GRPCRoute: requests must meet all conditions.
#[derive(Clone, Debug)]
pub struct GrpcMatch {
    /// `method.service`, as `package.Service`; regular expressions without anchors.
    pub service: Option<TextMatch>,
    /// `method.method`; regular expressions without anchors.
    pub method: Option<TextMatch>,
    /// `headers`, with unique names.
    pub headers: Vec<ValueMatch>,
    /// The whole match.
    pub span: Span,
}

const MATCH: Known = Known { read: &["method", "headers"], unread: &[], unsupported: &[] };

const METHOD: Known = Known { read: &["type", "service", "method"], unread: &[], unsupported: &[] };

/// `type` of a method match.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Exact,
    Regex,
}

/// A service and a method; `None` matches any.
type Call = (Option<TextMatch>, Option<TextMatch>);

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<GrpcMatch> {
    let fields = Fields::of(at, &MATCH, findings)?;
    let call = fields.or("method", (None, None), findings, method);
    let headers =
        fields.optional("headers", findings, |at, findings| headers(at, Values::GrpcHeader, findings));
    let (service, method) = call?;
    Some(GrpcMatch { service, method, headers: headers.unwrap_or_default(), span: at.span() })
}

fn method(at: At<'_>, findings: &mut Findings) -> Option<Call> {
    let fields = Fields::of(at, &METHOD, findings)?;
    let words = [("Exact", Form::Exact), ("RegularExpression", Form::Regex)];
    let form = fields.or("type", fields.default(Form::Exact), findings, word(&words))?.value;
    if !fields.has("service") && !fields.has("method") {
        let message = "a method match requires `service`, `method` or both";
        return findings
            .reject(at.error(Code::MissingField, message).hint("to match all calls, remove the field"));
    }
    let service =
        fields.optional("service", findings, |at, findings| part(at, form, names::grpc_service, findings));
    let method =
        fields.optional("method", findings, |at, findings| part(at, form, names::grpc_method, findings));
    Some((service, method))
}

/// A service or a method. An empty regular expression matches any.
fn part(
    at: At<'_>,
    form: Form,
    exact: fn(&str) -> Result<String, names::NameError>,
    findings: &mut Findings,
) -> Option<TextMatch> {
    if form == Form::Exact {
        return parsed(Code::InvalidGrpcName, exact)(at, findings).map(|text| TextMatch::Exact(text.value));
    }
    let text = string(at, findings)?.value;
    if text.is_empty() {
        return None;
    }
    if let Err(error) = names::sized("regular expression", &text, names::GRPC_LIMIT) {
        let length = text.chars().count();
        return findings.reject(at.wrong_length(length, names::GRPC_LIMIT, error.to_string()));
    }
    usable(Code::InvalidRegex, regex::unanchored)(at, findings).map(|text| TextMatch::Regex(text.value))
}
