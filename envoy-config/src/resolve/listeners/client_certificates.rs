//! The validation of client certificates (Gateway API, `FrontendTLSConfig`).
//!
//! Each port has one validation: its own, or the default of the Gateway. A reference that does not resolve is
//! an error. If none of its references resolves, a listener is not served, because it could not validate any
//! client.

use std::collections::{BTreeMap, HashMap};

use super::addresses::BoundAddress;
use super::section::{Owner, OwnerKey, Section};
use crate::diagnostic::Code;
use crate::manifest::core::config_map::ConfigMap;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::gateway::{
    CertificateRef, Gateway, Protocol, Tls, Validation, ValidationMode,
};
use crate::manifest::{Manifests, Object};
use crate::model::ClientCertificates;
use crate::pem::CertificateChain;
use crate::resolve::references::ca_certificates;
use crate::resolve::references::grants::{Grants, KindInNamespace};
use crate::resolve::references::lookup::{Objects, Scope};
use crate::resolve::references::wrong_kind::WrongKind;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The validation of each listener that has one; `None` if the listener cannot be served. By object and
/// position.
pub(super) struct ClientValidations<'m>(HashMap<(OwnerKey<'m>, usize), Option<ClientCertificates>>);

/// The validation for some listeners, and its position in the object that has it.
struct ClientValidation<'m> {
    owner: Owner<'m>,
    validation: &'m Validation,
    listeners: Vec<Section<'m>>,
    field: String,
}

impl<'m> ClientValidations<'m> {
    pub(super) fn find(
        bounds: &[BoundAddress<'m>],
        manifests: &'m Manifests,
        grants: &Grants<'m>,
        report: &mut Report,
    ) -> Self {
        let maps = Objects::index(&manifests.config_maps);
        let mut secure: BTreeMap<_, (&'m Object<Gateway>, Vec<Section<'m>>)> = BTreeMap::new();
        for bound in bounds {
            let (_, sections) =
                secure.entry(bound.gateway.metadata.key()).or_insert_with(|| (bound.gateway, Vec::new()));
            sections.extend(bound.listeners.iter().filter(|section| section.is_secure()));
        }
        let mut found = HashMap::new();
        for (gateway, sections) in secure.into_values() {
            for validation in validations(gateway, &sections) {
                let clients = validation.client_certificates(&maps, grants, report);
                let keys = validation.listeners.iter().map(key);
                found.extend(keys.map(|key| (key, clients.clone())));
            }
        }
        Self(found)
    }

    /// Which client certificates a listener requires; `None` if it cannot be served.
    pub(super) fn of(&self, section: &Section<'m>) -> Option<ClientCertificates> {
        self.0.get(&key(section)).cloned().unwrap_or(Some(ClientCertificates::NotRequested))
    }
}

fn key<'m>(section: &Section<'m>) -> (OwnerKey<'m>, usize) {
    (section.owner.key(), section.position)
}

/// The validations that apply to listeners of a Gateway.
fn validations<'m>(gateway: &'m Object<Gateway>, sections: &[Section<'m>]) -> Vec<ClientValidation<'m>> {
    let frontend = &gateway.spec.frontend;
    let owner = Owner::from(gateway);
    let of = |fits: &dyn Fn(u16) -> bool| -> Vec<Section<'m>> {
        sections.iter().filter(|section| fits(section.listener.port.value)).copied().collect()
    };
    let default = frontend.default.as_ref().map(|validation| ClientValidation {
        owner,
        validation,
        listeners: of(&|port| frontend.per_port.iter().all(|(other, _)| *other != port)),
        field: String::from("spec.tls.frontend.default.validation"),
    });
    let per_port = frontend.per_port.iter().enumerate().filter_map(|(number, (port, validation))| {
        let listeners = of(&|other| other == *port);
        let field = format!("spec.tls.frontend.perPort[{number}].tls.validation");
        Some(ClientValidation { owner, validation: validation.as_ref()?, listeners, field })
    });
    let own = sections.iter().filter_map(|section| {
        let Protocol::Https(Tls { validation: Some(validation), .. }) = &section.listener.protocol.value
        else {
            return None;
        };
        let field = format!("{}.tls.frontendValidation", section.path());
        Some(ClientValidation { owner: section.owner, validation, listeners: vec![*section], field })
    });
    // Later ones override earlier ones.
    default
        .into_iter()
        .chain(per_port)
        .chain(own)
        .filter(|validation| !validation.listeners.is_empty())
        .collect()
}

