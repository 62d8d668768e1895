//! The policies of all kinds for a rule: its own, or those that it inherits from the listeners of its route.
//!
//! If listeners of a route have different policies, the route is resolved once for each combination ([`Scope`]).

use std::collections::BTreeMap;

use super::attached::AttachedPolicies;
use super::backend_traffic::{self, TrafficPolicies};
use super::target_objects::{HasTargets, TargetObjects};
use crate::manifest::backend_traffic_policy::BackendTrafficPolicy;
use crate::manifest::gateway_api::route::{Route, Rule};
use crate::manifest::{Manifests, Object};
use crate::resolve::attach::ListenerPosition;
use crate::resolve::gateways::Gateways;
use crate::resolve::listeners::addresses::BoundAddress;
use crate::resolve::status::report::Report;

/// The policies for Gateways and routes, by kind.
pub(in crate::resolve) struct RulePolicies<'m> {
    pub(in crate::resolve) traffic: TrafficPolicies<'m>,
}

/// Some listeners of a route to which the same policies of listeners or Gateways apply.
#[derive(Clone)]
pub(in crate::resolve) struct Scope<'m> {
    traffic: Inherited<'m, BackendTrafficPolicy>,
}

/// The policy of a kind for rules without one of their own.
struct Inherited<'m, P> {
    policy: Option<&'m Object<P>>,
    /// Distinguishes the names of clusters from those for other listeners.
    suffix: String,
}

/// The policies that apply to a rule.
pub(in crate::resolve) struct PoliciesOfRule<'m> {
    pub(in crate::resolve) traffic: Option<backend_traffic::Policy<'m>>,
    /// Distinguishes the names of its clusters from those for other listeners: empty, or `@namespace/policy`.
    pub(in crate::resolve) suffix: String,
}

impl<'m> RulePolicies<'m> {
    /// Indexes the policies by target, and reports those that do not apply.
    pub(in crate::resolve) fn index(
        manifests: &'m Manifests,
        gateways: &Gateways<'m>,
        report: &mut Report,
    ) -> Self {
        let objects = TargetObjects::index(manifests, gateways);
        Self { traffic: TrafficPolicies::index(manifests, &objects, report) }
    }

    /// Groups the listeners of a route by the policies that its rules inherit from them.
    pub(in crate::resolve) fn scopes(
        &self,
        route: &'m Object<Route>,
        listeners: Vec<ListenerPosition>,
        bounds: &[BoundAddress<'m>],
    ) -> Vec<(Scope<'m>, Vec<ListenerPosition>)> {
        let traffic = InheritedByListener::new(&self.traffic.attached, route, bounds);
        let mut groups: BTreeMap<_, Vec<ListenerPosition>> = BTreeMap::new();
        for position in listeners {
            groups.entry(traffic.key(position)).or_default().push(position);
        }
        let Some(first) = groups.keys().next().copied() else {
            return vec![(Scope { traffic: Inherited::default() }, Vec::new())];
        };
        let groups = groups.into_iter().map(|(key, listeners)| {
            // The first ones have the names that the route has if all listeners have the same policies.
            (Scope { traffic: traffic.inherited(&listeners, key != first) }, listeners)
        });
        groups.collect()
    }

    /// The policies that apply to a rule.
    pub(in crate::resolve) fn of(
        &self,
        route: &'m Object<Route>,
        rule: &'m Rule,
        scope: &Scope<'m>,
        report: &mut Report,
    ) -> PoliciesOfRule<'m> {
        let traffic = scope.traffic.or_own(self.traffic.attached.own(route, rule, report));
        PoliciesOfRule { traffic: traffic.policy, suffix: traffic.suffix }
    }
}

/// The policies of a kind that a route inherits from each of its listeners.
struct InheritedByListener<'m, 'p, P> {
    /// `None` if all rules have their own policies.
    policies: Option<&'p AttachedPolicies<'m, P>>,
    bounds: &'p [BoundAddress<'m>],
}

impl<'m, 'p, P: HasTargets> InheritedByListener<'m, 'p, P> {
    fn new(
        policies: &'p AttachedPolicies<'m, P>,
        route: &'m Object<Route>,
        bounds: &'p [BoundAddress<'m>],
    ) -> Self {
        Self { policies: Some(policies).filter(|policies| policies.are_inherited_by(route)), bounds }
    }

    fn of(&self, position: ListenerPosition) -> Option<&'m Object<P>> {
        let bound = self.bounds.get(position.bound)?;
        let section = bound.listeners.get(position.listener)?;
        self.policies?.inherited(bound.gateway, &section.listener.name.value)
    }

    /// The name of the policy.
    fn key(&self, position: ListenerPosition) -> Option<(&'m str, &'m str)> {
        self.of(position).map(|policy| policy.metadata.key())
    }

    /// The policy of these listeners, which have the same.
    fn inherited(&self, listeners: &[ListenerPosition], differs: bool) -> Inherited<'m, P> {
        let policy = listeners.first().and_then(|position| self.of(*position));
        let suffix = policy.filter(|_| differs).map(|policy| {
            let (namespace, name) = policy.metadata.key();
            format!("@{namespace}/{name}")
        });
        Inherited { policy, suffix: suffix.unwrap_or_default() }
    }
}

impl<'m, P> Inherited<'m, P> {
    /// The own policy of a rule, which is the same for all listeners, or else this one.
    fn or_own(&self, own: Option<&'m Object<P>>) -> Self {
        own.map_or_else(|| self.clone(), |own| Self { policy: Some(own), suffix: String::new() })
    }
}

impl<P> Clone for Inherited<'_, P> {
    fn clone(&self) -> Self {
        Self { policy: self.policy, suffix: self.suffix.clone() }
    }
}

impl<P> Default for Inherited<'_, P> {
    fn default() -> Self {
        Self { policy: None, suffix: String::new() }
    }
}
