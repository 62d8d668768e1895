//! Makes conditions from decisions.

use std::collections::BTreeMap;

use crate::manifest::gateway_api::gateway::Gateway;
use crate::manifest::gateway_api::listener_set::ListenerSet;
use crate::manifest::gateway_api::route::{ParentKind, ParentRef, Route};
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
    pub(super) gateways: BTreeMap<ObjectKey, &'m Object<Gateway>>,
    pub(super) listener_sets: BTreeMap<ObjectKey, &'m Object<ListenerSet>>,
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
            gateways: manifests.gateways.iter().map(|gateway| (ObjectKey::of(gateway), gateway)).collect(),
            listener_sets: manifests.listener_sets.iter().map(|set| (ObjectKey::of(set), set)).collect(),
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

    /// The Gateway, by namespace and name, that a route attaches to by a parentRef: that of a ListenerSet is its parent.
    /// `None` if the ListenerSet is not in the input.
    pub(super) fn gateway_of<'r>(
        &'r self,
        own: &'r str,
        reference: &'r ParentRef,
    ) -> Option<(&'r str, &'r str)> {
        let namespace = reference.namespace.as_ref().map_or(own, |namespace| &namespace.value);
        let name = reference.name.value.as_str();
        if reference.kind != ParentKind::ListenerSet {
            return Some((namespace, name));
        }
        self.parent_of_set(&owner_of(own, reference))
    }

    /// The Gateway of a ListenerSet, by namespace and name.
    pub(super) fn parent_of_set(&self, set: &ObjectKey) -> Option<(&'m str, &'m str)> {
        let set = self.listener_sets.get(set)?;
        let parent = &set.spec.parent;
        let namespace = parent.namespace.as_ref().unwrap_or(&set.metadata.namespace);
        Some((&namespace.value, &parent.name.value))
    }
}

/// The Gateway or ListenerSet that a parentRef of a route in namespace `own` names.
pub(super) fn owner_of(own: &str, reference: &ParentRef) -> ObjectKey {
    let namespace = reference.namespace.as_ref().map_or(own, |namespace| &namespace.value);
    ObjectKey {
        kind: reference.kind.name(),
        namespace: namespace.to_owned(),
        name: reference.name.value.clone(),
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
