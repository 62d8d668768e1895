//! What changes in the address of a request: on its way (`envoy.config.route.v3.RouteAction`), or for its sender
//! (`RedirectAction`).

use serde::Serialize;

use crate::model::{self, Domain, PathChange, Protocol, RedirectPort, RedirectStatus, Scheme};

/// What clients reach a listener by.
#[derive(Clone, Copy)]
pub(super) struct Front {
    scheme: Scheme,
    port: u16,
}

/// The fields for a path; both messages have them.
#[derive(Serialize)]
pub(super) enum PathRewrite {
    /// The whole path, of a request on its way: a text with `%COMMANDS%`.
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
    pattern: Pattern,
    substitution: &'static str,
}

#[derive(Serialize)]
struct Pattern {
    regex: String,
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

impl Front {
    pub(super) const fn of(listener: &model::Listener) -> Self {
        let scheme = match &listener.protocol {
            Protocol::Http { .. } => Scheme::Http,
            Protocol::Https { .. } => Scheme::Https,
        };
        Self { scheme, port: listener.port }
    }
}

impl PathRewrite {
    /// Of a request on its way.
    pub(super) fn of(change: &PathChange) -> Option<Self> {
        match change {
            PathChange::Full(path) => Some(Self::Full(path.replace('%', "%%"))),
            PathChange::Prefix { matched, replacement } => Self::prefix(matched, replacement),
        }
    }

    /// Of a redirect.
    fn of_redirect(change: &PathChange) -> Option<Self> {
        match change {
            PathChange::Full(path) => Some(Self::FullOfRedirect(path.clone())),
            PathChange::Prefix { matched, replacement } => Self::prefix(matched, replacement),
        }
    }

    fn prefix(matched: &str, replacement: &str) -> Option<Self> {
        match (matched, replacement) {
            ("", "") => None,
            // Envoy replaces what its matcher took: the first slash of every path.
            ("", replacement) => Some(Self::Prefix(format!("{replacement}/"))),
            // `/a/b` is to become `/b` and `/a` to become `/`, so that sometimes a slash goes and sometimes not.
            (matched, "") => Some(Self::Regex(Substitution {
                pattern: Pattern { regex: format!("^{}/?", regex_syntax::escape(matched)) },
                substitution: "/",
            })),
            (_, replacement) => Some(Self::Prefix(replacement.to_owned())),
        }
    }
}

impl Redirect {
    /// The redirect for requests to a domain of a listener.
    pub(super) fn of(redirect: &model::Redirect, front: Front, domain: &Domain) -> Self {
        let scheme = redirect.scheme.unwrap_or(front.scheme);
        let port = match redirect.port {
            RedirectPort::Given(port) => port,
            RedirectPort::OfScheme => scheme.port(),
            RedirectPort::OfListener => front.port,
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
            // A hostname of the request stands with its port in it, of which Envoy takes only a known one off.
            host: redirect.hostname.as_ref().or(domain).cloned(),
            port: (port != scheme.port()).then_some(port),
            path: redirect.path.as_ref().and_then(PathRewrite::of_redirect),
            response_code: redirect.status.into(),
        }
    }

    /// The same redirect for requests with a port in their hostname, if it would leave that in the new address: the only
    /// way to be rid of it is to write the right one, known or not.
    pub(super) fn with_port(redirect: &model::Redirect, front: Front, domain: &Domain) -> Option<Self> {
        let redirect_of_others = Self::of(redirect, front, domain);
        let stays = redirect_of_others.host.is_none() && redirect_of_others.port.is_none();
        let scheme = redirect.scheme.unwrap_or(front.scheme);
        stays.then_some(Self { port: Some(scheme.port()), ..redirect_of_others })
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
