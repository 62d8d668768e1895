//! What was decided of each object, in the words of the Gateway API's conditions. Recorded where it is decided; `conditions`
//! makes the statuses of it.
//!
//! Only what is not as it should be has a reason here: [`Place::because`] gives it to a finding, [`Report::decide`] records it
//! without one. What went well is recorded as such: which listeners a parentRef came to, and which of them Envoy serves.

use std::collections::{BTreeMap, BTreeSet};

use crate::manifest::{Metadata, Object};
use crate::status::{ConditionType, Reason};

/// Everything that was decided.
#[derive(Clone, Debug, Default)]
pub(in crate::resolve) struct Decisions {
    verdicts: BTreeMap<ObjectKey, Vec<Verdict>>,
    parents: BTreeMap<ObjectKey, BTreeMap<usize, ParentOutcome>>,
    programmed: BTreeSet<(ObjectKey, usize)>,
    not_selected: BTreeSet<ObjectKey>,
    /// The routes that each policy is about.
    affected_routes: BTreeMap<ObjectKey, BTreeSet<ObjectKey>>,
}

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
    /// All of it.
    Whole,
    /// The listener at this position of a Gateway.
    Listener(usize),
    /// The parentRef at this position of a route.
    Parent(usize),
    /// The rule at this position of a route.
    Rule(usize),
}

/// A condition that is not as it should be, and why.
#[derive(Clone, Debug)]
pub(in crate::resolve) struct Verdict {
    pub(in crate::resolve) part: Part,
    pub(in crate::resolve) condition: ConditionType,
    pub(in crate::resolve) reason: Reason,
    pub(in crate::resolve) message: String,
}

/// What became of a parentRef.
#[derive(Clone, Debug)]
pub(in crate::resolve) enum ParentOutcome {
    /// It names a Gateway that was not asked for.
    NotSelected,
    /// It selects these listeners of its Gateway by their positions; none when there is a verdict that says why.
    Attached(Vec<usize>),
}

impl Decisions {
    /// The verdicts about an object and its parts, in the order in which they were found.
    pub(in crate::resolve) fn of(&self, object: &ObjectKey) -> &[Verdict] {
        self.verdicts.get(object).map_or(&[], Vec::as_slice)
    }

    /// What became of a parentRef of a route.
    pub(in crate::resolve) fn parent(&self, route: &ObjectKey, number: usize) -> Option<&ParentOutcome> {
        self.parents.get(route)?.get(&number)
    }

    /// Whether Envoy serves the listener at this position of a Gateway.
    pub(in crate::resolve) fn is_programmed(&self, gateway: &ObjectKey, position: usize) -> bool {
        self.programmed.contains(&(gateway.clone(), position))
    }

    /// The routes that a policy is about, because it is for one of their backends.
    pub(in crate::resolve) fn affected_routes(&self, policy: &ObjectKey) -> impl Iterator<Item = &ObjectKey> {
        self.affected_routes.get(policy).into_iter().flatten()
    }

    /// Whether a Gateway was asked for.
    pub(in crate::resolve) fn is_selected(&self, gateway: &ObjectKey) -> bool {
        !self.not_selected.contains(gateway)
    }

    /// Records what became of a parentRef.
    pub(in crate::resolve) fn attach<T>(&mut self, route: &Object<T>, number: usize, outcome: ParentOutcome) {
        let key = ObjectKey::of(route);
        self.parents.entry(key).or_default().insert(number, outcome);
    }

    /// Takes a listener from a parentRef again; tells whether it has none any more.
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

    /// Records that a policy is for a backend of a route, whether or not it counts there.
    pub(in crate::resolve) fn record_affected<P, R>(&mut self, policy: &Object<P>, route: &Object<R>) {
        let key = ObjectKey::of(policy);
        let routes = self.affected_routes.entry(key).or_default();
        routes.insert(ObjectKey::of(route));
    }

    /// Records that a Gateway was not asked for.
    pub(in crate::resolve) fn skip<T>(&mut self, gateway: &Object<T>) {
        self.not_selected.insert(ObjectKey::of(gateway));
    }

    /// Records that Envoy serves the listener at this position.
    pub(in crate::resolve) fn program<T>(&mut self, gateway: &Object<T>, position: usize) {
        let key = ObjectKey::of(gateway);
        self.programmed.insert((key, position));
    }

    pub(in crate::resolve) fn record(&mut self, object: ObjectKey, verdict: Verdict) {
        self.verdicts.entry(object).or_default().push(verdict);
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
