//! The conditions of a Gateway (Gateway API, `GatewayStatus`).

use super::builder::{Builder, condition};
use super::listener::{rejected, summary, without};
use crate::manifest::Object;
use crate::manifest::gateway_api::gateway::{Frontend, Gateway, Validation, ValidationMode};
use crate::resolve::listeners::section::Owner;
use crate::resolve::status::decisions::{ObjectKey, Part, Verdict};
use crate::status::{Condition, ConditionType, Holds, ListenerStatus, Reason, Status};

impl Builder<'_, '_> {
    /// The status of a Gateway; `None` if it is not selected.
    pub(super) fn gateway(&self, gateway: &Object<Gateway>) -> Option<Status> {
        let verdicts = self.of(gateway);
        let whole: Vec<&Verdict> =
            verdicts.iter().filter(|verdict| verdict.part == Part::Whole).copied().collect();
        if !self.decisions.is_selected(&ObjectKey::of(gateway)) {
            return None;
        }
        let listeners = self.listeners(Owner::from(gateway), &verdicts);
        let (accepted, programmed) = summary(&whole, &listeners, |_| Reason::Invalid);
        let conditions = [accepted, programmed, resolved(&whole, &listeners)].into_iter();
        let conditions = conditions.chain(insecure_fallback(gateway)).collect();
        // The ListenerSets are counted later, when it is known which of them are accepted.
        Some(Status::Gateway { conditions, listeners, attached_listener_sets: 0 })
    }
}

/// Whether all references of a Gateway and its listeners resolve.
fn resolved(verdicts: &[&Verdict], listeners: &[ListenerStatus]) -> Condition {
    let unresolved = without(listeners, ConditionType::ResolvedRefs);
    let resolved = condition(ConditionType::ResolvedRefs, Reason::ResolvedRefs, verdicts);
    if resolved.status != Holds::True || unresolved.is_empty() {
        return resolved;
    }
    let message = format!("listeners with references that do not resolve: {}", unresolved.join(", "));
    rejected(ConditionType::ResolvedRefs, Reason::ListenersNotResolved, message)
}

/// Whether clients without a valid certificate are accepted on some port (Gateway API,
/// `InsecureFrontendValidationMode`).
fn insecure_fallback(gateway: &Object<Gateway>) -> Option<Condition> {
    let Frontend { default, per_port } = &gateway.spec.frontend;
    let insecure = |validation: &Option<Validation>| {
        validation.as_ref().is_some_and(|validation| validation.mode == ValidationMode::AllowInsecureFallback)
    };
    let everywhere = insecure(default).then(|| String::from("ports without their own `perPort` entry"));
    let ports = per_port.iter().filter(|(_, validation)| insecure(validation));
    let places: Vec<String> =
        everywhere.into_iter().chain(ports.map(|(port, _)| format!("port {port}"))).collect();
    (!places.is_empty()).then(|| Condition {
        kind: ConditionType::InsecureFrontendValidationMode,
        status: Holds::True,
        reason: Reason::ConfigurationChanged,
        message: format!("clients without a valid certificate are served: {}", places.join(", ")),
    })
}
