//! TLS on the way to endpoints.

use crate::pem::CertificateChain;

/// How endpoints are connected to over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The hostname that they are asked for (SNI).
    pub server_name: String,
    /// Whose signature makes their certificate good.
    pub authorities: Authorities,
    /// The names of which their certificate must have one: at least one.
    pub names: Vec<SubjectName>,
}

/// Whose signature makes a certificate good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authorities {
    /// These.
    Given(CertificateChain),
    /// Those that the system trusts on which Envoy runs.
    System,
}

/// A name that a certificate may have (its subject alternative name).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectName {
    /// A hostname.
    Host(String),
    /// Any hostname with one label in front of these.
    AnyHostBelow(String),
    /// A URI.
    Uri(String),
}
