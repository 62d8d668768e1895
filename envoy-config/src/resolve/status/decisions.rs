//! The decisions about each object, in terms of the Gateway API's conditions. They are recorded where they
//! are made, and `conditions` makes statuses from them.
//!
//! Verdicts say what is wrong: a finding has one if its place has a reason (`Place::because`), and
//! `Report::decide` records one without a finding. Other decisions say what works: which listeners a
//! parentRef attaches to, and which listeners Envoy serves.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{Metadata, Object};
use crate::status::{ConditionType, Reason};

/// All decisions.
#[derive(Clone, Debug, Default)]
pub(in crate::resolve) struct Decisions {
    verdicts: BTreeMap<ObjectKey, Vec<Verdict>>,
    parents: BTreeMap<ObjectKey, BTreeMap<usize, ParentOutcome>>,
    programmed: BTreeSet<(ObjectKey, usize)>,
    not_selected: BTreeSet<ObjectKey>,
    /// The routes that each policy affects.
    affected_routes: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
    /// The ListenerSets of each Gateway, in their order of precedence.
    listener_sets: BTreeMap<ObjectKey, Vec<ObjectKey>>,
    /// The Gateways and ListenerSets that each policy targets.
    targeted_gateways: BTreeMap<ObjectKey, BTreeSet<GatewaySection>>,
    /// The parts of each policy's targets to which a more specific policy applies.
    overridden: BTreeMap<ObjectKey, BTreeSet<OverriddenPart>>,
}

/// A part of a policy's target that has a more specific policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::resolve) enum OverriddenPart {
    /// A listener of a targeted Gateway or ListenerSet, as `namespace/gateway/listener`.
    Listener(String),
    /// A ListenerSet of a targeted Gateway, as `namespace/name`.
    ListenerSet(String),
    /// A route that is attached to a targeted Gateway, as `namespace/name`.
    Route(String),
    /// A rule of a targeted route, as `namespace/route/rule`.
    Rule(String),
}

/// A Gateway or ListenerSet, or one of its listeners.
pub(in crate::resolve) type GatewaySection = (ObjectKey, Option<String>);

/// An object: its kind, namespace (empty for kinds without one) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::resolve) struct ObjectKey {
    pub(in crate::resolve) kind: &'static str,
    pub(in crate::resolve) namespace: String,
    pub(in crate::resolve) name: String,
}

/// The part of an object that a verdict is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::resolve) enum Part {
    /// The whole object.
    Whole,
    /// The listener at this position of a Gateway or ListenerSet.
    Listener(usize),
    /// The parentRef at this position of a route.
    Parent(usize),
    /// The rule at this position of a route.
    Rule(usize),
}

/// A condition that is not fine, with the reason.
#[derive(Clone, Debug)]
pub(in crate::resolve) struct Verdict {
    pub(in crate::resolve) part: Part,
    pub(in crate::resolve) condition: ConditionType,
    pub(in crate::resolve) reason: Reason,
    pub(in crate::resolve) message: String,
}

/// The result for a parentRef.
#[derive(Clone, Debug)]
pub(in crate::resolve) enum ParentOutcome {
    /// Its Gateway is not selected.
    NotSelected,
    /// It attaches to the listeners at these positions; if there are none, a verdict says why.
    Attached(Vec<usize>),
}

impl Decisions {
    /// The verdicts about an object and its parts, in the order in which they were recorded.
    pub(in crate::resolve) fn of(&self, object: &ObjectKey) -> &[Verdict] {
        self.verdicts.get(object).map_or(&[], Vec::as_slice)
    }

    /// The result for a parentRef of a route.
    pub(in crate::resolve) fn parent(&self, route: &ObjectKey, number: usize) -> Option<&ParentOutcome> {
        self.parents.get(route)?.get(&number)
    }

    /// Whether Envoy serves the listener at this position of a Gateway.
    pub(in crate::resolve) fn is_programmed(&self, gateway: &ObjectKey, position: usize) -> bool {
        self.programmed.contains(&(gateway.clone(), position))
    }

    /// The routes that a policy affects, because it targets them or one of their backends.
    pub(in crate::resolve) fn affected_routes(&self, policy: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.affected_routes.get(policy).into_iter().flatten()
    }

    /// Whether a Gateway is selected.
    pub(in crate::resolve) fn is_selected(&self, gateway: &ObjectKey) -> bool {
        !self.not_selected.contains(gateway)
    }

    /// The Gateways and listeners that a policy targets.
    pub(in crate::resolve) fn targeted_gateways(
        &self,
        policy: &ObjectKey,
    ) -> impl Iterator<Item = &GatewaySection> {
        self.targeted_gateways.get(policy).into_iter().flatten()
    }

