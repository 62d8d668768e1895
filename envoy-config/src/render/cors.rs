//! CORS (`envoy.extensions.filters.http.cors.v3`): the filter and the policy of a route.
//!
//! The filter runs after the session persistence filter: if a session moves a request to the route of another backendRef, the
//! CORS policy of that route applies. `routes::cors` adds the routes that preflight requests need.

use serde::Serialize;

use super::extension::{Empty, Extension, Message};
use super::string_matcher::StringMatcher;
use crate::model::{self, Allowed, Origin, OriginHost, Scheme};

/// The cluster of routes that exist only to run the filter. It has no endpoints, because no request reaches it.
pub(super) const PREFLIGHTS: &str = "cors-preflights";

/// The name of the filter.
pub(super) const CORS: &str = "envoy.filters.http.cors";

#[derive(Serialize)]
pub(super) struct CorsFilter(Empty);

#[derive(Serialize)]
pub(super) struct CorsPolicy {
    #[serde(rename = "allow_origin_string_match")]
    origins: Vec<StringMatcher>,
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
            origins: cors.origins.iter().flat_map(origin_matchers).collect(),
            // For `*`, Envoy returns the requested value, as the Fetch standard requires with credentials.
            methods: list(&cors.methods),
            request_headers: list(&cors.request_headers),
            response_headers: list(&cors.response_headers),
            max_age: cors.max_age.to_string(),
            credentials: cors.credentials.then_some(true),
            // The policy of the route decides, so rejected preflight requests are not forwarded to the backend.
            forward_not_matching_preflights: false,
        }
    }
}

impl CorsPolicy {
    /// A regular expression that matches all allowed origins; `None` if no origin is allowed.
    pub(super) fn any_origin(&self) -> Option<String> {
        let alternative = |origin: &StringMatcher| match origin {
            StringMatcher::Exact(origin) => regex_syntax::escape(origin),
            StringMatcher::SafeRegex(regex) => regex.as_str().to_owned(),
        };
        let alternatives: Vec<String> = self.origins.iter().map(alternative).collect();
        (!alternatives.is_empty()).then(|| alternatives.join("|"))
    }

    /// The response headers for an allowed origin.
    pub(super) fn response_headers(self) -> Vec<(&'static str, String)> {
        let mut headers = vec![("access-control-allow-origin", String::from("%REQ(ORIGIN)%"))];
        if self.credentials.is_some() {
            headers.push(("access-control-allow-credentials", String::from("true")));
        }
        if !self.response_headers.is_empty() {
            // A header name can contain a percent sign, which starts a command in Envoy.
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

/// Matches the default port of the scheme with and without `:port`: browsers omit it, other clients may not.
fn origin_matchers(origin: &Origin) -> Vec<StringMatcher> {
    let regex = |regex: String| vec![StringMatcher::regex(regex)];
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
            Some(_) => vec![StringMatcher::Exact(format!("{prefix}{name}{port}"))],
            None => ["", &format!(":{}", scheme.port())]
                .map(|port| StringMatcher::Exact(format!("{prefix}{name}{port}")))
                .into(),
        },
        OriginHost::Within(suffix) => {
            regex(format!(r"{prefix}[A-Za-z0-9.-]+\.{}{port}", regex_syntax::escape(suffix)))
        }
        // A hostname, an IPv4 address, or an IPv6 address.
        OriginHost::Any => regex(format!(r"{prefix}(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:.]+\]){port}")),
    }
}
