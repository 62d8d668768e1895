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
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::{At, FieldPath};
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
        "hideFromBackend",
        "cacheable",
        // `backend`
        "envelope",
        "startOn",
        "endOn",
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
    if let Some(envelope) = &backend.envelope {
        let start_on = backend.start_on.as_ref().map(|signal| signal.span);
        let hidden = visibility.hide_from_backend.as_ref().map(|hidden| hidden.span);
        for (field, span, message) in [
            (
                "startOn",
                start_on,
                "with `envelope`, a session starts when the backend sets the session header",
            ),
            ("hideFromBackend", hidden, "with `envelope`, backends get their own value instead of the token"),
        ] {
            if let Some(span) = span {
                let error = Diagnostic::error(Code::ConflictingFields, span, message);
                let error =
                    error.related(envelope.span, "set here").hint(format!("remove `{field}` or `envelope`"));
                findings.add(FieldPath::Field(&at.path, field).place(error));
            }
        }
    }
    Some(SessionPersistencePolicy {
        targets: Targets { refs: refs?, selectors: Vec::new() },
        cookie,
        endpoints,
        requests,
        visibility,
        backend,
    })
}
