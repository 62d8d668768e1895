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
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::core::secret::{Secret, UnusableValue};
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::gateway::{CertificateRef, Protocol, Tls};
use crate::manifest::{Manifests, Object};
use crate::model::{Certificate, ClientCertificates};
use crate::resolve::references::grants::{Grants, KindInNamespace};
use crate::resolve::references::lookup::{Objects, Scope};
use crate::resolve::references::wrong_kind::WrongKind;
use crate::resolve::status::decisions::{ObjectKey, Part};
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};
use crate::x509::{self, Unusable};

/// A certificateRef and its position.
struct Reference<'m> {
    owner: Owner<'m>,
    certificate: &'m CertificateRef,
    /// The part of the object that does not resolve without it.
    part: Part,
    /// The reason if it names no valid certificate.
    invalid: Reason,
    field: String,
}

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
            let reference = Reference {
                owner: Owner::from(gateway),
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
        let reference = Reference {
            owner: section.owner,
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

impl<'m> Reference<'m> {
    fn resolve(
        &self,
        secrets: &Objects<'m, Secret>,
        grants: &Grants<'m>,
        report: &mut Report,
    ) -> Option<Certificate> {
        let CertificateRef { group, kind: referent, namespace, name } = self.certificate;
        if !group.value.is_empty() || referent.value != "Secret" {
            let wrong = WrongKind::of(group, referent, "certificates", String::from("refer to a Secret"));
            let place = self.invalid(wrong.field, wrong.span);
            report.error(Code::NotSupported, place, wrong.message).hint = wrong.hint;
            return None;
        }
        let (kind, own, _) = self.owner.key();
        let (target, span) = namespace.as_ref().map_or((own, name.span), |other| (&other.value, other.span));
        let from = KindInNamespace { group: GATEWAY_API, kind, namespace: own };
        let to = KindInNamespace { group: "", kind: "Secret", namespace: target };
        if !grants.permit(from, to, &name.value, self.at(".namespace", span, Reason::RefNotPermitted), report)
        {
            return None;
        }
        let found = secrets.find(target, &name.value, Scope::AllNamespaces, report);
        let secret =
            found.map_err(|unresolved| unresolved.report(self.invalid(".name", name.span), report)).ok()?;
        match &secret.spec {
            Secret::Tls { certificates, key } => match x509::check_pair(certificates, key) {
                Ok(()) => Some(Certificate {
                    secret: format!("{target}/{}", name.value),
                    chain: certificates.clone(),
                    key: key.clone(),
                }),
                Err(problem) => {
                    self.unusable(secret, &problem, report);
                    None
                }
            },
            Secret::Unusable(values) => {
                self.invalid_values(secret, values, report);
                None
            }
            Secret::Other(other) => {
                let message = format!(
                    "Secret `{}` has type `{}`, but a certificate must have type `kubernetes.io/tls`",
                    name.value, other.value
                );
                let error = report.error(Code::WrongSecretType, self.invalid(".name", name.span), message);
                error.related = Some((other.span, String::from("its type")));
                None
            }
        }
    }

    /// An error in a Secret is reported at the Secret, once for all references.
    fn invalid_values(&self, secret: &Object<Secret>, values: &[UnusableValue], report: &mut Report) {
        for UnusableValue { key, field, span, problem } in values {
            let name = &self.certificate.name;
            let message = format!("`{key}` of Secret `{}` {problem}", name.value);
            report.decide(&self.invalid(".name", name.span), &message);
            let is_known = |found: &Diagnostic| found.code == Code::InvalidCertificate && found.span == *span;
            if !report.diagnostics.iter().any(is_known) {
                let place = Place::new(secret, field.clone(), *span);
                let error = report.error(Code::InvalidCertificate, place, format!("`{key}` {problem}"));
                error.hint = problem.hint().map(str::to_owned);
            }
        }
    }

    /// Envoy would reject the whole configuration because of it.
    fn unusable(&self, secret: &Object<Secret>, problem: &Unusable, report: &mut Report) {
        let name = &self.certificate.name;
        let message = format!("Envoy cannot use Secret `{}`: {problem}", name.value);
        let error = report.error(Code::InvalidCertificate, self.invalid(".name", name.span), message);
        error.related = Some((secret.metadata.name.span, String::from("this Secret")));
        error.hint = problem.hint().map(str::to_owned);
    }

    fn invalid(&self, field: &str, span: Span) -> Place<'m> {
        self.at(field, span, self.invalid)
    }

    /// A field of the reference, and why it does not resolve.
    fn at(&self, field: &str, span: Span, reason: Reason) -> Place<'m> {
        let Owner { kind, metadata, .. } = self.owner;
        let place = Place::of(kind, metadata, format!("{}{field}", self.field), span);
        place.because(self.part, ConditionType::ResolvedRefs, reason)
    }
}
