//! TLS from Envoy to endpoints (`envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext`).
//!
//! The endpoints of one cluster can use different TLS settings, plaintext, or an internal listener. So the cluster lists a
//! transport socket for each TLS setting, and each endpoint selects one by a label in its metadata.

use std::sync::Arc;

use serde::Serialize;
use serde_saphyr::LitString;

use super::extension::{Extension, Message};
use super::sources::Sources;
use super::string_matcher::StringMatcher;
use super::tls::Certificates;
use crate::model::{CaCertificates, Cluster, HttpVersion, SubjectName, UpstreamTls};

/// `envoy.config.cluster.v3.Cluster.TransportSocketMatch`
#[derive(Serialize)]
pub(super) struct SocketMatch {
    name: String,
    #[serde(rename = "match")]
    label: SocketLabel,
    transport_socket: Extension<UpstreamContext>,
}

/// The label that selects a transport socket, in a [`SocketMatch`] and in the metadata of an endpoint.
#[derive(Clone, Serialize)]
pub(super) struct SocketLabel {
    tls: String,
}

#[derive(Serialize)]
pub(super) struct UpstreamContext {
    common_tls_context: CommonTls,
    sni: String,
}

#[derive(Serialize)]
struct CommonTls {
    tls_params: Parameters,
    alpn_protocols: [&'static str; 1],
    #[serde(flatten)]
    certificates: Option<Certificates>,
    validation_context: Validation,
}

#[derive(Serialize)]
struct Parameters {
    tls_minimum_protocol_version: &'static str,
}

#[derive(Serialize)]
struct Validation {
    trusted_ca: DataSource,
    match_typed_subject_alt_names: Vec<NameMatcher>,
}

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum DataSource {
    InlineString(LitString),
    Filename(String),
}

#[derive(Serialize)]
struct NameMatcher {
    san_type: &'static str,
    matcher: StringMatcher,
}

impl Message for UpstreamContext {
    const TYPE: &'static str =
        "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext";
}

/// The TLS settings in a cluster, each once, in the order of its localities.
fn distinct(cluster: &Cluster) -> Vec<&Arc<UpstreamTls>> {
    let mut distinct: Vec<&Arc<UpstreamTls>> = Vec::new();
    for tls in cluster.localities.iter().filter_map(|locality| locality.tls.as_ref()) {
        if !distinct.contains(&tls) {
            distinct.push(tls);
        }
    }
    distinct
}

impl SocketMatch {
    /// One for each TLS setting in a cluster.
    pub(super) fn all(cluster: &Cluster, system_authorities: &str, sources: Sources<'_>) -> Vec<Self> {
        let socket = |(number, tls): (usize, &Arc<UpstreamTls>)| Self {
            name: tls.server_name.clone(),
            label: SocketLabel::numbered(number),
            transport_socket: Extension::new(
                "envoy.transport_sockets.tls",
                UpstreamContext::new(tls, cluster.version, system_authorities, sources),
            ),
        };
        distinct(cluster).into_iter().enumerate().map(socket).collect()
    }
}

impl SocketLabel {
    /// The label of this TLS setting.
    pub(super) fn of(tls: &Arc<UpstreamTls>, cluster: &Cluster) -> Option<Self> {
        distinct(cluster).into_iter().position(|one| one == tls).map(Self::numbered)
    }

    fn numbered(number: usize) -> Self {
        Self { tls: format!("tls-{number}") }
    }
}

impl UpstreamContext {
    fn new(tls: &UpstreamTls, version: HttpVersion, system_authorities: &str, sources: Sources<'_>) -> Self {
        let trusted_ca = match &tls.ca_certificates {
            CaCertificates::Given(certificates) => {
                DataSource::InlineString(LitString(certificates.as_str().to_owned()))
            }
            CaCertificates::System => DataSource::Filename(system_authorities.to_owned()),
        };
        Self {
            common_tls_context: CommonTls {
                // TLS 1.0 and 1.1 are deprecated (RFC 8996).
                tls_params: Parameters { tls_minimum_protocol_version: "TLSv1_2" },
                alpn_protocols: match version {
                    HttpVersion::Http1 => ["http/1.1"],
                    HttpVersion::Http2 => ["h2"],
                },
                certificates: tls
                    .client_certificate
                    .as_deref()
                    .map(|certificate| Certificates::of([certificate], sources)),
                validation_context: Validation {
                    trusted_ca,
                    match_typed_subject_alt_names: tls.names.iter().map(NameMatcher::from).collect(),
                },
            },
            sni: tls.server_name.clone(),
        }
    }
}

impl From<&SubjectName> for NameMatcher {
    fn from(name: &SubjectName) -> Self {
        match name {
            SubjectName::Host(name) => Self { san_type: "DNS", matcher: StringMatcher::Exact(name.clone()) },
            // A wildcard stands for one label (RFC 9525 section 6.3). A certificate may contain the wildcard itself.
            SubjectName::AnyHostBelow(suffix) => {
                let regex = format!(r"[^.]+\.{}", suffix.replace('.', r"\."));
                Self { san_type: "DNS", matcher: StringMatcher::regex(regex) }
            }
            SubjectName::Uri(uri) => Self { san_type: "URI", matcher: StringMatcher::Exact(uri.clone()) },
        }
    }
}
