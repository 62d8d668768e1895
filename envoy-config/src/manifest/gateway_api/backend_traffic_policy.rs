//! `XBackendTrafficPolicy` (gateway.networking.x-k8s.io/v1alpha1): only session persistence is supported.

use super::policy_target::{TargetRef, target_ref};
use super::session_persistence::{self, SessionPersistence};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::source::Span;

/// An `XBackendTrafficPolicy` (`gateway.networking.x-k8s.io/v1alpha1`).
#[derive(Clone, Debug)]
pub struct BackendTrafficPolicy {
    /// `targetRefs`: at least one, each once.
    pub targets: Vec<TargetRef>,
    /// `retryConstraint`, which is not supported: a policy with it is not applied.
    pub retry_constraint: Option<Span>,
    /// `sessionPersistence`.
    pub session_persistence: Option<SessionPersistence>,
}

const BACKEND_TRAFFIC: Known =
    Known { read: &["targetRefs", "retryConstraint", "sessionPersistence"], unread: &[], unsupported: &[] };

/// `spec` of an `XBackendTrafficPolicy`.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<BackendTrafficPolicy> {
    let fields = Fields::of(at, &BACKEND_TRAFFIC, findings)?;
    let targets = fields.required("targetRefs", findings, |at, findings| {
        let targets = list(at, 1..=16, findings, target_ref)?;
        let names =
            targets.iter().map(|one| ((&one.group.value, &one.kind.value, &one.name.value), one.span));
        unique(&at, "target", names, findings);
        Some(targets)
    });
    let session_persistence = fields.optional("sessionPersistence", findings, session_persistence::read);
    let retry_constraint = fields.entry("retryConstraint").map(|entry| entry.key.span);
    Some(BackendTrafficPolicy { targets: targets?, retry_constraint, session_persistence })
}
