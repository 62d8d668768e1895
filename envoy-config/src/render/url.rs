//! URL rewrites of forwarded requests (`envoy.config.route.v3.RouteAction`), and redirects (`RedirectAction`).

use serde::Serialize;

use super::string_matcher::Regex;
use crate::model::{self, Domain, PathChange, Protocol, RedirectPort, RedirectStatus, Scheme};

/// The scheme and port by which clients reach a listener.
#[derive(Clone, Copy)]
pub(super) struct ListenerOrigin {
    scheme: Scheme,
    port: u16,
}

/// A changed path: one of these fields of `RouteAction` or `RedirectAction`.
#[derive(Serialize)]
pub(super) enum PathRewrite {
    /// The whole path of a forwarded request; may contain `%COMMANDS%`.
    #[serde(rename = "path_rewrite")]
    Full(String),
    /// The whole path of a redirect.
    #[serde(rename = "path_redirect")]
    FullOfRedirect(String),
    #[serde(rename = "prefix_rewrite")]
    Prefix(String),
    #[serde(rename = "regex_rewrite")]
    Regex(Substitution),
}

#[derive(Serialize)]
pub(super) struct Substitution {
    pattern: Regex,
    substitution: String,
}

#[derive(Serialize)]
pub(super) struct Redirect {
    #[serde(rename = "scheme_redirect")]
    scheme: &'static str,
    #[serde(rename = "host_redirect", skip_serializing_if = "Option::is_none")]
    host: Option<String>,
    #[serde(rename = "port_redirect", skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(flatten)]
    path: Option<PathRewrite>,
    response_code: ResponseCode,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
enum ResponseCode {
    MovedPermanently,
    Found,
    SeeOther,
    TemporaryRedirect,
    PermanentRedirect,
}

impl ListenerOrigin {
    pub(super) const fn of(listener: &model::Listener) -> Self {
        let scheme = match &listener.protocol {
            Protocol::Http { .. } => Scheme::Http,
            Protocol::Https { .. } => Scheme::Https,
        };
        Self { scheme, port: listener.port }
    }
}

impl PathRewrite {
    /// The change of a forwarded request.
    pub(super) fn of(change: &PathChange) -> Option<Self> {
        match change {
            PathChange::Full(path) => Some(Self::Full(path.replace('%', "%%"))),
            PathChange::Prefix { matched, replacement } => Self::prefix(matched, replacement),
            PathChange::PrefixOfSome { matched, replacement } => Self::start(matched, replacement),
        }
    }

    /// The change in a redirect.
    fn of_redirect(change: &PathChange) -> Option<Self> {
        match change {
            PathChange::Full(path) => Some(Self::FullOfRedirect(path.clone())),
            PathChange::Prefix { matched, replacement } => Self::prefix(matched, replacement),
            PathChange::PrefixOfSome { matched, replacement } => Self::start(matched, replacement),
        }
    }

    fn prefix(matched: &str, replacement: &str) -> Option<Self> {
        match (matched, replacement) {
            ("", "") => None,
            // Envoy replaces the prefix that the route matches: the first slash of every path.
            ("", replacement) => Some(Self::Prefix(format!("{replacement}/"))),
            // Without the prefix `/a`, the path `/a/b` becomes `/b`, and `/a` becomes `/`: the slash after it is optional.
            (matched, "") => Some(Self::Regex(Substitution {
                pattern: Regex::new(format!("^{}/?", regex_syntax::escape(matched))),
                substitution: String::from("/"),
            })),
            (_, replacement) => Some(Self::Prefix(replacement.to_owned())),
        }
    }

    /// The change of a prefix that is not the one that the route matches.
    fn start(matched: &str, replacement: &str) -> Option<Self> {
        let (pattern, replacement) = match (matched, replacement) {
            (_, "") => return Self::prefix(matched, replacement),
            ("", replacement) => (String::from("^/"), format!("{replacement}/")),
            (matched, replacement) => (format!("^{}", regex_syntax::escape(matched)), replacement.to_owned()),
        };
        // `\1` would be a group of the expression.
        let substitution = replacement.replace('\\', r"\\");
        Some(Self::Regex(Substitution { pattern: Regex::new(pattern), substitution }))
    }
}

impl Redirect {
    /// The redirect for requests to a domain of a listener.
    pub(super) fn of(redirect: &model::Redirect, origin: ListenerOrigin, domain: &Domain) -> Self {
        let scheme = redirect.scheme.unwrap_or(origin.scheme);
        let port = match redirect.port {
            RedirectPort::Given(port) => port,
            RedirectPort::OfScheme => scheme.port(),
            RedirectPort::OfListener => origin.port,
        };
        let domain = match domain {
            Domain::Exact(name) => Some(name),
            Domain::Wildcard(_) | Domain::Any => None,
        };
        Self {
            scheme: match scheme {
                Scheme::Http => "http",
                Scheme::Https => "https",
            },
            // Without a hostname here, Envoy keeps that of the request, from which it removes only default ports.
            host: redirect.hostname.as_ref().or(domain).cloned(),
            port: (port != scheme.port()).then_some(port),
            path: redirect.path.as_ref().and_then(PathRewrite::of_redirect),
            response_code: redirect.status.into(),
        }
    }

    /// The same redirect for requests with a port in their `Host` header, if the port would stay in the `Location`. Envoy has
    /// no other way to remove it than to write the right port, even if that is the default port.
    pub(super) fn with_port(
        redirect: &model::Redirect,
        origin: ListenerOrigin,
        domain: &Domain,
    ) -> Option<Self> {
        let without_port = Self::of(redirect, origin, domain);
        let keeps_port = without_port.host.is_none() && without_port.port.is_none();
        let scheme = redirect.scheme.unwrap_or(origin.scheme);
        keeps_port.then_some(Self { port: Some(scheme.port()), ..without_port })
    }
}

impl From<RedirectStatus> for ResponseCode {
    fn from(status: RedirectStatus) -> Self {
        match status {
            RedirectStatus::MovedPermanently => Self::MovedPermanently,
            RedirectStatus::Found => Self::Found,
            RedirectStatus::SeeOther => Self::SeeOther,
            RedirectStatus::TemporaryRedirect => Self::TemporaryRedirect,
            RedirectStatus::PermanentRedirect => Self::PermanentRedirect,
        }
    }
}
