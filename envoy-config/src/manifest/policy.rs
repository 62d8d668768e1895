//! Policies that say how requests go to backends (GEP-713, direct policy attachment).

use super::gateway::Hostname;
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
    /// `sectionName`: a part of the object.
    pub section_name: Option<Spanned<String>>,
    /// The whole reference.
    pub span: Span,
}

/// A BackendTLSPolicy: how backends are connected to over TLS.
#[derive(Clone, Debug)]
pub struct BackendTlsPolicy {
    /// `targetRefs`: at least one, each once.
    pub targets: Vec<TargetRef>,
    /// `validation.caCertificateRefs` or `validation.wellKnownCACertificates`.
    pub authorities: Authorities,
    /// `validation.hostname`.
    pub hostname: String,
    /// `validation.subjectAltNames`: none means `hostname`.
    pub names: Vec<SubjectAltName>,
}

/// Whose signature makes a backend's certificate good.
#[derive(Clone, Debug)]
pub enum Authorities {
    /// Those that the objects hold: at least one.
    Refs(Vec<AuthorityRef>),
    /// Those that the system of the Gateway trusts.
    System,
}

/// A reference to certificates of authorities, in the policy's own namespace.
#[derive(Clone, Debug)]
pub struct AuthorityRef {
    /// `group`: empty for core.
    pub group: Spanned<String>,
    /// `kind`.
    pub kind: Spanned<String>,
    /// `name`.
    pub name: Spanned<String>,
}

/// A name that a certificate may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectAltName {
    /// `hostname`.
    Hostname(Hostname),
    /// `uri`.
    Uri(String),
}
