//! `sessionPersistence` (GEP-1619), in both shapes that are in use.
//!
//! Gateway API 1.1 to 1.6 has `{sessionName, absoluteTimeout, idleTimeout, type, cookieConfig.lifetimeType}`; the newer
//! shape is `{type, absoluteTimeout, cookie{name, path, lifetimeType}, header{name}}`. The fields show which one it is:
//! `sessionName` and `cookieConfig` belong to the older shape, `cookie` and `header` to the newer one. The others
//! belong to both, and so does `idleTimeout`, which the newer shape dropped. With only such fields (`{}`, `{type:
//! Cookie}`) it is the older shape. The types here mean the same for both; only the cookie's path depends on the shape.

use std::num::NonZeroU32;

use session_persistence::config::{CookieName, CookiePath, HeaderName, Lifetime, Timeout};

use crate::diagnostic::{Code, Diagnostic};
use crate::duration;
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known, Unsupported};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::{parsed, string, usable, word};
use crate::source::{Span, Spanned};

/// The session persistence of a rule (GEP-1619).
#[derive(Clone, Debug)]
pub struct SessionPersistence {
    /// `type` and what belongs to it.
    pub carrier: Carrier,
    /// `absoluteTimeout`, in whole seconds.
    pub absolute_timeout: Option<Spanned<Timeout>>,
    /// `idleTimeout`, in whole seconds.
    pub idle_timeout: Option<Spanned<Timeout>>,
    /// The whole field.
    pub span: Span,
}

/// Where the session token travels.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// `Cookie`, the default.
    Cookie {
        /// The name, if it is given.
        name: Option<Spanned<CookieName>>,
        /// The path.
        path: Path,
        /// `lifetimeType`: `Session` by default.
        lifetime: Lifetime,
    },
    /// `Header`. Its name is optional only in the older shape.
    Header {
        /// The name, if it is given.
        name: Option<Spanned<HeaderName>>,
    },
}

/// The path of a session cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// `cookie.path` in the newer shape, by default `/`.
    Given(CookiePath),
    /// The older shape has no path: that of the HTTPRoute match is used, and `/` in a GRPCRoute.
    OfMatch,
}

impl SessionPersistence {
    /// Whether a rule has the same session with both.
    pub(crate) fn has_same_settings(&self, other: &Self) -> bool {
        let value = |timeout: &Option<Spanned<Timeout>>| timeout.as_ref().map(|one| one.value);
        let same_carrier = match (&self.carrier, &other.carrier) {
            (
                Carrier::Cookie { name, path, lifetime },
                Carrier::Cookie { name: other, path: other_path, lifetime: other_lifetime },
            ) => {
                let value = |name: &Option<Spanned<CookieName>>| name.as_ref().map(|one| one.value.clone());
                value(name) == value(other) && path == other_path && lifetime == other_lifetime
            }
            (Carrier::Header { name }, Carrier::Header { name: other }) => {
                let value = |name: &Option<Spanned<HeaderName>>| name.as_ref().map(|one| one.value.clone());
                value(name) == value(other)
            }
            (Carrier::Cookie { .. }, Carrier::Header { .. })
            | (Carrier::Header { .. }, Carrier::Cookie { .. }) => false,
        };
        same_carrier
            && value(&self.absolute_timeout) == value(&other.absolute_timeout)
            && value(&self.idle_timeout) == value(&other.idle_timeout)
    }
}

const PERSISTENCE: Known = Known {
    read: &["type", "absoluteTimeout", "idleTimeout", "sessionName", "cookieConfig", "cookie", "header"],
    unread: &[],
    unsupported: &[],
};

const NEWER_PERSISTENCE: Known = Known {
    read: &["type", "absoluteTimeout", "cookie", "header"],
    unread: &[],
    unsupported: &[
        Unsupported {
            name: "sessionName",
            consequence: "it belongs to the shape of Gateway API 1.1 to 1.6",
            hint: "write `cookie: {name: …}`, or `type: Header` and `header: {name: …}`",
        },
        Unsupported {
            name: "cookieConfig",
            consequence: "it belongs to the shape of Gateway API 1.1 to 1.6",
            hint: "write `cookie: {lifetimeType: …}`",
        },
        Unsupported {
            name: "idleTimeout",
            consequence: "Gateway API 1.7 has no idle timeout",
            hint: "remove the field, or write `sessionPersistence` with the field in the rule",
        },
    ],
};

const TYPES: [(&str, Type); 2] = [("Cookie", Type::Cookie), ("Header", Type::Header)];

const COOKIE_CONFIG: Known = Known { read: &["lifetimeType"], unread: &[], unsupported: &[] };

const COOKIE: Known = Known { read: &["name", "path", "lifetimeType"], unread: &[], unsupported: &[] };

const HEADER: Known = Known { read: &["name"], unread: &[], unsupported: &[] };

const OLDER: [&str; 2] = ["sessionName", "cookieConfig"];