    /// Records the result for a parentRef.
    pub(in crate::resolve) fn attach<T>(&mut self, route: &Object<T>, number: usize, outcome: ParentOutcome) {
        let key = ObjectKey::of(route);
        self.parents.entry(key).or_default().insert(number, outcome);
    }

    /// Detaches a parentRef from a listener. Returns whether it has no listeners left.
    pub(in crate::resolve) fn detach<T>(
        &mut self,
        route: &Object<T>,
        number: usize,
        listener: usize,
    ) -> bool {
        let parents = self.parents.get_mut(&ObjectKey::of(route));
        match parents.and_then(|parents| parents.get_mut(&number)) {
            Some(ParentOutcome::Attached(listeners)) if listeners.contains(&listener) => {
                listeners.retain(|one| *one != listener);
                listeners.is_empty()
            }
            Some(ParentOutcome::Attached(_) | ParentOutcome::NotSelected) | None => false,
        }
    }

    /// Records that a policy targets a route or a backend of it, even if another policy applies.
    pub(in crate::resolve) fn record_affected<P, R>(&mut self, policy: &Object<P>, route: &Object<R>) {
        let key = ObjectKey::of(policy);
        let routes = self.affected_routes.entry(key).or_default();
        routes.insert(ObjectKey::of(route));
    }

    /// Records that a policy targets a Gateway, a ListenerSet or a listener, even if another policy applies.
    pub(in crate::resolve) fn record_gateway<P>(
        &mut self,
        policy: &Object<P>,
        target: ObjectKey,
        section: Option<&str>,
    ) {
        let gateways = self.targeted_gateways.entry(ObjectKey::of(policy)).or_default();
        gateways.insert((target, section.map(str::to_owned)));
    }

    /// The ListenerSets of a Gateway, in their order of precedence.
    pub(in crate::resolve) fn listener_sets(&self, gateway: &ObjectKey) -> &[ObjectKey] {
        self.listener_sets.get(gateway).map_or(&[], Vec::as_slice)
    }

    /// Records that a ListenerSet is attached to a Gateway, after those that take precedence.
    pub(in crate::resolve) fn attach_set<G, S>(&mut self, gateway: &Object<G>, set: &Object<S>) {
        self.listener_sets.entry(ObjectKey::of(gateway)).or_default().push(ObjectKey::of(set));
    }

    /// The parts of a policy's targets to which a more specific policy applies, by kind.
    pub(in crate::resolve) fn overridden_parts(
        &self,
        policy: &ObjectKey,
    ) -> impl Iterator<Item = &OverriddenPart> {
        self.overridden.get(policy).into_iter().flatten()
    }

    /// Records that a more specific policy applies to a part of a policy's target.
    pub(in crate::resolve) fn record_overridden<P>(&mut self, policy: &Object<P>, part: OverriddenPart) {
        self.overridden.entry(ObjectKey::of(policy)).or_default().insert(part);
    }

    /// Records that a Gateway is not selected.
    pub(in crate::resolve) fn skip<T>(&mut self, gateway: &Object<T>) {
        self.not_selected.insert(ObjectKey::of(gateway));
    }

    /// Records that Envoy serves the listener at this position.
    pub(in crate::resolve) fn program(&mut self, owner: ObjectKey, position: usize) {
        self.programmed.insert((owner, position));
    }

    pub(in crate::resolve) fn record(&mut self, object: ObjectKey, verdict: Verdict) {
        self.verdicts.entry(object).or_default().push(verdict);
    }
}

impl OverriddenPart {
    /// What it is, in the plural.
    pub(in crate::resolve) const fn noun(&self) -> &'static str {
        match self {
            Self::Listener(_) => "listeners",
            Self::ListenerSet(_) => "ListenerSets",
            Self::Route(_) => "routes",
            Self::Rule(_) => "rules",
        }
    }

    pub(in crate::resolve) fn name(&self) -> &str {
        match self {
            Self::Listener(name) | Self::ListenerSet(name) | Self::Route(name) | Self::Rule(name) => name,
        }
    }
}

impl ObjectKey {
    pub(in crate::resolve) fn of<T>(object: &Object<T>) -> Self {
        Self::new(object.kind, &object.metadata)
    }

    pub(in crate::resolve) fn new(kind: &'static str, metadata: &Metadata) -> Self {
        let (namespace, name) = metadata.key();
        Self { kind, namespace: namespace.to_owned(), name: name.to_owned() }
    }
}
