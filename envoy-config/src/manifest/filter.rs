//! Filters of rules: what happens to a request on its way, and to its answer (Gateway API, `HTTPRouteFilter`).

use super::route::BackendRef;
use crate::http_value::{Cors, RedirectStatus, Scheme};
use crate::source::Spanned;

/// A filter.
#[derive(Clone, Debug)]
pub enum Filter {
    /// `RequestHeaderModifier`.
    RequestHeaders(HeaderModifier),
    /// `ResponseHeaderModifier`.
    ResponseHeaders(HeaderModifier),
    /// `RequestRedirect`.
    Redirect(RequestRedirect),
    /// `URLRewrite`.
    Rewrite(UrlRewrite),
    /// `RequestMirror`.
    Mirror(Box<RequestMirror>),
    /// `CORS`: in the words of its standard.
    Cors(Cors),
    /// `ExtensionRef`: the kind, with its group, that nobody here knows.
    Extension(String),
    /// `ExternalAuth`.
    ExternalAuth,
}

/// What changes in the headers of a message. Each header is in one of the lists, once.
#[derive(Clone, Debug, Default)]
pub struct HeaderModifier {
    /// `set`.
    pub set: Vec<Header>,
    /// `add`.
    pub add: Vec<Header>,
    /// `remove`: names in lower case.
    pub remove: Vec<Spanned<String>>,
}

/// A header.
#[derive(Clone, Debug)]
pub struct Header {
    /// `name`, in lower case.
    pub name: Spanned<String>,
    /// `value`.
    pub value: String,
}

/// The answer to a request that is to be asked elsewhere.
#[derive(Clone, Debug)]
pub struct RequestRedirect {
    /// `scheme`: the request's when left out.
    pub scheme: Option<Scheme>,
    /// `hostname`: the request's when left out.
    pub hostname: Option<String>,
    /// `path`: the request's when left out.
    pub path: Option<PathModifier>,
    /// `port`: that of the scheme or of the listener when left out.
    pub port: Option<u16>,
    /// `statusCode`: 302 by default.
    pub status: RedirectStatus,
}

/// What changes in the address of a request on its way.
#[derive(Clone, Debug)]
pub struct UrlRewrite {
    /// `hostname`.
    pub hostname: Option<String>,
    /// `path`.
    pub path: Option<PathModifier>,
}

/// A copy of requests for another backend.
#[derive(Clone, Debug)]
pub struct RequestMirror {
    /// `backendRef`: its weight means nothing.
    pub backend: BackendRef,
    /// `percent` or `fraction`, in millionths: all requests by default.
    pub millionths: u32,
}

/// What changes in a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathModifier {
    /// `ReplaceFullPath`.
    Full(String),
    /// `ReplacePrefixMatch`, as written: empty, or absolute. The rule has one match, for a prefix.
    Prefix(String),
}

impl Filter {
    /// What it changes in the path of an address, if it does.
    #[must_use]
    pub fn path(&self) -> Option<&PathModifier> {
        match self {
            Self::Redirect(RequestRedirect { path, .. }) | Self::Rewrite(UrlRewrite { path, .. }) => {
                path.as_ref()
            }
            Self::RequestHeaders(_)
            | Self::ResponseHeaders(_)
            | Self::Mirror(_)
            | Self::Cors(_)
            | Self::Extension(_)
            | Self::ExternalAuth => None,
        }
    }
}