const NEWER: [&str; 2] = ["cookie", "header"];

/// `type`.
#[derive(Clone, Copy, PartialEq)]
enum Type {
    Cookie,
    Header,
}

/// The lifetime of a cookie and its place, if it is given.
type WrittenLifetime = Option<Spanned<Lifetime>>;

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<SessionPersistence> {
    let fields = Fields::of(at, &PERSISTENCE, findings)?;
    let absolute_timeout = fields.optional("absoluteTimeout", findings, timeout);
    let idle_timeout = fields.optional("idleTimeout", findings, timeout);
    if let (Some(absolute), Some(idle)) = (&absolute_timeout, &idle_timeout)
        && idle.value >= absolute.value
    {
        let message = "`idleTimeout` has no effect: it is not shorter than `absoluteTimeout`";
        let diagnostic = Diagnostic::warning(Code::NoEffect, idle.span, message);
        findings.add(at.path.place(diagnostic).related(absolute.span, "ends the session"));
    }
    let kind = fields.or("type", fields.default(Type::Cookie), findings, word(&TYPES));
    let written = |names: [&str; 2]| names.into_iter().find_map(|name| Some(fields.entry(name)?.key.span));
    let carrier = match (written(OLDER), written(NEWER)) {
        (Some(older), Some(newer)) => return findings.reject(mixed(at.path, older, newer)),
        (None, Some(_)) => newer(&fields, kind?.value, findings),
        (_, None) => Some(older(&fields, kind?.value, findings)),
    };
    Some(SessionPersistence { carrier: carrier?, absolute_timeout, idle_timeout, span: at.span() })
}

/// Reads the field where only the newer shape exists.
pub(super) fn read_newer(at: At<'_>, findings: &mut Findings) -> Option<SessionPersistence> {
    let fields = Fields::of(at, &NEWER_PERSISTENCE, findings)?;
    let absolute_timeout = fields.optional("absoluteTimeout", findings, timeout);
    let kind = fields.or("type", fields.default(Type::Cookie), findings, word(&TYPES))?;
    // With a field of the older shape, `cookie` and `header` are missing for that reason.
    if OLDER.iter().any(|name| fields.has(name)) && !NEWER.iter().any(|name| fields.has(name)) {
        return None;
    }
    let carrier = newer(&fields, kind.value, findings)?;
    Some(SessionPersistence { carrier, absolute_timeout, idle_timeout: None, span: at.span() })
}

fn mixed(path: FieldPath<'_>, older: Span, newer: Span) -> Diagnostic {
    let diagnostic = if older.start < newer.start {
        Diagnostic::error(Code::MixedSessionShapes, newer, MIXED)
            .label(NEWER_FIELD)
            .related(older, OLDER_FIELD)
    } else {
        Diagnostic::error(Code::MixedSessionShapes, older, MIXED)
            .label(OLDER_FIELD)
            .related(newer, NEWER_FIELD)
    };
    let hint = "write `sessionName` as `cookie.name` or, for a header session, `header.name`, and \
                `cookieConfig.lifetimeType` as `cookie.lifetimeType`";
    path.place(diagnostic).hint(hint)
}

const MIXED: &str = "`sessionPersistence` mixes fields of two versions of the Gateway API";

const OLDER_FIELD: &str = "a field of Gateway API 1.1 to 1.6";

const NEWER_FIELD: &str = "a field of newer releases";

/// Reads the shape of Gateway API 1.1 to 1.6.
fn older(fields: &Fields<'_>, kind: Type, findings: &mut Findings) -> Carrier {
    if kind == Type::Header {
        if fields.has("cookieConfig") {
            findings.add(misplaced(fields, "cookieConfig", "Cookie"));
        }
        let name = |at: At<'_>, findings: &mut Findings| {
            sized(at, findings)?;
            usable(Code::InvalidHeaderName, |text| HeaderName::try_from(text.to_owned()))(at, findings)
        };
        return Carrier::Header { name: fields.optional("sessionName", findings, name) };
    }
    let name = |at: At<'_>, findings: &mut Findings| {
        sized(at, findings)?;
        usable(Code::InvalidCookieName, |text| CookieName::try_from(text.to_owned()))(at, findings)
    };
    let name = fields.optional("sessionName", findings, name);
    let lifetime = fields.optional("cookieConfig", findings, |at, findings| {
        let fields = Fields::of(at, &COOKIE_CONFIG, findings)?;
        fields.optional("lifetimeType", findings, lifetime_type)
    });
    let lifetime = check_permanent(fields, "cookieConfig", lifetime, findings);
    Carrier::Cookie { name, path: Path::OfMatch, lifetime }
}

