//! The CA certificates that a BackendTLSPolicy or an XBackend trusts: those in ConfigMaps, under the key `ca.crt`, and in
//! ClusterTrustBundles (GEP-5075).

use crate::diagnostic::Code;
use crate::manifest::cluster_trust_bundle::{ClusterTrustBundle, GROUP as CERTIFICATES};
use crate::manifest::core::config_map::ConfigMap;
use crate::manifest::gateway_api::backend_tls_policy::{self as policy, CaCertificateRef};
use crate::manifest::{Manifests, Object};
use crate::model::CaCertificates;
use crate::pem::CertificateChain;
use crate::resolve::references::ca_certificates;
use crate::resolve::references::lookup::{Objects, Scope};
use crate::resolve::references::wrong_kind::WrongKind;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// The objects with CA certificates, by name.
pub(super) struct CaObjects<'m> {
    maps: Objects<'m, ConfigMap>,
    bundles: Objects<'m, ClusterTrustBundle>,
}

/// A reference to CA certificates, and its position.
struct Reference<'m, T> {
    object: &'m Object<T>,
    /// The path of the validation.
    field: &'m str,
    number: usize,
    target: &'m CaCertificateRef,
}

impl<'m> CaObjects<'m> {
    pub(super) fn index(manifests: &'m Manifests) -> Self {
        Self {
            maps: Objects::index(&manifests.config_maps),
            bundles: Objects::index(&manifests.cluster_trust_bundles),
        }
    }

    /// The CA certificates of a validation, which has this path. A reference that does not resolve is an error. If none resolves, no
    /// certificate is trusted.
    pub(super) fn of<T>(
        &self,
        object: &Object<T>,
        (written, field): (&policy::CaCertificates, &str),
        report: &mut Report,
    ) -> Option<CaCertificates> {
        let policy::CaCertificates::Refs(references) = written else {
            return Some(CaCertificates::System);
        };
        let found: Vec<CertificateChain> = references
            .iter()
            .enumerate()
            .filter_map(|(number, target)| self.resolve(&Reference { object, field, number, target }, report))
            .collect();
        let all = CertificateChain::merge(&found);
        if all.is_none() {
            let place = Place::new(object, format!("{field}.caCertificateRefs"), object.span);
            let place = place.because(Part::Whole, ConditionType::Accepted, Reason::NoValidCACertificate);
            report.decide(&place, "none of the references leads to a valid CA certificate");
        }
        all.map(CaCertificates::Given)
    }

    fn resolve<T>(&self, reference: &Reference<'_, T>, report: &mut Report) -> Option<CertificateChain> {
        let CaCertificateRef { group, kind, name } = reference.target;
        let found = match (group.value.as_str(), kind.value.as_str()) {
            ("", "ConfigMap") => {
                let namespace = &reference.object.metadata.namespace.value;
                let scope = Scope::OwnNamespace(reference.object.kind);
                ca_certificates::find(&self.maps, namespace, &name.value, scope, report)
            }
            (CERTIFICATES, "ClusterTrustBundle") => {
                ca_certificates::find_bundle(&self.bundles, &name.value, report)
            }
            _ => {
                let hint = match kind.value.as_str() {
                    "ClusterTrustBundle" => "write `group: certificates.k8s.io`",
                    _ => "refer to a ConfigMap with the key `ca.crt`, or a ClusterTrustBundle",
                };
                let wrong = WrongKind::of(group, kind, "CA certificates", hint.to_owned());
                let place = reference.at(wrong.field, wrong.span, Reason::InvalidKind);
                report.error(Code::NotSupported, place, wrong.message).hint = wrong.hint;
                return None;
            }
        };
        let place = reference.at(".name", name.span, Reason::InvalidCACertificateRef);
        found.map_err(|unresolved| unresolved.report(place, report)).ok()
    }
}

impl<'m, T> Reference<'m, T> {
    fn at(&self, field: &str, span: Span, reason: Reason) -> Place<'m> {
        let field = format!("{}.caCertificateRefs[{}]{field}", self.field, self.number);
        Place::new(self.object, field, span).because(Part::Whole, ConditionType::ResolvedRefs, reason)
    }
}
