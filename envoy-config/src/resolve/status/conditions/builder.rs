//! Makes conditions from decisions.

use std::collections::BTreeMap;

use crate::manifest::gateway_api::route::Route;
use crate::manifest::{Manifests, Object};
use crate::resolve::status::decisions::{Decisions, ObjectKey, Verdict};
use crate::status::{Condition, ConditionType, Holds, Reason};

/// The decisions, and indexes of the objects that they are about.
pub(super) struct Builder<'m, 'd> {
    pub(super) decisions: &'d Decisions,
    /// The controller of each GatewayClass.
    pub(super) controllers: BTreeMap<&'m str, &'m str>,
    /// The class of each Gateway, by namespace and name.
    pub(super) classes: BTreeMap<(&'m str, &'m str), &'m str>,
    pub(super) routes: BTreeMap<ObjectKey, &'m Object<Route>>,
}

impl<'m, 'd> Builder<'m, 'd> {
    pub(super) fn new(manifests: &'m Manifests, decisions: &'d Decisions) -> Self {
        let classes = manifests.gateway_classes.iter();
        let gateways = manifests.gateways.iter();
        Self {
            decisions,
            controllers: classes
                .map(|class| (class.metadata.name.value.as_str(), class.spec.controller_name.value.as_str()))
                .collect(),
            classes: gateways
                .map(|gateway| (gateway.metadata.key(), gateway.spec.class.value.as_str()))
                .collect(),
            routes: manifests.routes.iter().map(|route| (ObjectKey::of(route), route)).collect(),
        }
    }

    /// The verdicts about an object.
    pub(super) fn of<T>(&self, object: &Object<T>) -> Vec<&'d Verdict> {
        self.decisions.of(&ObjectKey::of(object)).iter().collect()
    }

    /// The controller of a Gateway.
    pub(super) fn controller(&self, namespace: &str, name: &str) -> Option<String> {
        let class = self.classes.get(&(namespace, name))?;
        self.controllers.get(class).map(|controller| (*controller).to_owned())
    }
}

/// A condition that is true unless there is a verdict against it. It is unknown if the controller could not
/// decide.
pub(super) fn condition(kind: ConditionType, fine: Reason, verdicts: &[&Verdict]) -> Condition {
    let against: Vec<&Verdict> =
        verdicts.iter().filter(|verdict| verdict.condition == kind).copied().collect();
    let Some(first) = against.first() else {
        return Condition { kind, status: Holds::True, reason: fine, message: String::new() };
    };
    let status = if first.reason == Reason::Pending { Holds::Unknown } else { Holds::False };
    Condition { kind, status, reason: first.reason, message: messages(&against) }
}

/// The messages of the verdicts, without duplicates.
pub(super) fn messages(verdicts: &[&Verdict]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for verdict in verdicts {
        if !messages.contains(&verdict.message.as_str()) {
            messages.push(&verdict.message);
        }
    }
    messages.join("; ")
}
