//! HTTPRoute and GRPCRoute: they differ in their matches alone.

use super::filter::Filter;
use super::gateway::Hostname;
use super::retry::{Retry, Timeouts};
use super::session::SessionPersistence;
use crate::source::{Span, Spanned};

/// An HTTPRoute or a GRPCRoute.
#[derive(Clone, Debug)]
pub struct Route {
    /// Which of them.
    pub kind: RouteKind,
    /// `parentRefs`.
    pub parent_refs: Vec<ParentRef>,
    /// `useDefaultGateways`: `None` by default. The Gateways themselves are among the parentRefs.
    pub use_default_gateways: Spanned<DefaultScope>,
    /// `hostnames`; none means those of the listener.
    pub hostnames: Vec<Spanned<Hostname>>,
    /// `rules`: one that matches every path by default.
    pub rules: Vec<Result<Rule, UnusableRule>>,
}

/// A rule that has to be left out: the API server takes it, but something in it cannot be served.
#[derive(Clone, Debug)]
pub struct UnusableRule {
    /// What is wrong with it, which has been said.
    pub problem: String,
    /// The whole rule.
    pub span: Span,
}

/// The kind of a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RouteKind {
    /// HTTPRoute.
    Http,
    /// GRPCRoute.
    Grpc,
}

/// A reference to a Gateway, or to some of its listeners.
#[derive(Clone, Debug)]
pub struct ParentRef {
    /// `group` and `kind`.
    pub kind: ParentKind,
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

/// What a parentRef refers to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParentKind {
    /// A Gateway.
    Gateway,
    /// A Gateway that the route does not name: it asks for the default ones (`useDefaultGateways: All`), and the Gateway is
    /// one (`defaultScope: All`).
    DefaultGateway,
    /// Another kind, which has no listeners here: a Service, say.
    Other {
        /// Its group, empty for Kubernetes' own.
        group: String,
        /// Its kind.
        kind: String,
    },
}

/// Which default Gateways take a route, or which routes a Gateway takes by default (GEP-3793).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DefaultScope {
    /// None.
    None,
    /// All.
    All,
}

/// A rule of a route.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `name`.
    pub name: Option<Spanned<String>>,
    /// `matches`, of the route's kind: never empty, since the default is one for every request.
    pub matches: Vec<Match>,
    /// `filters`, in their order; those that cannot be repeated are there once.
    pub filters: Vec<Spanned<Filter>>,
    /// `backendRefs`.
    pub backend_refs: Vec<BackendRef>,
    /// `timeouts`.
    pub timeouts: Timeouts,
    /// `retry`.
    pub retry: Option<Spanned<Retry>>,
    /// `sessionPersistence`.
    pub session_persistence: Option<SessionPersistence>,
    /// The whole rule.
    pub span: Span,
}

/// A match of a rule.
#[derive(Clone, Debug)]
pub enum Match {
    /// Of an HTTPRoute.
    Http(HttpMatch),
    /// Of a GRPCRoute.
    Grpc(GrpcMatch),
}

/// A match of an HTTPRoute: all conditions must hold.
#[derive(Clone, Debug)]
pub struct HttpMatch {
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

/// A match of a GRPCRoute: all conditions must hold.
#[derive(Clone, Debug)]
pub struct GrpcMatch {
    /// `method.service`, as `package.Service`; regular expressions without anchors.
    pub service: Option<TextMatch>,
    /// `method.method`; regular expressions without anchors.
    pub method: Option<TextMatch>,
    /// `headers`, each name once (the first of equal names counts).
    pub headers: Vec<ValueMatch>,
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
    /// `filters`: those of the rule come first.
    pub filters: Vec<Spanned<Filter>>,
    /// The whole reference.
    pub span: Span,
}

impl RouteKind {
    /// As in a manifest.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTPRoute",
            Self::Grpc => "GRPCRoute",
        }
    }
}
