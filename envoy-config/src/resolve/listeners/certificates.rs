//! The certificates of each listener (Gateway API, `ListenerTLSConfig.certificateRefs`).
//!
//! A certificateRef that does not resolve, or names a certificate that Envoy cannot use, is an error. A
//! listener without a valid certificate is not served, because no client could connect to it. No other
//! listener on the port serves its hostname instead.

use std::collections::HashMap;
use std::sync::Arc;

use super::addresses::{BoundAddress, Handshake, Security};
use super::client_certificates::ClientValidations;
use super::section::{Owner, Section};
use crate::diagnostic::Code;
use crate::manifest::Manifests;
use crate::manifest::core::secret::Secret;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::gateway::{Protocol, Tls};
use crate::model::{Certificate, ClientCertificates};
use crate::resolve::references::certificate::CertificateReference;
use crate::resolve::references::grants::Grants;
use crate::resolve::references::lookup::Objects;
use crate::resolve::status::decisions::{ObjectKey, Part};
use crate::resolve::status::report::Report;
use crate::status::{ConditionType, Reason};

/// Adds the certificates of the listeners, and those that Gateways present to backends. Addresses without any certificate
/// are left out.
pub(in crate::resolve) fn resolve<'m>(
    bounds: Vec<BoundAddress<'m>>,
    manifests: &'m Manifests,
    grants: &Grants<'m>,
    report: &mut Report,
) -> Vec<BoundAddress<'m>> {
    let secrets: Objects<'m, Secret> = Objects::index(&manifests.secrets);
    let for_backends = for_backends(manifests, &secrets, grants, report);
    let validations = ClientValidations::find(&bounds, manifests, grants, report);
    let bounds = bounds.into_iter().filter_map(|bound| {
        let for_backends = for_backends.get(&bound.gateway.metadata.key()).cloned();
        secured(BoundAddress { for_backends, ..bound }, &secrets, &validations, grants, report)
    });
    bounds.collect()
}

/// The client certificates that Gateways present to backends (Gateway API, `GatewayBackendTLS`), by Gateway. A Gateway whose
/// reference does not resolve presents none: a backend that requires one rejects its connections.
fn for_backends<'m>(
    manifests: &'m Manifests,
    secrets: &Objects<'m, Secret>,
    grants: &Grants<'m>,
    report: &mut Report,
) -> HashMap<(&'m str, &'m str), Arc<Certificate>> {
    let mut found = HashMap::new();
    for gateway in &manifests.gateways {
        let Some(certificate) = &gateway.spec.client_certificate else { continue };
        if report.decisions.is_selected(&ObjectKey::of(gateway)) {
            let reference = CertificateReference {
                group: GATEWAY_API,
                kind: gateway.kind,
                metadata: &gateway.metadata,
                certificate: &certificate.value,
                part: Part::Whole,
                invalid: Reason::InvalidClientCertificateRef,
                field: String::from("spec.tls.backend.clientCertificateRef"),
            };
            let certificate = reference.resolve(secrets, grants, report);
            found.extend(certificate.map(|certificate| (gateway.metadata.key(), Arc::new(certificate))));
        }
    }
    found
}

fn secured<'m>(
    bound: BoundAddress<'m>,
    secrets: &Objects<'m, Secret>,
    validations: &ClientValidations<'m>,
    grants: &Grants<'m>,
    report: &mut Report,
) -> Option<BoundAddress<'m>> {
    if !bound.listeners.iter().any(Section::is_secure) {
        return Some(bound);
    }
    let own = |section: &Section<'m>| {
        let certificates = of(*section, secrets, grants, report);
        match validations.of(section) {
            Some(client_certificates) => Handshake { certificates, client_certificates },
            // Without CA certificates it could not reject any client, so it is not served.
            None => {
                Handshake { certificates: Vec::new(), client_certificates: ClientCertificates::NotRequested }
            }
        }
    };
    let handshakes: Vec<_> = bound.listeners.iter().map(own).collect();
    let any = handshakes.iter().any(Handshake::is_served);
    any.then_some(BoundAddress { security: Security::Tls(handshakes), ..bound })
}

/// The certificates of a listener, without duplicates; empty if it cannot be served.
fn of<'m>(
    section: Section<'m>,
    secrets: &Objects<'m, Secret>,
    grants: &Grants<'m>,
    report: &mut Report,
) -> Vec<Certificate> {
    let protocol = &section.listener.protocol;
    let Protocol::Https(Tls { certificates: references, options, .. }) = &protocol.value else {
        return Vec::new();
    };
    let mut certificates: Vec<Certificate> = Vec::new();
    for (number, certificate) in references.iter().enumerate() {
        let field = format!("{}.tls.certificateRefs[{number}]", section.path());
        let part = Part::Listener(section.position);
        let Owner { kind, metadata, .. } = section.owner;
        let reference = CertificateReference {
            group: GATEWAY_API,
            kind,
            metadata,
            certificate,
            part,
            invalid: Reason::InvalidCertificateRef,
            field,
        };
        let found = reference.resolve(secrets, grants, report);
        // Two Secrets can hold the same certificate.
        let is_known = |found: &Certificate| {
            certificates.iter().any(|known| known.chain == found.chain && known.key == found.key)
        };
        let found = found.filter(|found| !is_known(found));
        certificates.extend(found);
    }
    for option in options {
        let field = format!(".tls.options[{:?}]", option.value);
        let place = section.against(&field, option.span, ConditionType::Accepted, Reason::UnsupportedValue);
        let message =
            format!("TLS option `{}` is not supported, so the listener is not served", option.value);
        report.error(Code::NotSupported, place, message);
    }
    if !options.is_empty() {
        // Clients may rely on the option, for example on a minimum TLS version.
        return Vec::new();
    }
    if references.is_empty() {
        let reason = Reason::InvalidCertificateRef;
        let place = section.against(".tls", protocol.span, ConditionType::ResolvedRefs, reason);
        let message =
            "`tls` is missing: protocol `HTTPS` requires a certificate, so the listener is not served";
        let error = report.error(Code::MissingField, place, String::from(message));
        error.hint = Some(String::from("add `tls: {certificateRefs: [{name: SECRET}]}`"));
    }
    certificates
}
