//! `SessionPersistencePolicy`, a kind of this project (session-persistence.dev/v1alpha1): settings of sessions that the Gateway API
//! does not have. It applies to rules with session persistence, and starts none itself.

use session_persistence::config::OnEndpointLost;

use super::policy_targets::{self, Targets};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::{boolean, word};
use crate::source::Spanned;

/// The API group.
pub const GROUP: &str = "session-persistence.dev";

/// `spec` of a `SessionPersistencePolicy`. Settings that are left out have their defaults.
#[derive(Clone, Debug)]
pub struct SessionPersistencePolicy {
    /// `targetRefs`.
    pub targets: Targets,
    /// `onEndpointLost`.
    pub on_endpoint_lost: OnEndpointLost,
    /// `exposeHeader`, if it is set to true.
    pub expose_header: Option<Spanned<()>>,
}

const POLICY: Known =
    Known { read: &["targetRefs", "onEndpointLost", "exposeHeader"], unread: &[], unsupported: &[] };

/// `spec` of a `SessionPersistencePolicy`.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<SessionPersistencePolicy> {
    let fields = Fields::of(at, &POLICY, findings)?;
    let refs = fields.required("targetRefs", findings, policy_targets::refs);
    let words = [("Rebalance", OnEndpointLost::Rebalance), ("Reject", OnEndpointLost::Reject)];
    let on_endpoint_lost = fields.optional("onEndpointLost", findings, word(&words));
    let expose_header = fields.optional("exposeHeader", findings, |at, findings| {
        Some(Spanned { value: boolean(at, findings)?, span: at.span() })
    });
    Some(SessionPersistencePolicy {
        targets: Targets { refs: refs?, selectors: Vec::new() },
        on_endpoint_lost: on_endpoint_lost.map(|lost| lost.value).unwrap_or_default(),
        expose_header: expose_header
            .filter(|expose| expose.value)
            .map(|expose| Spanned { value: (), span: expose.span }),
    })
}
