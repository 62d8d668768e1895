//! The object that a backendRef names, and whether it may refer to it.

use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::backend::GROUP as ENVOY_GATEWAY;
use crate::manifest::gateway_api::GROUP as GATEWAY_API;
use crate::manifest::gateway_api::route::{BackendRef, Route};
use crate::manifest::gateway_api::xbackend::GROUP as EXPERIMENTAL;
use crate::resolve::references::grants::{Grants, KindInNamespace};
use crate::resolve::references::lookup::{Kind, Objects, Scope};
use crate::resolve::references::wrong_kind::WrongKind;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::source::Span;
use crate::status::{ConditionType, Reason};

/// A backendRef and its position.
pub(super) struct Reference<'m> {
    pub(super) route: &'m Object<Route>,
    pub(super) backend: &'m BackendRef,
    pub(super) field: String,
}

/// The kinds that can be backends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Referent {
    Service,
    /// Envoy Gateway's.
    Backend,
    XBackend,
}

impl<'m> Reference<'m> {
    /// A field of the reference, and why it does not resolve.
    pub(super) fn at(&self, field: &str, span: Span, reason: Reason) -> Place<'m> {
        let place = Place::new(self.route, format!("{}{field}", self.field), span);
        place.because(Part::Whole, ConditionType::ResolvedRefs, reason)
    }

    /// The port, or the whole backendRef if it has none.
    pub(super) fn at_port(&self, reason: Reason) -> Place<'m> {
        self.at(".port", self.backend.port.as_ref().map_or(self.backend.span, |port| port.span), reason)
    }

    /// `namespace/name:port`, or `namespace/name`.
    pub(super) fn locality(&self) -> String {
        let BackendRef { namespace, name, port, .. } = self.backend;
        let namespace = &namespace.as_ref().unwrap_or(&self.route.metadata.namespace).value;
        let port = port.as_ref().map(|port| format!(":{}", port.value)).unwrap_or_default();
        format!("{namespace}/{}{port}", name.value)
    }

    /// The kind of the object, if it can be a backend.
    pub(super) fn referent(&self, report: &mut Report) -> Option<Referent> {
        let BackendRef { group, kind, .. } = self.backend;
        match (group.value.as_str(), kind.value.as_str()) {
            ("", "Service") => return Some(Referent::Service),
            (ENVOY_GATEWAY, "Backend") => return Some(Referent::Backend),
            (EXPERIMENTAL, "XBackend") => return Some(Referent::XBackend),
            _ => {}
        }
        let hint = match (group.value.as_str(), kind.value.as_str()) {
            ("multicluster.x-k8s.io", "ServiceImport") => String::from(
                "only the controller of a ServiceImport knows its endpoints: refer to a Service whose EndpointSlices \
                 contain them",
            ),
            ("", "Backend") => format!("Envoy Gateway's Backend is in the group `{ENVOY_GATEWAY}`"),
            (_, "XBackend") => format!("XBackend is in the group `{EXPERIMENTAL}`"),
            (_, "Service") => String::from("Service is in the core group: remove `group`"),
            _ => format!("refer to a Service, or to a Backend of the group `{ENVOY_GATEWAY}`"),
        };
        let wrong = WrongKind::of(group, kind, "backends", hint);
        let place = self.at(wrong.field, wrong.span, Reason::InvalidKind);
        report.error(Code::NotSupported, place, wrong.message).hint = wrong.hint;
        None
    }

    /// The object, if it exists and the route may refer to it.
    pub(super) fn object<T: Kind>(
        &self,
        objects: &Objects<'m, T>,
        grants: &Grants<'m>,
        report: &mut Report,
    ) -> Option<&'m Object<T>> {
        let BackendRef { namespace, name, .. } = self.backend;
        let own = self.route.metadata.namespace.value.as_str();
        let (target, span) = namespace.as_ref().map_or((own, name.span), |other| (&other.value, other.span));
        let from = KindInNamespace { group: GATEWAY_API, kind: self.route.kind, namespace: own };
        let to = KindInNamespace { group: T::GROUP, kind: T::NAME, namespace: target };
        let place = self.at(".namespace", span, Reason::RefNotPermitted);
        if !grants.permit(from, to, &name.value, place, report) {
            return None;
        }
        let found = objects.find(target, &name.value, Scope::AllNamespaces, report);
        let place = self.at(".name", name.span, Reason::BackendNotFound);
        found.map_err(|unresolved| unresolved.report(place, report)).ok()
    }
}
