//! The CA certificates that a reference names (Gateway API, `caCertificateRefs`): those in a ConfigMap, under the key `ca.crt`, or
//! in a ClusterTrustBundle.

use super::lookup::{Objects, Scope, Unresolved};
use crate::diagnostic::Code;
use crate::manifest::cluster_trust_bundle::ClusterTrustBundle;
use crate::manifest::core::config_map::ConfigMap;
use crate::pem::CertificateChain;
use crate::resolve::status::report::Report;
use crate::x509;

/// The certificates in the ConfigMap of this name.
///
/// # Errors
/// There is no such ConfigMap, or it has no certificates that Envoy can use.
pub(in crate::resolve) fn find(
    maps: &Objects<'_, ConfigMap>,
    namespace: &str,
    name: &str,
    scope: Scope,
    report: &Report,
) -> Result<CertificateChain, Unresolved> {
    let map = maps.find(namespace, name, scope, report)?;
    let invalid =
        |message| Unresolved::new(Code::InvalidCertificate, message).found::<ConfigMap>(&map.metadata);
    let Some(text) = &map.spec.ca_certificates else {
        let message = format!("ConfigMap `{namespace}/{name}` has no key `ca.crt`");
        return Err(
            invalid(message).hint("put the CA certificates, in PEM format, under the key `ca.crt` in `data`")
        );
    };
    x509::ca_certificates(text.value.as_bytes())
        .map_err(|problem| invalid(format!("`ca.crt` of ConfigMap `{namespace}/{name}` {problem}")))
}

/// The certificates in the ClusterTrustBundle of this name.
///
/// # Errors
/// There is no such bundle, or it has no certificates that Envoy can use.
pub(in crate::resolve) fn find_bundle(
    bundles: &Objects<'_, ClusterTrustBundle>,
    name: &str,
    report: &Report,
) -> Result<CertificateChain, Unresolved> {
    let bundle = bundles.find("", name, Scope::AllNamespaces, report)?;
    x509::ca_certificates(bundle.spec.trust_bundle.value.as_bytes()).map_err(|problem| {
        let message = format!("`trustBundle` of ClusterTrustBundle `{name}` {problem}");
        Unresolved::new(Code::InvalidCertificate, message).found::<ClusterTrustBundle>(&bundle.metadata)
    })
}
