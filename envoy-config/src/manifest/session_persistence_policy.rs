//! `SessionPersistencePolicy`, a kind of this project (session-persistence.dev/v1alpha1): settings of sessions that the Gateway API
//! does not have. It applies to rules with session persistence, and starts none itself.
//!
//! Each family of fields has a file: `cookie` the attributes of the cookie, `endpoints` what a session does if its endpoint is
//! lost, `requests` which requests have one, `visibility` who sees its token, `backend` what the backend's own session has to do
//! with it.

mod backend;
mod cookie;
mod endpoints;
mod requests;
mod visibility;

pub use self::backend::Backend;
pub use self::cookie::{Cookie, Prefix, Secure};
pub use self::endpoints::Endpoints;
pub use self::requests::Requests;
pub use self::visibility::Visibility;
use super::policy_targets::{self, Targets};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;

/// The API group.
pub const GROUP: &str = "session-persistence.dev";

/// `spec` of a `SessionPersistencePolicy`. Settings that are left out have their defaults.
#[derive(Clone, Debug)]
pub struct SessionPersistencePolicy {
    /// `targetRefs`.
    pub targets: Targets,
    /// `cookie`.
    pub cookie: Option<Cookie>,
    /// What a session does if its endpoint is lost.
    pub endpoints: Endpoints,
    /// Which requests have one.
    pub requests: Requests,
    /// Who sees its token.
    pub visibility: Visibility,
    /// The part that backends have in it.
    pub backend: Backend,
}

const POLICY: Known = Known {
    read: &[
        "targetRefs",
        "cookie",
        // `endpoints`
        "onEndpointLost",
        // `requests`
        "ignore",
        // `visibility`
        "exposeHeader",
        "cacheable",
        // `backend`
        "envelope",
    ],
    unread: &[],
    unsupported: &[],
};

/// `spec` of a `SessionPersistencePolicy`.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<SessionPersistencePolicy> {
    let fields = Fields::of(at, &POLICY, findings)?;
    let refs = fields.required("targetRefs", findings, policy_targets::refs);
    let cookie = fields.optional("cookie", findings, cookie::read);
    let endpoints = Endpoints::read(&fields, findings);
    let requests = Requests::read(&fields, findings);
    let visibility = Visibility::read(&fields, findings);
    let backend = Backend::read(&fields, findings);
    Some(SessionPersistencePolicy {
        targets: Targets { refs: refs?, selectors: Vec::new() },
        cookie,
        endpoints,
        requests,
        visibility,
        backend,
    })
}
