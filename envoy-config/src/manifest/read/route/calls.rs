//! `matches` of a GRPCRoute: which calls a rule is for.

use super::matches::{Values, headers};
use crate::diagnostic::Code;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::log::{At, Log};
use crate::manifest::read::value::{parsed, string, usable, word};
use crate::manifest::read::{names, regex};
use crate::manifest::route::{GrpcMatch, Match, TextMatch};

const MATCH: Known = Known { read: &["method", "headers"], unread: &[], unsupported: &[] };

const METHOD: Known = Known { read: &["type", "service", "method"], unread: &[], unsupported: &[] };

/// What `type` says of the service and the method.
#[derive(Clone, Copy, PartialEq)]
enum Form {
    Exact,
    Regex,
}

/// A service and a method; none stands for any.
type Call = (Option<TextMatch>, Option<TextMatch>);

pub(super) fn read(at: At<'_>, log: &mut Log) -> Option<Match> {
    let fields = Fields::of(at, &MATCH, log)?;
    let call = fields.or("method", (None, None), log, method);
    let headers = fields.optional("headers", log, |at, log| headers(at, Values::GrpcHeader, log));
    let (service, method) = call?;
    Some(Match::Grpc(GrpcMatch { service, method, headers: headers.unwrap_or_default(), span: at.span() }))
}

fn method(at: At<'_>, log: &mut Log) -> Option<Call> {
    let fields = Fields::of(at, &METHOD, log)?;
    let words = [("Exact", Form::Exact), ("RegularExpression", Form::Regex)];
    let form = fields.or("type", fields.default(Form::Exact), log, word(&words))?.value;
    if !fields.has("service") && !fields.has("method") {
        let message = "a method match needs a `service`, a `method` or both";
        return log
            .refuse(at.error(Code::MissingField, message).hint("to match every call, leave `method` out"));
    }
    let service = fields.optional("service", log, |at, log| part(at, form, names::grpc_service, log));
    let method = fields.optional("method", log, |at, log| part(at, form, names::grpc_method, log));
    Some((service, method))
}

/// A service or a method. An empty expression is the same as none at all.
fn part(
    at: At<'_>,
    form: Form,
    exact: fn(&str) -> Result<String, names::NameError>,
    log: &mut Log,
) -> Option<TextMatch> {
    if form == Form::Exact {
        return parsed(Code::InvalidGrpcName, exact)(at, log).map(|text| TextMatch::Exact(text.value));
    }
    let text = string(at, log)?.value;
    if text.is_empty() {
        return None;
    }
    if let Err(error) = names::sized("regular expression", &text, names::GRPC_LIMIT) {
        let length = text.chars().count();
        return log.refuse(at.wrong_length(length, 0, Some(names::GRPC_LIMIT), error.to_string()));
    }
    usable(Code::InvalidRegex, regex::unanchored)(at, log).map(|text| TextMatch::Regex(text.value))
}
