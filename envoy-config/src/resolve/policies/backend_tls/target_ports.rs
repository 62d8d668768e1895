//! The Service port that a policy targets by name (`sectionName`).

use crate::diagnostic::{Code, closest};
use crate::manifest::core::service::{Service, ServicePort};
use crate::manifest::gateway_api::backend_tls_policy::BackendTlsPolicy;
use crate::manifest::gateway_api::policy_target::TargetRef;
use crate::manifest::{Manifests, Object};
use crate::resolve::references::lookup::Objects;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// The Services, with their ports. Other backends have no named ports.
pub(super) struct TargetPorts<'m>(Objects<'m, Service>);

impl<'m> TargetPorts<'m> {
    pub(super) fn index(manifests: &'m Manifests) -> Self {
        Self(Objects::index(&manifests.services))
    }

    /// Whether the target has the port that this targetRef names. Reports an error if not.
    pub(super) fn has(
        &self,
        policy: &Object<BackendTlsPolicy>,
        number: usize,
        target: &TargetRef,
        report: &mut Report,
    ) -> bool {
        let TargetRef { kind, name, section_name: Some(section), .. } = target else { return true };
        let service = self.0.get(&policy.metadata.namespace.value, &name.value);
        let service = service.filter(|_| kind.value == "Service");
        let ports: &[ServicePort] = service.map_or(&[], |service| &service.spec.ports);
        if ports.iter().any(|port| port.name == section.value) {
            return true;
        }
        let place = Place::new(policy, format!("spec.targetRefs[{number}].sectionName"), section.span);
        let place = place.because(Part::Whole, ConditionType::Accepted, Reason::TargetNotFound);
        let message = format!("{} `{}` has no port named `{}`", kind.value, name.value, section.value);
        let names: Vec<&str> =
            ports.iter().map(|port| port.name.as_str()).filter(|name| !name.is_empty()).collect();
        let error = report.error(Code::WrongPort, place, message);
        error.hint = Some(match (closest(&section.value, names.iter().copied()), names.is_empty()) {
            (Some(near), _) => format!("did you mean `{near}`?"),
            (None, true) => String::from("its ports have no names: remove `sectionName`"),
            (None, false) => format!("its ports are named {}", names.join(", ")),
        });
        false
    }
}
