//! Translates matches to Envoy's terms: path, method, headers and query.
//!
//! A gRPC call is a POST to `/package.Service/Method` (gRPC over HTTP/2), so a method match is a path match.
//! The content type of the request is not checked: the backend may use gRPC-Web or Connect on the same paths.

use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::{self, GrpcMatch, HttpMatch, Match, Route};
use crate::model::{PathMatch, RouteMatch, TextMatch, ValueMatch};
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// Whether this match of a rule can be served. A match for CONNECT requests cannot: they have no path, and
/// only Envoy's `connect_matcher` matches them.
pub(super) fn is_served(
    route: &Object<Route>,
    (rule, position): (usize, usize),
    written: &Match,
    report: &mut Report,
) -> bool {
    let method = match written {
        Match::Http(written) => written.method.as_ref(),
        Match::Grpc(_) => None,
    };
    let Some(method) = method.filter(|method| method.value == "CONNECT") else { return true };
    let place = Place::new(route, format!("spec.rules[{rule}].matches[{position}].method"), method.span);
    let place = place.because(Part::Rule(rule), ConditionType::Accepted, Reason::UnsupportedValue);
    let message = "method `CONNECT` is not supported, so this match is not served";
    report.error(Code::NotSupported, place, String::from(message));
    false
}

/// The requests that a match selects.
pub(super) fn route_match(written: &Match) -> RouteMatch {
    match written {
        Match::Http(written) => http(written),
        Match::Grpc(written) => grpc(written),
    }
}

/// The requests that a match of an HTTPRoute, or of the same form, selects.
pub(super) fn http(written: &HttpMatch) -> RouteMatch {
    RouteMatch {
        path: match &written.path {
            route::PathMatch::Exact(path) => PathMatch::Exact(normal(path)),
            route::PathMatch::Prefix(path) => PathMatch::Prefix(prefix(&normal(path))),
            route::PathMatch::Regex(expression) => PathMatch::Regex(expression.clone()),
        },
        method: written.method.as_ref().map(|method| method.value.clone()),
        headers: written.headers.iter().map(value_match).collect(),
        query: written.query_params.iter().map(value_match).collect(),
    }
}

/// A path in the form that Envoy normalizes request paths to before it matches them: letters, digits, `-`,
/// `.`, `_` and `~` are not percent-encoded (RFC 3986 section 6.2.2.2). Invalid encodings stay unchanged.
fn normal(path: &str) -> String {
    let mut parts = path.split('%');
    let mut decoded = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let octet = part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()).map(char::from);
        let written_out = octet.filter(|&c| c.is_ascii_alphanumeric() || "-._~".contains(c));
        decoded.push(written_out.unwrap_or('%'));
        decoded.push_str(part.get(if written_out.is_some() { 2 } else { 0 }..).unwrap_or_default());
    }
    decoded
}

/// A trailing slash in a prefix is ignored (Gateway API, `PathMatchPathPrefix`).
fn prefix(path: &str) -> String {
    match path.strip_suffix('/') {
        None => path.to_owned(),
        Some("") => String::from("/"),
        Some(shorter) => shorter.to_owned(),
    }
}

fn grpc(written: &GrpcMatch) -> RouteMatch {
    RouteMatch {
        path: call(written.service.as_ref(), written.method.as_ref()),
        method: None,
        headers: written.headers.iter().map(value_match).collect(),
        query: Vec::new(),
    }
}

/// The paths of the calls that a method match selects (Gateway API, `GRPCMethodMatch`); an omitted part
/// matches any.
fn call(service: Option<&route::TextMatch>, method: Option<&route::TextMatch>) -> PathMatch {
    use route::TextMatch::Exact;
    match (service, method) {
        (None, None) => PathMatch::Prefix(String::from("/")),
        (Some(Exact(service)), None) => PathMatch::Prefix(format!("/{service}")),
        (Some(Exact(service)), Some(Exact(method))) => PathMatch::Exact(format!("/{service}/{method}")),
        (service, method) => PathMatch::Regex(format!("/{}/{}", segment(service), segment(method))),
    }
}

/// A regular expression for one path segment.
fn segment(part: Option<&route::TextMatch>) -> String {
    match part {
        None => String::from("[^/]+"),
        Some(route::TextMatch::Exact(text)) => regex_syntax::escape(text),
        Some(route::TextMatch::Regex(expression)) => format!("(?:{expression})"),
    }
}

fn value_match(written: &route::ValueMatch) -> ValueMatch {
    ValueMatch {
        name: written.name.value.clone(),
        value: match &written.value {
            route::TextMatch::Exact(text) => TextMatch::Exact(text.clone()),
            route::TextMatch::Regex(expression) => TextMatch::Regex(expression.clone()),
        },
    }
}
