//! Filters of rules: what happens to a request on its way, and to its answer (Gateway API, `HTTPRouteFilter`).

use crate::source::Spanned;

/// A filter.
#[derive(Clone, Debug)]
pub enum Filter {
    /// `RequestHeaderModifier`.
    RequestHeaders(HeaderModifier),
    /// `ResponseHeaderModifier`.
    ResponseHeaders(HeaderModifier),
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
