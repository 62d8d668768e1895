//! `requestRedirect` and `urlRewrite` (`HTTPRequestRedirectFilter`, `HTTPURLRewriteFilter`).

use crate::diagnostic::Code;
use crate::http_value::{RedirectStatus, Scheme};
use crate::manifest::Hostname;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::{hostname, path};
use crate::manifest::read::value::{integer, parsed, port, string, usable, word};

/// A redirect response.
#[derive(Clone, Debug)]
pub struct RequestRedirect {
    /// `scheme`: the request's by default.
    pub scheme: Option<Scheme>,
    /// `hostname`: the request's by default.
    pub hostname: Option<String>,
    /// `path`: the request's by default.
    pub path: Option<PathModifier>,
    /// `port`: by default that of the scheme or of the listener.
    pub port: Option<u16>,
    /// `statusCode`: 302 by default.
    pub status: RedirectStatus,
}

/// Changes of hostname and path before a request is forwarded.
#[derive(Clone, Debug)]
pub struct UrlRewrite {
    /// `hostname`.
    pub hostname: Option<String>,
    /// `path`.
    pub path: Option<PathModifier>,
}

/// A change of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathModifier {
    /// `ReplaceFullPath`.
    Full(String),
    /// `ReplacePrefixMatch`, as written: empty or absolute. The rule has exactly one match, of the type `PathPrefix`.
    Prefix(String),
}

const REDIRECT: Known =
    Known { read: &["scheme", "hostname", "path", "port", "statusCode"], unread: &[], unsupported: &[] };

const REWRITE: Known = Known { read: &["hostname", "path"], unread: &[], unsupported: &[] };

const PATH: Known =
    Known { read: &["type", "replaceFullPath", "replacePrefixMatch"], unread: &[], unsupported: &[] };

const STATUSES: [(u16, RedirectStatus); 5] = [
    (301, RedirectStatus::MovedPermanently),
    (302, RedirectStatus::Found),
    (303, RedirectStatus::SeeOther),
    (307, RedirectStatus::TemporaryRedirect),
    (308, RedirectStatus::PermanentRedirect),
];

pub(in crate::manifest) fn redirect(at: At<'_>, findings: &mut Findings) -> Option<RequestRedirect> {
    let fields = Fields::of(at, &REDIRECT, findings)?;
    let scheme =
        fields.optional("scheme", findings, word(&[("http", Scheme::Http), ("https", Scheme::Https)]));
    let hostname = fields.optional("hostname", findings, hostname);
    let path = fields.optional("path", findings, path_modifier);
    let port = fields.optional("port", findings, port);
    let status = fields.or("statusCode", RedirectStatus::Found, findings, status);
    Some(RequestRedirect {
        scheme: scheme.map(|scheme| scheme.value),
        hostname,
        path,
        port: port.map(|port| port.value),
        status: status?,
    })
}

pub(in crate::manifest) fn rewrite(at: At<'_>, findings: &mut Findings) -> Option<UrlRewrite> {
    let fields = Fields::of(at, &REWRITE, findings)?;
    let hostname = fields.optional("hostname", findings, hostname);
    Some(UrlRewrite { hostname, path: fields.optional("path", findings, path_modifier) })
}

fn status(at: At<'_>, findings: &mut Findings) -> Option<RedirectStatus> {
    let number = integer(0..=u16::MAX)(at, findings)?.value;
    if let Some((_, status)) = STATUSES.iter().find(|(status, _)| *status == number) {
        return Some(*status);
    }
    let known = STATUSES.map(|(status, _)| status.to_string());
    findings.reject(at.unknown_value(&number.to_string(), known.iter().map(String::as_str)))
}

/// A hostname without a wildcard.
fn hostname(at: At<'_>, findings: &mut Findings) -> Option<String> {
    match parsed(Code::InvalidHostname, hostname::parse)(at, findings)?.value {
        Hostname::Exact(name) => Some(name),
        Hostname::Wildcard(_) => {
            findings.reject(at.error(Code::InvalidHostname, "a wildcard is not allowed in this hostname"))
        }
    }
}

fn path_modifier(at: At<'_>, findings: &mut Findings) -> Option<PathModifier> {
    const FULL: &str = "replaceFullPath";
    const PREFIX: &str = "replacePrefixMatch";
    const FULL_TYPE: (&str, &str, &str) = ("ReplaceFullPath", FULL, PREFIX);
    const PREFIX_TYPE: (&str, &str, &str) = ("ReplacePrefixMatch", PREFIX, FULL);
    let fields = Fields::of(at, &PATH, findings)?;
    let (kind, own, other) =
        fields.required("type", findings, word(&[FULL_TYPE, PREFIX_TYPE].map(|own| (own.0, own))))?.value;
    if let Some(entry) = fields.entry(other).filter(|_| fields.has(other)) {
        let message = format!("field `{other}` is not allowed with `type: {kind}`; expected `{own}`");
        let place = At { node: &entry.value, path: at.path };
        findings.add(place.error(Code::MisplacedField, message));
    }
    let path = |at: At<'_>, findings: &mut Findings| {
        if own == PREFIX && string(at, findings)?.value.is_empty() {
            return Some(String::new());
        }
        usable(Code::InvalidPath, path::parse)(at, findings).map(|path| path.value)
    };
    let path = fields.required(own, findings, path)?;
    Some(if own == FULL { PathModifier::Full(path) } else { PathModifier::Prefix(path) })
}
