//! `sessionPersistence`, in both shapes that are in use.
//!
//! Gateway API 1.1 to 1.6 has `{sessionName, absoluteTimeout, idleTimeout, type, cookieConfig.lifetimeType}`; the newer
//! shape is `{type, absoluteTimeout, cookie{name, path, lifetimeType}, header{name}}`. What is here means the same for
//! both; which one it was shows only in the cookie's path. `idleTimeout` is taken in both, and fields that belong to both
//! (`{}`, `{type: Cookie}`) are the older shape.

use session_persistence::config::{CookieName, CookiePath, HeaderName, Lifetime, Timeout};

use crate::source::{Span, Spanned};

/// The session persistence of a rule (GEP-1619).
#[derive(Clone, Debug)]
pub struct SessionPersistence {
    /// `type` and what belongs to it.
    pub carrier: Carrier,
    /// `absoluteTimeout`, in whole seconds.
    pub absolute_timeout: Option<Spanned<Timeout>>,
    /// `idleTimeout`, in whole seconds.
    pub idle_timeout: Option<Spanned<Timeout>>,
    /// The whole field.
    pub span: Span,
}

/// What carries the sessions of a rule.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// `Cookie`, the default.
    Cookie {
        /// The name, if it has one.
        name: Option<Spanned<CookieName>>,
        /// The path.
        path: Path,
        /// `lifetimeType`: `Session` by default.
        lifetime: Lifetime,
    },
    /// `Header`. Only the older shape can leave its name out.
    Header {
        /// The name, if it has one.
        name: Option<Spanned<HeaderName>>,
    },
}

/// The path of a session cookie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Path {
    /// The newer shape's `cookie.path`, or its default `/`.
    Given(CookiePath),
    /// The older shape has no such field: the path of an HTTPRoute's match, `/` in a GRPCRoute.
    OfMatch,
}
