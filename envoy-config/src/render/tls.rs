//! TLS from clients to Envoy (`envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext`): server certificates, required
//! client certificates, and the choice of a filter chain by hostname (SNI). [`super::upstream_tls`] is TLS to backends.

use serde::Serialize;
use serde_saphyr::LitString;

use super::extension::{Empty, Extension, Message};
use super::sources::{ConfigSource, Folder, Sources};
use crate::model::{Certificate, ClientCertificates, Cluster, Domain, Listener, Protocol, Site};
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
    #[serde(flatten)]
    certificates: Certificates,
    #[serde(flatten)]
    client_validation: Option<ClientValidation>,
}

/// The certificates, or the files that have them.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Certificates {
    TlsCertificates(Vec<TlsCertificate>),
    TlsCertificateSdsSecretConfigs(Vec<SecretConfig>),
}

/// The CA certificates for client certificates, or the file that has them.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum ClientValidation {
    ValidationContext(Validation),
    ValidationContextSdsSecretConfig(SecretConfig),
}

#[derive(Serialize)]
pub(super) struct SecretConfig {
    name: String,
    sds_config: ConfigSource,
}

/// `envoy.extensions.transport_sockets.tls.v3.Secret`: what a file has for [`SecretConfig`].
#[derive(Serialize)]
pub(super) struct Secret {
    name: String,
    #[serde(flatten)]
    value: SecretValue,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum SecretValue {
    TlsCertificate(TlsCertificate),
    ValidationContext(Validation),
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
pub(super) struct TlsCertificate {
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
    /// `None` if no hostname matters: the inspector makes every connection wait for the first bytes of the client. While Envoy
    /// runs, a hostname may be added, and Envoy would drain a listener that gets an inspector.
    pub(super) fn of(sites: &[Site], sources: Sources<'_>) -> Option<Extension<Self>> {
        let is_fixed = matches!(sources, Sources::Inline);
        let matters = !is_fixed || sites.iter().any(|site| site.domain != Domain::Any);
        matters.then(|| Extension::new("envoy.filters.listener.tls_inspector", Self(Empty {})))
    }
}

impl Message for Secret {
    const TYPE: &'static str = "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.Secret";
}

impl TlsChain {
    pub(super) fn of(site: &Site, listener: &Listener, sources: Sources<'_>) -> Self {
        let certificates = Certificates::of(&site.certificates, sources);
        let client_validation = Validation::of_clients(site).map(|validation| match sources {
            Sources::Inline => ClientValidation::ValidationContext(validation),
            Sources::Files { directory, .. } => ClientValidation::ValidationContextSdsSecretConfig(
                SecretConfig::new(client_validation_name(site, listener), directory),
            ),
        });
        let context = DownstreamTls {
            require_client_certificate: match &site.client_certificates {
                ClientCertificates::NotRequested => None,
                ClientCertificates::Required(_) => Some(true),
                // Set explicitly: Envoy warns that the default will change.
                ClientCertificates::Optional(_) => Some(false),
            },
            common_tls_context: CommonTls {
                // TLS 1.0 and 1.1 are deprecated (RFC 8996).
                tls_params: Parameters { tls_minimum_protocol_version: "TLSv1_2" },
                alpn_protocols: ["h2", "http/1.1"],
                certificates,
                client_validation,
            },
        };
        let names_hostname = site.domain != Domain::Any;
        Self {
            filter_chain_match: names_hostname
                .then(|| FilterChainMatch { server_names: (site.domain.to_string(),) }),
            transport_socket: Extension::new("envoy.transport_sockets.tls", context),
        }
    }
}

impl Certificates {
    /// These certificates, or references to their files.
    pub(super) fn of<'c>(
        certificates: impl IntoIterator<Item = &'c Certificate>,
        sources: Sources<'_>,
    ) -> Self {
        let certificates = certificates.into_iter();
        match sources {
            Sources::Inline => Self::TlsCertificates(certificates.map(TlsCertificate::from).collect()),
            Sources::Files { directory, .. } => Self::TlsCertificateSdsSecretConfigs(
                certificates
                    .map(|certificate| SecretConfig::new(certificate.secret.clone(), directory))
                    .collect(),
            ),
        }
    }
}

impl Secret {
    /// The secrets that Envoy presents to the endpoints of a cluster.
    pub(super) fn of_cluster(cluster: &Cluster) -> impl Iterator<Item = Self> {
        cluster.client_certificates().map(Self::of_certificate)
    }

    fn of_certificate(certificate: &Certificate) -> Self {
        Self {
            name: certificate.secret.clone(),
            value: SecretValue::TlsCertificate(TlsCertificate::from(certificate)),
        }
    }

    /// The secrets that the sites of a listener use.
    pub(super) fn all(listener: &Listener) -> impl Iterator<Item = Self> {
        let sites = match &listener.protocol {
            Protocol::Http { .. } => [].as_slice(),
            Protocol::Https { sites } => sites.as_slice(),
        };
        sites.iter().flat_map(|site| {
            let certificates = site.certificates.iter().map(Self::of_certificate);
            let validation = Validation::of_clients(site).map(|validation| Self {
                name: client_validation_name(site, listener),
                value: SecretValue::ValidationContext(validation),
            });
            certificates.chain(validation)
        })
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }
}

/// The name of the CA certificates for the clients of a site. That of a Secret has one slash.
fn client_validation_name(site: &Site, listener: &Listener) -> String {
    format!("{}/{}/clients", listener.name, site.domain)
}

impl SecretConfig {
    fn new(name: String, directory: &str) -> Self {
        let sds_config = ConfigSource::new(directory, &Folder::Secrets.file(&name, b""));
        Self { name, sds_config }
    }
}

impl Validation {
    fn of_clients(site: &Site) -> Option<Self> {
        match &site.client_certificates {
            ClientCertificates::NotRequested => None,
            ClientCertificates::Required(ca_certificates) => Some(Self::of(ca_certificates, None)),
            ClientCertificates::Optional(ca_certificates) => {
                Some(Self::of(ca_certificates, Some("ACCEPT_UNTRUSTED")))
            }
        }
    }

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