impl<'m> ClientValidation<'m> {
    /// Which client certificates the listeners require; `None` if there is no valid CA certificate.
    fn client_certificates(
        &self,
        maps: &Objects<'m, ConfigMap>,
        grants: &Grants<'m>,
        report: &mut Report,
    ) -> Option<ClientCertificates> {
        let mut ca_certificates = Vec::new();
        for (number, reference) in self.validation.ca_certificates.iter().enumerate() {
            ca_certificates.extend(self.ca_certificates_of(number, reference, maps, grants, report));
        }
        let Some(ca_certificates) = CertificateChain::merge(&ca_certificates) else {
            for section in &self.listeners {
                let span = section.listener.span;
                let place = section.against("", span, ConditionType::Accepted, Reason::NoValidCACertificate);
                report
                    .decide(&place, "there is no valid CA certificate to validate client certificates with");
            }
            return None;
        };
        Some(match self.validation.mode {
            ValidationMode::AllowValidOnly => ClientCertificates::Required(ca_certificates),
            ValidationMode::AllowInsecureFallback => ClientCertificates::Optional(ca_certificates),
        })
    }

    fn ca_certificates_of(
        &self,
        number: usize,
        reference: &'m CertificateRef,
        maps: &Objects<'m, ConfigMap>,
        grants: &Grants<'m>,
        report: &mut Report,
    ) -> Option<CertificateChain> {
        let CertificateRef { group, kind: referent, namespace, name } = reference;
        let field = format!("{}.caCertificateRefs[{number}]", self.field);
        if !group.value.is_empty() || referent.value != "ConfigMap" {
            let wrong =
                WrongKind::of(group, referent, "CA certificates", String::from("refer to a ConfigMap"));
            let WrongKind { field: part, span, message, hint } = wrong;
            let place = self.reject(&field, part, span, Reason::InvalidCACertificateKind, &message, report);
            report.error(Code::NotSupported, place, message).hint = hint;
            return None;
        }
        let (kind, own, _) = self.owner.key();
        let (target, span) = namespace.as_ref().map_or((own, name.span), |other| (&other.value, other.span));
        let from = KindInNamespace { group: GATEWAY_API, kind, namespace: own };
        let to = KindInNamespace { group: "", kind: "ConfigMap", namespace: target };
        let place = self.at(&field, ".namespace", span, Reason::RefNotPermitted, self.listeners.first());
        if !grants.permit(from, to, &name.value, place, report) {
            let message = "no ReferenceGrant permits this reference";
            self.reject(&field, ".namespace", span, Reason::RefNotPermitted, message, report);
            return None;
        }
        ca_certificates::find(maps, target, &name.value, Scope::AllNamespaces, report)
            .map_err(|unresolved| {
                let reason = Reason::InvalidCACertificateRef;
                let message = unresolved.message();
                let place = self.reject(&field, ".name", name.span, reason, message, report);
                unresolved.report(place, report);
            })
            .ok()
    }

    /// Records the reason for all listeners but the first, and returns the place for that one.
    fn reject(
        &self,
        field: &str,
        part: &str,
        span: Span,
        reason: Reason,
        message: &str,
        report: &mut Report,
    ) -> Place<'m> {
        for section in self.listeners.iter().skip(1) {
            report.decide(&self.at(field, part, span, reason, Some(section)), message);
        }
        self.at(field, part, span, reason, self.listeners.first())
    }

    fn at(
        &self,
        field: &str,
        part: &str,
        span: Span,
        reason: Reason,
        listener: Option<&Section<'m>>,
    ) -> Place<'m> {
        let place = Place::of(self.owner.kind, self.owner.metadata, format!("{field}{part}"), span);
        let Some(Section { owner, position, .. }) = listener else { return place };
        let part = Part::Listener(*position);
        place.because_of(owner.kind, owner.metadata, part, ConditionType::ResolvedRefs, reason)
    }
}
