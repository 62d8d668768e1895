//! The authorities that a policy trusts: those in the ConfigMaps that it names, under the key `ca.crt`.

use std::collections::BTreeMap;

use crate::diagnostic::{Code, closest};
use crate::manifest::core::ConfigMap;
use crate::manifest::policy::{self, AuthorityRef, BackendTlsPolicy};
use crate::manifest::{Manifests, Object};
use crate::model::Authorities;
use crate::pem::CertificateChain;
use crate::resolve::references::wrong_kind::WrongKind;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};
use crate::x509;

/// The ConfigMaps by namespace and name.
pub(super) struct Certificates<'m>(BTreeMap<(&'m str, &'m str), &'m Object<ConfigMap>>);

/// A reference to a ConfigMap, and where it stands.
struct Reference<'m> {
    policy: &'m Object<BackendTlsPolicy>,
    number: usize,
    target: &'m AuthorityRef,
}

impl<'m> Certificates<'m> {
    pub(super) fn index(manifests: &'m Manifests) -> Self {
        Self(manifests.config_maps.iter().map(|map| (map.metadata.key(), map)).collect())
    }

    /// Those of a policy. A reference that leads to none is an error; none of them all, and nobody is trusted.
    pub(super) fn of(&self, policy: &Object<BackendTlsPolicy>, report: &mut Report) -> Option<Authorities> {
        let policy::Authorities::Refs(references) = &policy.spec.authorities else {
            return Some(Authorities::System);
        };
        let found: Vec<CertificateChain> = references
            .iter()
            .enumerate()
            .filter_map(|(number, target)| self.resolve(&Reference { policy, number, target }, report))
            .collect();
        let all = CertificateChain::together(&found);
        if all.is_none() {
            let place = Place::new(policy, "spec.validation.caCertificateRefs", policy.span);
            let place = place.because(Part::Whole, ConditionType::Accepted, Reason::NoValidCACertificate);
            report.decide(&place, "no certificate of an authority could be read");
        }
        all.map(Authorities::Given)
    }

    fn resolve(&self, reference: &Reference<'_>, report: &mut Report) -> Option<CertificateChain> {
        let AuthorityRef { group, kind, name } = reference.target;
        if !group.value.is_empty() || kind.value != "ConfigMap" {
            let hint = String::from("refer to a ConfigMap that has them under the key `ca.crt`");
            let wrong = WrongKind::of(group, kind, "CA certificates", hint);
            let place = reference.at(wrong.field, wrong.span, Reason::InvalidKind);
            report.error(Code::NotSupported, place, wrong.message).hint = wrong.hint;
            return None;
        }
        let namespace = reference.policy.metadata.namespace.value.as_str();
        let Some(map) = self.0.get(&(namespace, name.value.as_str())) else {
            let place = reference.at(".name", name.span, Reason::InvalidCACertificateRef);
            if report.may_be_unread("ConfigMap", namespace, &name.value) {
                report.decide(&place, "the ConfigMap is not there or could not be read");
            } else {
                self.missing(reference, namespace, place, report);
            }
            return None;
        };
        let place = reference.at(".name", name.span, Reason::InvalidCACertificateRef);
        let Some(text) = &map.spec.authorities else {
            let message = format!("the ConfigMap `{}` has no `ca.crt`", name.value);
            let error = report.error(Code::InvalidCertificate, place, message);
            error.related = Some((map.metadata.name.span, String::from("this ConfigMap")));
            error.hint =
                Some(String::from("put the certificates of the authorities, as PEM, under `data`, `ca.crt`"));
            return None;
        };
        match x509::authorities(text.value.as_bytes()) {
            Ok(certificates) => Some(certificates),
            Err(problem) => {
                let message = format!("`ca.crt` of the ConfigMap `{}` {problem}", name.value);
                let error = report.error(Code::InvalidCertificate, place, message);
                error.related = Some((map.metadata.name.span, String::from("this ConfigMap")));
                None
            }
        }
    }

    fn missing(&self, reference: &Reference<'_>, namespace: &str, place: Place<'_>, report: &mut Report) {
        let name = &reference.target.name.value;
        let message = format!("there is no ConfigMap `{namespace}/{name}` among the manifests");
        let error = report.error(Code::MissingConfigMap, place, message);
        let neighbours = self.0.keys().filter(|(other, _)| *other == namespace).map(|(_, name)| *name);
        let elsewhere = self.0.keys().find(|(_, other)| other == name);
        error.hint = Some(match (closest(name, neighbours), elsewhere) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, Some((elsewhere, _))) => {
                format!("there is one in the namespace `{elsewhere}`, but a policy takes those of its own")
            }
            (None, None) => String::from("add the ConfigMap to the input"),
        });
    }
}

impl<'m> Reference<'m> {
    fn at(&self, field: &str, span: Span, reason: Reason) -> Place<'m> {
        let field = format!("spec.validation.caCertificateRefs[{}]{field}", self.number);
        Place::new(self.policy, field, span).because(Part::Whole, ConditionType::ResolvedRefs, reason)
    }
}
