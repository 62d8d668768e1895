//! Who may read answers from scripts of other sites (the Fetch standard's CORS protocol).

use super::Scheme;

/// What a browser is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cors {
    /// The sites that may ask: none of them is no site.
    pub origins: Vec<Origin>,
    /// Whether they may ask with cookies.
    pub credentials: bool,
    /// The methods that they may use, beside those that need no permission.
    pub methods: Allowed,
    /// The request headers that they may send.
    pub request_headers: Allowed,
    /// The headers of answers that they may read.
    pub response_headers: Allowed,
    /// How long a browser may remember this, in seconds.
    pub max_age: u32,
}

/// Some names, or every one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Every one.
    All,
    /// These.
    Names(Vec<String>),
}

/// The sites that an origin stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Every one.
    Any,
    /// A scheme, a host and a port.
    Site {
        /// The scheme.
        scheme: Scheme,
        /// The host.
        host: OriginHost,
        /// The port: the scheme's own when there is none.
        port: Option<u16>,
    },
}

/// The hosts of an origin, in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OriginHost {
    /// Every one.
    Any,
    /// One.
    Exact(String),
    /// All that have this behind a dot.
    Within(String),
}
