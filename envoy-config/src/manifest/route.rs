//! HTTPRoute.

use super::gateway::Hostname;
use super::session::SessionPersistence;
use crate::source::{Span, Spanned};

/// An HTTPRoute.
#[derive(Clone, Debug)]
pub struct HttpRoute {
    /// `parentRefs`.
    pub parent_refs: Vec<ParentRef>,
    /// `hostnames`; none means those of the listener.
    pub hostnames: Vec<Spanned<Hostname>>,
    /// `rules`: one that matches every path by default.
    pub rules: Vec<Rule>,
}

/// A reference to a Gateway, or to some of its listeners.
#[derive(Clone, Debug)]
pub struct ParentRef {
    /// `namespace`: the route's own when left out.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Spanned<String>,
    /// `sectionName`: a listener's name.
    pub section_name: Option<Spanned<String>>,
    /// `port`: a listener's port.
    pub port: Option<Spanned<u16>>,
    /// The whole reference.
    pub span: Span,
}

/// A rule of a route.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `name`.
    pub name: Option<Spanned<String>>,
    /// `matches`: never empty, since the default is one for the prefix `/`.
    pub matches: Vec<Match>,
    /// `backendRefs`.
    pub backend_refs: Vec<BackendRef>,
    /// `sessionPersistence`.
    pub session_persistence: Option<SessionPersistence>,
    /// The whole rule.
    pub span: Span,
}

/// A match of a rule: all conditions must hold.
#[derive(Clone, Debug)]
pub struct Match {
    /// `path`: the prefix `/` by default.
    pub path: PathMatch,
    /// `headers`, each name once (the first of equal names counts).
    pub headers: Vec<ValueMatch>,
    /// `queryParams`, each name once.
    pub query_params: Vec<ValueMatch>,
    /// `method`.
    pub method: Option<Spanned<String>>,
    /// The whole match.
    pub span: Span,
}

/// A path match. Regular expressions are ones that RE2 reads as Rust does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// `Exact`.
    Exact(String),
    /// `PathPrefix`, as written.
    Prefix(String),
    /// `RegularExpression`.
    Regex(String),
}

/// A header or query parameter match.
#[derive(Clone, Debug)]
pub struct ValueMatch {
    /// `name`; of headers in lower case.
    pub name: Spanned<String>,
    /// `type` and `value`.
    pub value: TextMatch,
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// `Exact`.
    Exact(String),
    /// `RegularExpression`, one that RE2 reads as Rust does.
    Regex(String),
}

/// A reference to a backend.
#[derive(Clone, Debug)]
pub struct BackendRef {
    /// `group`: empty for core.
    pub group: Spanned<String>,
    /// `kind`: `Service` by default.
    pub kind: Spanned<String>,
    /// `namespace`: the route's own when left out.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Spanned<String>,
    /// `port`: always there for a Service.
    pub port: Option<Spanned<u16>>,
    /// `weight`: 1 by default, at most 1,000,000.
    pub weight: Spanned<u32>,
    /// The whole reference.
    pub span: Span,
}
