//! TLS to endpoints.

use std::sync::Arc;

use super::Certificate;
use crate::pem::CertificateChain;

/// How Envoy connects to endpoints over TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamTls {
    /// The hostname that Envoy sends (SNI).
    pub server_name: String,
    /// The CA certificates that Envoy trusts.
    pub ca_certificates: CaCertificates,
    /// The certificate must have one of these names: at least one.
    pub names: Vec<SubjectName>,
    /// The certificate that Envoy presents if the endpoint asks for one.
    pub client_certificate: Option<Arc<Certificate>>,
}

/// The CA certificates that Envoy trusts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CaCertificates {
    /// These.
    Given(CertificateChain),
    /// Those of the system that Envoy runs on.
    System,
}

/// A subject alternative name of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectName {
    /// A hostname.
    Host(String),
    /// Any hostname with one label before this suffix.
    AnyHostBelow(String),
    /// A URI.
    Uri(String),
}
