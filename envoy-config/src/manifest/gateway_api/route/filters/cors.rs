//! `cors` (`HTTPCORSFilter`).

use crate::diagnostic::{Code, Diagnostic};
use crate::http_value::{Allowed, Cors, Origin, OriginHost, Scheme};
use crate::manifest::gateway_api::route::http_match::METHODS;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{boolean, integer, parsed, string};
use crate::source::Spanned;

const CORS: Known = Known {
    read: &["allowOrigins", "allowCredentials", "allowMethods", "allowHeaders", "exposeHeaders", "maxAge"],
    unread: &[],
    unsupported: &[],
};

const WILDCARD: &str = "*";

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<Cors> {
    let fields = Fields::of(at, &CORS, findings)?;
    let origins = fields.or("allowOrigins", Vec::new(), findings, origins);
    let credentials = fields.or("allowCredentials", false, findings, boolean);
    let none = || Allowed::Names(Vec::new());
    let methods = fields.or("allowMethods", none(), findings, |at, findings| {
        let methods = names_or_all(at, 9, findings, |at, findings| {
            let name = string(at, findings)?;
            if name.value == WILDCARD || METHODS.contains(&name.value.as_str()) {
                return Some(name);
            }
            findings.reject(at.unknown_value(&name.value, METHODS.into_iter().chain([WILDCARD])))
        })?;
        alone(at, &methods, findings);
        Some(allowed(methods))
    });
    let request_headers = fields.or("allowHeaders", none(), findings, |at, findings| {
        let names = names_or_all(at, 64, findings, header)?;
        alone(at, &names, findings);
        Some(allowed(names))
    });
    let response_headers = fields.or("exposeHeaders", none(), findings, |at, findings| {
        Some(allowed(names_or_all(at, 64, findings, header)?))
    });
    let max_age = fields.or("maxAge", fields.default(5), findings, integer(1..=i32::MAX.unsigned_abs()));
    let credentials = credentials?;
    let mut response_headers = response_headers?;
    if credentials && response_headers == Allowed::All {
        // Gateway API, `HTTPCORSFilter.exposeHeaders`: no wildcard with credentials.
        if let Some(entry) = fields.entry("exposeHeaders") {
            let message = "`*` exposes no headers if `allowCredentials` is true";
            let warning = Diagnostic::warning(Code::NoEffect, entry.key.span, message);
            findings.add(at.path.place(warning).hint("list the headers"));
        }
        response_headers = none();
    }
    Some(Cors {
        origins: origins?,
        credentials,
        methods: methods?,
        request_headers: request_headers?,
        response_headers,
        max_age: max_age?.value,
    })
}

fn header(at: At<'_>, findings: &mut Findings) -> Option<Spanned<String>> {
    parsed(Code::InvalidHeaderName, names::token)(at, findings)
}

fn names_or_all(
    at: At<'_>,
    limit: usize,
    findings: &mut Findings,
    mut name: impl FnMut(At<'_>, &mut Findings) -> Option<Spanned<String>>,
) -> Option<Vec<Spanned<String>>> {
    let names = list(at, 0..=limit, findings, |at, findings| name(at, findings))?;
    unique(&at, "name", names.iter().map(|name| (&name.value, name.span)), findings);
    Some(names)
}

/// Reports a wildcard beside other entries.
fn alone(at: At<'_>, names: &[Spanned<String>], findings: &mut Findings) {
    if let Some(wildcard) = names.iter().find(|name| name.value == WILDCARD).filter(|_| names.len() > 1) {
        let error = Diagnostic::error(
            Code::WildcardNotAlone,
            wildcard.span,
            "`*` cannot be combined with other entries",
        );
        findings.add(at.path.place(error));
    }
}

fn allowed(names: Vec<Spanned<String>>) -> Allowed {
    if names.iter().any(|name| name.value == WILDCARD) {
        return Allowed::All;
    }
    Allowed::Names(names.into_iter().map(|name| name.value).collect())
}

fn origins(at: At<'_>, findings: &mut Findings) -> Option<Vec<Origin>> {
    let texts = list(at, 0..=64, findings, string)?;
    unique(&at, "origin", texts.iter().map(|text| (&text.value, text.span)), findings);
    alone(at, &texts, findings);
    let origins =
        list(at, 0..=64, findings, |at, findings| parsed(Code::InvalidOrigin, origin)(at, findings))?;
    Some(origins.into_iter().map(|origin| origin.value).collect())
}

/// Why a text is not an origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum OriginError {
    #[error("an origin can have 1 to 253 characters, but this one has {0}")]
    Length(usize),
    #[error("an origin must be `*`, or start with `http://` or `https://`")]
    Scheme,
    #[error(
        "the host of an origin must be a hostname, `*`, or a wildcard such as `*.example.com`; a path is not allowed"
    )]
    Host,
    #[error("the port of an origin must be a number from 1 to 65535")]
    Port,
}

/// Gateway API, `CORSOrigin`.
fn origin(text: &str) -> Result<Origin, OriginError> {
    match text.chars().count() {
        1..=253 => {}
        length => return Err(OriginError::Length(length)),
    }
    if text == WILDCARD {
        return Ok(Origin::Any);
    }
    let (scheme, rest) = [("http://", Scheme::Http), ("https://", Scheme::Https)]
        .into_iter()
        .find_map(|(prefix, scheme)| Some((scheme, text.strip_prefix(prefix)?)))
        .ok_or(OriginError::Scheme)?;
    let (host, port) = match rest.split_once(':') {
        None => (rest, None),
        Some((host, port)) => {
            let digits = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
            let port: u16 = port.parse().map_err(|_| OriginError::Port)?;
            if port == 0 || !digits {
                return Err(OriginError::Port);
            }
            (host, Some(port))
        }
    };
    let fits = |name: &str| {
        name.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        })
    };
    let host = match host.strip_prefix("*.") {
        _ if host == WILDCARD => OriginHost::Any,
        Some(suffix) if fits(suffix) => OriginHost::Within(suffix.to_ascii_lowercase()),
        None if fits(host) => OriginHost::Exact(host.to_ascii_lowercase()),
        Some(_) | None => return Err(OriginError::Host),
    };
    Ok(Origin::Site { scheme, host, port })
}
