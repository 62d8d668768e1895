//! Which sites' scripts may read the responses of a route (the CORS protocol of the Fetch standard).

use super::Scheme;

/// What browsers may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The origins that may send requests; with an empty list, none.
    pub origins: Vec<Origin>,
    /// Whether requests may have credentials, such as cookies.
    pub credentials: bool,
    /// The methods that requests may have, in addition to those that need no permission.
    pub methods: Allowed,
    /// The headers that requests may have.
    pub request_headers: Allowed,
    /// The response headers that scripts may read.
    pub response_headers: Allowed,
    /// How long a browser may cache the response to a preflight request, in seconds.
    pub max_age: u32,
}

/// A list of names, or all names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// All names.
    All,
    /// These names.
    Names(Vec<String>),
}

/// Which origins an entry of `allowOrigins` matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// All origins.
    Any,
    /// A scheme, a host and a port.
    Site {
        /// The scheme.
        scheme: Scheme,
        /// The host.
        host: OriginHost,
        /// The port; none means the scheme's default.
        port: Option<u16>,
    },
}

/// Which hosts an origin matches, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginHost {
    /// All hosts.
    Any,
    /// This host.
    Exact(String),
    /// The subdomains of this domain, on any level.
    Within(String),
}
