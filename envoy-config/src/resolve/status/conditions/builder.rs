//! Where the statuses of objects are made: the decisions, and the objects that they are about.

use std::collections::BTreeMap;

use crate::manifest::gateway_api::route::Route;
use crate::manifest::{Manifests, Object};
use crate::resolve::status::decisions::{Decisions, ObjectKey, Verdict};
use crate::status::{Condition, ConditionType, Holds, Reason};

/// Where the objects that statuses are made of are looked up.
pub(super) struct Builder<'m, 'd> {
    pub(super) decisions: &'d Decisions,
    /// The controllers of the GatewayClasses.
    pub(super) controllers: BTreeMap<&'m str, &'m str>,
    /// The classes of the Gateways, by namespace and name.
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

    /// Who is responsible for a Gateway.
    pub(super) fn controller(&self, namespace: &str, name: &str) -> Option<String> {
        let class = self.classes.get(&(namespace, name))?;
        self.controllers.get(class).map(|controller| (*controller).to_owned())
    }
}

/// A condition that should be true, as the verdicts against it have it. One without a controller that could tell is unknown.
pub(super) fn condition(kind: ConditionType, fine: Reason, verdicts: &[&Verdict]) -> Condition {
    let against: Vec<&Verdict> =
        verdicts.iter().filter(|verdict| verdict.condition == kind).copied().collect();
    let Some(first) = against.first() else {
        return Condition { kind, status: Holds::True, reason: fine, message: String::new() };
    };
    let status = if first.reason == Reason::Pending { Holds::Unknown } else { Holds::False };
    Condition { kind, status, reason: first.reason, message: messages(&against) }
}

/// What the verdicts say, each once.
pub(super) fn messages(verdicts: &[&Verdict]) -> String {
    let mut messages: Vec<&str> = Vec::new();
    for verdict in verdicts {
        if !messages.contains(&verdict.message.as_str()) {
            messages.push(&verdict.message);
        }
    }
    messages.join("; ")
}
