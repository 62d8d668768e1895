//! References to a Secret with a certificate and its key (Gateway API, `SecretObjectReference`).

use super::grants::{Grants, KindInNamespace};
use super::lookup::{Objects, Scope};
use super::wrong_kind::WrongKind;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::core::secret::{Secret, UnusableValue};
use crate::manifest::gateway_api::gateway::CertificateRef;
use crate::manifest::{Metadata, Object};
use crate::model::Certificate;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};
use crate::x509::{self, Unusable};

/// A reference to a certificate, and its position.
pub(in crate::resolve) struct CertificateReference<'m> {
    /// The API group of the object that refers to the certificate.
    pub(in crate::resolve) group: &'static str,
    /// Its kind.
    pub(in crate::resolve) kind: &'static str,
    pub(in crate::resolve) metadata: &'m Metadata,
    pub(in crate::resolve) certificate: &'m CertificateRef,
    /// The part of the object that does not resolve without it.
    pub(in crate::resolve) part: Part,
    /// The reason if it names no valid certificate.
    pub(in crate::resolve) invalid: Reason,
    pub(in crate::resolve) field: String,
}

impl<'m> CertificateReference<'m> {
    /// The certificate, if Envoy can use it.
    pub(in crate::resolve) fn resolve(
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
        let own = self.metadata.namespace.value.as_str();
        let (target, span) =
            namespace.as_ref().map_or((own, name.span), |other| (other.value.as_str(), other.span));
        let from = KindInNamespace { group: self.group, kind: self.kind, namespace: own };
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
        let place = Place::of(self.kind, self.metadata, format!("{}{field}", self.field), span);
        place.because(self.part, ConditionType::ResolvedRefs, reason)
    }
}
