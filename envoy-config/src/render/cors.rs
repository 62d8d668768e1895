//! CORS: the filter, and what it is told by a route (`envoy.extensions.filters.http.cors.v3`).
//!
//! It stands behind ours, so that a request that a session leads to another share of its rule is told what that share says.

use serde::Serialize;

use super::extension::{Empty, Extension, Message};
use crate::model::{self, Allowed, Origin, OriginHost, Scheme};

/// The cluster of the routes that are there for the filter alone: it has no endpoints, and no request gets there.
pub(super) const PREFLIGHTS: &str = "cors-preflights";

/// The name of the filter.
pub(super) const CORS: &str = "envoy.filters.http.cors";

#[derive(Serialize)]
pub(super) struct CorsFilter(Empty);

#[derive(Serialize)]
pub(super) struct CorsPolicy {
    #[serde(rename = "allow_origin_string_match")]
    origins: Vec<OriginMatch>,
    #[serde(rename = "allow_methods", skip_serializing_if = "String::is_empty")]
    methods: String,
    #[serde(rename = "allow_headers", skip_serializing_if = "String::is_empty")]
    request_headers: String,
    #[serde(rename = "expose_headers", skip_serializing_if = "String::is_empty")]
    response_headers: String,
    max_age: String,
    #[serde(rename = "allow_credentials", skip_serializing_if = "Option::is_none")]
    credentials: Option<bool>,
    forward_not_matching_preflights: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum OriginMatch {
    Exact(String),
    SafeRegex(Regex),
}

#[derive(Serialize)]
struct Regex {
    regex: String,
}

impl Message for CorsFilter {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors";
}

impl Message for CorsPolicy {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy";
}

impl CorsFilter {
    pub(super) fn extension() -> Extension<Self> {
        Extension::new(CORS, Self(Empty {}))
    }
}

impl From<&model::Cors> for CorsPolicy {
    fn from(cors: &model::Cors) -> Self {
        Self {
            origins: cors.origins.iter().flat_map(OriginMatch::of).collect(),
            // Envoy answers a wildcard with what was asked for, which credentials demand.
            methods: list(&cors.methods),
            request_headers: list(&cors.request_headers),
            response_headers: list(&cors.response_headers),
            max_age: cors.max_age.to_string(),
            credentials: cors.credentials.then_some(true),
            // The backend is not asked what the Gateway was told.
            forward_not_matching_preflights: false,
        }
    }
}

impl CorsPolicy {
    /// An expression for all origins that are allowed, if there are any.
    pub(super) fn any_origin(&self) -> Option<String> {
        let alternatives: Vec<String> = self.origins.iter().map(OriginMatch::expression).collect();
        (!alternatives.is_empty()).then(|| alternatives.join("|"))
    }

    /// The headers of an answer for an origin that is allowed.
    pub(super) fn headers_of_answers(self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("access-control-allow-origin", String::from("%REQ(ORIGIN)%"))];
        if self.credentials.is_some() {
            headers.push(("access-control-allow-credentials", String::from("true")));
        }
        if !self.response_headers.is_empty() {
            // A header's name can have a percent sign in it.
            headers.push(("access-control-expose-headers", self.response_headers.replace('%', "%%")));
        }
        headers
    }
}

fn list(allowed: &Allowed) -> String {
    match allowed {
        Allowed::All => String::from("*"),
        Allowed::Names(names) => names.join(", "),
    }
}

impl OriginMatch {
    fn expression(&self) -> String {
        match self {
            Self::Exact(origin) => regex_syntax::escape(origin),
            Self::SafeRegex(Regex { regex }) => regex.clone(),
        }
    }

    /// Browsers leave the port out that a scheme has by itself; others may write it.
    fn of(origin: &Origin) -> Vec<Self> {
        let regex = |regex| vec![Self::SafeRegex(Regex { regex })];
        let Origin::Site { scheme, host, port } = origin else { return regex(String::from(".*")) };
        let prefix = match scheme {
            Scheme::Http => "http://",
            Scheme::Https => "https://",
        };
        let other_port = port.filter(|port| *port != scheme.port());
        let port = match other_port {
            Some(port) => format!(":{port}"),
            None => format!("(?::{})?", scheme.port()),
        };
        match host {
            OriginHost::Exact(name) => match other_port {
                Some(_) => vec![Self::Exact(format!("{prefix}{name}{port}"))],
                None => ["", &format!(":{}", scheme.port())]
                    .map(|port| Self::Exact(format!("{prefix}{name}{port}")))
                    .into(),
            },
            OriginHost::Within(suffix) => {
                regex(format!(r"{prefix}[A-Za-z0-9.-]+\.{}{port}", regex_syntax::escape(suffix)))
            }
            // A name, or an IPv6 address.
            OriginHost::Any => regex(format!(r"{prefix}(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]){port}")),
        }
    }
}
