//! Policies that say how requests go to backends (GEP-713, direct policy attachment).

use super::session::SessionPersistence;
use crate::source::{Span, Spanned};

/// An `XBackendTrafficPolicy` (`gateway.networking.x-k8s.io/v1alpha1`).
#[derive(Clone, Debug)]
pub struct BackendTrafficPolicy {
    /// `targetRefs`: at least one, each once.
    pub targets: Vec<TargetRef>,
    /// `retryConstraint`, if it is there: it is not honoured, so the policy is not either.
    pub retry_constraint: Option<Span>,
    /// `sessionPersistence`.
    pub session_persistence: Option<SessionPersistence>,
}

/// A reference to what a policy is for: an object in the policy's own namespace.
#[derive(Clone, Debug)]
pub struct TargetRef {
    /// `group`: empty for core.
    pub group: Spanned<String>,
    /// `kind`.
    pub kind: Spanned<String>,
    /// `name`.
    pub name: Spanned<String>,
    /// The whole reference.
    pub span: Span,
}