/// Reads the shape of releases after 1.6.
fn newer(fields: &Fields<'_>, kind: Type, findings: &mut Findings) -> Option<Carrier> {
    match kind {
        Type::Header => {
            if fields.has("cookie") {
                findings.add(misplaced(fields, "cookie", "Cookie"));
            }
            fields.required("header", findings, header)
        }
        Type::Cookie if fields.has("header") => findings.reject(misplaced(fields, "header", "Header")),
        Type::Cookie => {
            let (name, path, lifetime) = fields.required("cookie", findings, cookie)?;
            let lifetime = check_permanent(fields, "cookie", lifetime, findings);
            Some(Carrier::Cookie { name, path: Path::Given(path), lifetime })
        }
    }
}

type CookieFields = (Option<Spanned<CookieName>>, CookiePath, WrittenLifetime);

fn cookie(at: At<'_>, findings: &mut Findings) -> Option<CookieFields> {
    let fields = Fields::of(at, &COOKIE, findings)?;
    let name = |text: &str| CookieName::try_from(text.to_owned());
    let path = |text: &str| CookiePath::try_from(text.to_owned());
    let name = fields.optional("name", findings, parsed(Code::InvalidCookieName, name));
    let path = fields.optional("path", findings, parsed(Code::InvalidCookiePath, path));
    let lifetime = fields.optional("lifetimeType", findings, lifetime_type);
    Some((name, path.map(|path| path.value).unwrap_or_default(), lifetime))
}

fn header(at: At<'_>, findings: &mut Findings) -> Option<Carrier> {
    let fields = Fields::of(at, &HEADER, findings)?;
    let name = |text: &str| HeaderName::try_from(text.to_owned());
    let name = fields.required("name", findings, parsed(Code::InvalidHeaderName, name))?;
    Some(Carrier::Header { name: Some(name) })
}

/// The error for a field that belongs to the other `type`.
fn misplaced(fields: &Fields<'_>, field: &str, belongs_to: &str) -> Diagnostic {
    let span = fields.entry(field).map_or(fields.at().span(), |entry| entry.key.span);
    let message = format!("field `{field}` requires `type: {belongs_to}`");
    let path = fields.at().path;
    let diagnostic =
        FieldPath::Field(&path, field).place(Diagnostic::error(Code::SessionTypeMismatch, span, message));
    match fields.entry("type") {
        Some(written) => diagnostic.related(written.value.span, "the type is set here"),
        None => diagnostic.hint(format!("the default is `Cookie`; write `type: {belongs_to}`")),
    }
}

fn lifetime_type(at: At<'_>, findings: &mut Findings) -> Option<Spanned<Lifetime>> {
    word(&[("Permanent", Lifetime::Permanent), ("Session", Lifetime::Session)])(at, findings)
}

/// Checks that a permanent cookie has an absolute timeout, which is its lifetime.
fn check_permanent(
    fields: &Fields<'_>,
    field: &str,
    lifetime: WrittenLifetime,
    findings: &mut Findings,
) -> Lifetime {
    let lifetime = lifetime.unwrap_or(fields.default(Lifetime::Session));
    if lifetime.value == Lifetime::Permanent && !fields.has("absoluteTimeout") {
        let message = "`lifetimeType: Permanent` requires `absoluteTimeout`";
        let diagnostic = Diagnostic::error(Code::PermanentWithoutTimeout, lifetime.span, message);
        let outer = fields.at().path;
        let own = FieldPath::Field(&outer, field);
        let path = FieldPath::Field(&own, "lifetimeType");
        findings.add(
            path.place(diagnostic).hint("add it to `sessionPersistence`, for example `absoluteTimeout: 1h`"),
        );
    }
    lifetime.value
}

/// Checks the length of `sessionName`, which the API limits more than cookie and header names.
fn sized(at: At<'_>, findings: &mut Findings) -> Option<()> {
    const LIMIT: usize = 128;
    let length = string(at, findings)?.value.chars().count();
    if length <= LIMIT {
        return Some(());
    }
    let message = format!("a session name can have at most {LIMIT} characters, but this one has {length}");
    findings.reject(at.wrong_length(length, LIMIT, message))
}

/// A timeout in whole seconds, the resolution of tokens.
fn timeout(at: At<'_>, findings: &mut Findings) -> Option<Spanned<Timeout>> {
    let text = string(at, findings)?;
    let invalid = |reason: String| {
        at.error(Code::InvalidDuration, format!("invalid duration `{}`: {reason}", text.value))
    };
    let duration = match duration::parse(&text.value) {
        Ok(duration) => duration,
        Err(error) => return findings.reject(invalid(error.to_string())),
    };
    let Ok(seconds) = u32::try_from(duration.as_secs()) else {
        return findings.reject(invalid(format!("it is longer than {} seconds", u32::MAX)));
    };
    let Some(seconds) = NonZeroU32::new(seconds) else {
        return findings.reject(invalid(String::from("a session must last at least one second")));
    };
    if duration.subsec_nanos() > 0 {
        let message =
            format!("`{}` is rounded down to `{seconds}s`: sessions are timed in whole seconds", text.value);
        findings.add(at.warning(Code::RoundedDuration, message));
    }
    Some(Spanned { value: Timeout::from_seconds(seconds), span: at.span() })
}
