//! TLS from clients to Envoy (`envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`): server certificates, required
//! client certificates, and the choice of a filter chain by hostname (SNI). [`super::upstream_tls`] is TLS to backends.

use serde::Serialize;
use serde_saphyr::LitString;

use super::extension::{Empty, Extension, Message};
use crate::model::{Certificate, ClientCertificates, Domain, Site};
use crate::pem::CertificateChain;

/// Reads the hostname (SNI) of the handshake, by which Envoy chooses the filter chain.
#[derive(Serialize)]
pub(super) struct TlsInspector(Empty);

/// The TLS fields of a filter chain.
#[derive(Serialize)]
pub(super) struct TlsChain {
    #[serde(skip_serializing_if = "Option::is_none")]
    filter_chain_match: Option<FilterChainMatch>,
    transport_socket: Extension<DownstreamTls>,
}

#[derive(Serialize)]
struct FilterChainMatch {
    server_names: (String,),
}

#[derive(Serialize)]
struct DownstreamTls {
    #[serde(skip_serializing_if = "Option::is_none")]
    require_client_certificate: Option<bool>,
    common_tls_context: CommonTls,
}

#[derive(Serialize)]
struct CommonTls {
    tls_params: Parameters,
    alpn_protocols: [&'static str; 2],
    tls_certificates: Vec<TlsCertificate>,
    #[serde(skip_serializing_if = "Option::is_none")]
    validation_context: Option<Validation>,
}

#[derive(Serialize)]
struct Validation {
    trusted_ca: Inline,
    #[serde(skip_serializing_if = "Option::is_none")]
    trust_chain_verification: Option<&'static str>,
}

#[derive(Serialize)]
struct Parameters {
    tls_minimum_protocol_version: &'static str,
}

#[derive(Serialize)]
struct TlsCertificate {
    certificate_chain: Inline,
    private_key: Inline,
}

#[derive(Serialize)]
struct Inline {
    inline_string: LitString,
}

impl Message for TlsInspector {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.filters.listener.tls_inspector.v3.TlsInspector";
}

impl Message for DownstreamTls {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext";
}

impl TlsInspector {
    /// `None` if no hostname matters: the inspector makes every connection wait for the first bytes of the client.
    pub(super) fn of(sites: &[Site]) -> Option<Extension<Self>> {
        let matters = sites.iter().any(|site| site.domain != Domain::Any);
        matters.then(|| Extension::new("envoy.filters.listener.tls_inspector", Self(Empty {})))
    }
}

impl TlsChain {
    pub(super) fn of(site: &Site) -> Self {
        let (require_client_certificate, validation_context) = match &site.client_certificates {
            ClientCertificates::NotRequested => (None, None),
            ClientCertificates::Required(ca_certificates) => {
                (Some(true), Some(Validation::of(ca_certificates, None)))
            }
            // Set explicitly: Envoy warns that the default will change.
            ClientCertificates::Optional(ca_certificates) => {
                (Some(false), Some(Validation::of(ca_certificates, Some("ACCEPT_UNTRUSTED"))))
            }
        };
        let context = DownstreamTls {
            require_client_certificate,
            common_tls_context: CommonTls {
                // TLS 1.0 and 1.1 are deprecated (RFC 8996).
                tls_params: Parameters { tls_minimum_protocol_version: "TLSv1_2" },
                alpn_protocols: ["h2", "http/1.1"],
                tls_certificates: site.certificates.iter().map(TlsCertificate::from).collect(),
                validation_context,
            },
        };
        let server_name = match &site.domain {
            Domain::Exact(name) => Some(name.clone()),
            Domain::Wildcard(suffix) => Some(format!("*.{suffix}")),
            Domain::Any => None,
        };
        Self {
            filter_chain_match: server_name.map(|name| FilterChainMatch { server_names: (name,) }),
            transport_socket: Extension::new("envoy.transport_sockets.tls", context),
        }
    }
}

impl Validation {
    fn of(ca_certificates: &CertificateChain, trust_chain_verification: Option<&'static str>) -> Self {
        let inline_string = LitString(ca_certificates.as_str().to_owned());
        Self { trusted_ca: Inline { inline_string }, trust_chain_verification }
    }
}

impl From<&Certificate> for TlsCertificate {
    fn from(certificate: &Certificate) -> Self {
        let inline = |text: &str| Inline { inline_string: LitString(text.to_owned()) };
        Self {
            certificate_chain: inline(certificate.chain.as_str()),
            // Envoy redacts private keys in its configuration dump.
            private_key: inline(certificate.key.expose()),
        }
    }
}
