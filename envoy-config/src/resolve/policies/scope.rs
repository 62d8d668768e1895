//! The policies of all kinds for a rule: its own, or those that it inherits from the listeners of its route.
//!
//! If listeners of a route have different policies, the route is resolved once for each combination ([`Scope`]).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::attached::{Applied, AttachedPolicies};
use super::backend_traffic::{self, TrafficPolicies};
use super::session_persistence::SessionSettings;
use super::target_objects::{HasTargets, Target, TargetObjects};
use crate::manifest::backend_traffic_policy::BackendTrafficPolicy;
use crate::manifest::gateway_api::route::{Route, Rule};
use crate::manifest::session_persistence_policy::SessionPersistencePolicy;
use crate::manifest::{Manifests, Object};
use crate::model::{Certificate, UpstreamTls};
use crate::resolve::attach::ListenerPosition;
use crate::resolve::backends::Backend;
use crate::resolve::gateways::Gateways;
use crate::resolve::listeners::addresses::BoundAddress;
use crate::resolve::sessions::source::Session;
use crate::resolve::status::report::Report;

/// The policies for Gateways and routes, by kind.
pub(in crate::resolve) struct RulePolicies<'m> {
    pub(in crate::resolve) traffic: TrafficPolicies<'m>,
    pub(in crate::resolve) sessions: SessionSettings<'m>,
    /// Whether there are backends with TLS, which can ask for a client certificate.
    has_backend_tls: bool,
}

/// Some listeners of a route to which the same policies of listeners or Gateways apply, and whose Gateways present the same
/// client certificate to backends.
#[derive(Clone, Default)]
pub(in crate::resolve) struct Scope<'m> {
    certificate: Option<Arc<Certificate>>,
    /// Distinguishes the names of clusters from those for other client certificates.
    certificate_suffix: String,
    traffic: Inherited<'m, BackendTrafficPolicy>,
    sessions: Inherited<'m, SessionPersistencePolicy>,
}

/// The policy of a kind for rules without one of their own.
struct Inherited<'m, P> {
    applied: Option<Applied<'m, P>>,
    /// Distinguishes the names of clusters from those for other listeners.
    suffix: String,
}

/// The policies that apply to a rule.
pub(in crate::resolve) struct PoliciesOfRule<'m> {
    pub(in crate::resolve) traffic: Option<backend_traffic::Policy<'m>>,
    pub(in crate::resolve) sessions: Option<&'m Object<SessionPersistencePolicy>>,
    /// Distinguishes the names of its clusters from those for other listeners: empty, or `@namespace/policy` for a
    /// `BackendTrafficPolicy`, `@sessions:namespace/policy` for a `SessionPersistencePolicy`, `@client:namespace/secret` for a
    /// client certificate, or several of them.
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
        Self {
            traffic: TrafficPolicies::index(manifests, &objects, report),
            sessions: SessionSettings::index(manifests, &objects, report),
            has_backend_tls: !manifests.backend_tls_policies.is_empty()
                || manifests.xbackends.iter().any(|backend| backend.spec.tls.is_some()),
        }
    }

    /// Groups the listeners of a route by the policies that its rules inherit from them.
    pub(in crate::resolve) fn scopes(
        &self,
        route: &'m Object<Route>,
        listeners: Vec<ListenerPosition>,
        bounds: &[BoundAddress<'m>],
        report: &mut Report,
    ) -> Vec<(Scope<'m>, Vec<ListenerPosition>)> {
        let traffic = InheritedByListener::new(&self.traffic.attached, "@", route, bounds);
        let sessions = InheritedByListener::new(&self.sessions.attached, "@sessions:", route, bounds);
        traffic.record_overridden(&listeners, report);
        sessions.record_overridden(&listeners, report);
        let certificate = |position: ListenerPosition| {
            let bound = bounds.get(position.bound).filter(|_| self.has_backend_tls);
            bound.and_then(|bound| bound.for_backends.as_ref())
        };
        let secret = |position| certificate(position).map(|certificate| certificate.secret.as_str());
        let mut groups: BTreeMap<_, Vec<ListenerPosition>> = BTreeMap::new();
        for position in listeners {
            let key = (traffic.key(position), sessions.key(position), secret(position));
            groups.entry(key).or_default().push(position);
        }
        if groups.is_empty() {
            return vec![(Scope::default(), Vec::new())];
        }
        // The first of each kind has the names that the route has if all listeners have the same policies.
        let first_traffic = groups.keys().map(|(key, _, _)| *key).min();
        let first_sessions = groups.keys().map(|(_, key, _)| *key).min();
        let first_secret = groups.keys().map(|(_, _, key)| *key).min();
        let groups = groups.into_iter().map(|((of_traffic, of_sessions, secret), listeners)| {
            let differs = Some(secret) != first_secret;
            let suffix = secret.filter(|_| differs).map(|secret| format!("@client:{secret}"));
            let scope = Scope {
                certificate: listeners.first().and_then(|position| certificate(*position)).cloned(),
                certificate_suffix: suffix.unwrap_or_default(),
                traffic: traffic.inherited(&listeners, Some(of_traffic) != first_traffic),
                sessions: sessions.inherited(&listeners, Some(of_sessions) != first_sessions),
            };
            (scope, listeners)
        });
        groups.collect()
    }

    /// The policies that apply to a rule with these sessions.
    pub(in crate::resolve) fn of(
        &mut self,
        route: &'m Object<Route>,
        rule: &'m Rule,
        session: Option<&Session<'m>>,
        scope: &Scope<'m>,
        report: &mut Report,
    ) -> PoliciesOfRule<'m> {
        let traffic = scope.traffic.or_own(self.traffic.attached.own(route, rule, report));
        let sessions = scope.sessions.or_own(self.sessions.attached.own(route, rule, report));
        if let Some(applied) = sessions.applied {
            self.sessions.reach(applied, session);
        }
        let sessions = if session.is_some() { sessions } else { Inherited::default() };
        PoliciesOfRule {
            traffic: traffic.applied.map(|applied| applied.policy),
            sessions: sessions.applied.map(|applied| applied.policy),
            suffix: format!("{}{}{}", traffic.suffix, sessions.suffix, scope.certificate_suffix),
        }
    }
}

impl Scope<'_> {
    /// The backends of a rule, to which Envoy presents the client certificate of these listeners if they have TLS and no client
    /// certificate of their own.
    pub(in crate::resolve) fn presenting(&self, backends: Vec<Backend>) -> Vec<Backend> {
        backends.into_iter().map(|backend| self.presented(backend)).collect()
    }

    /// The same for one backend.
    pub(in crate::resolve) fn presented(&self, mut backend: Backend) -> Backend {
        if let (Some(certificate), Some(tls)) = (&self.certificate, &mut backend.locality.tls)
            && tls.client_certificate.is_none()
        {
            let client_certificate = Some(Arc::clone(certificate));
            *tls = Arc::new(UpstreamTls { client_certificate, ..UpstreamTls::clone(tls) });
        }
        backend
    }
}

/// The policies of a kind that a route inherits from each of its listeners.
struct InheritedByListener<'m, 'p, P> {
    /// `None` if all rules have their own policies.
    inherited: Option<&'p AttachedPolicies<'m, P>>,
    all: &'p AttachedPolicies<'m, P>,
    route: &'m Object<Route>,
    bounds: &'p [BoundAddress<'m>],
    /// What begins the suffix of cluster names.
    prefix: &'static str,
}

impl<'m, 'p, P: HasTargets> InheritedByListener<'m, 'p, P> {
    fn new(
        all: &'p AttachedPolicies<'m, P>,
        prefix: &'static str,
        route: &'m Object<Route>,
        bounds: &'p [BoundAddress<'m>],
    ) -> Self {
        let inherited = Some(all).filter(|policies| policies.are_inherited_by(route));
        Self { inherited, all, route, bounds, prefix }
    }

    fn of(&self, position: ListenerPosition) -> Option<Applied<'m, P>> {
        self.inherited?.inherited(self.targets(position)?)
    }

    fn targets(&self, position: ListenerPosition) -> Option<Vec<Target<'m>>> {
        let bound = self.bounds.get(position.bound)?;
        Some(Target::inherited(bound.listeners.get(position.listener)?, bound.gateway))
    }

    /// Records that the route overrides policies of these listeners, if it does.
    fn record_overridden(&self, listeners: &[ListenerPosition], report: &mut Report) {
        for targets in listeners.iter().filter_map(|position| self.targets(*position)) {
            self.all.record_overridden_by(self.route, &targets, report);
        }
    }

    /// The name of the policy.
    fn key(&self, position: ListenerPosition) -> Option<(&'m str, &'m str)> {
        self.of(position).map(|applied| applied.policy.metadata.key())
    }

    /// The policy of these listeners, which have the same.
    fn inherited(&self, listeners: &[ListenerPosition], differs: bool) -> Inherited<'m, P> {
        let applied = listeners.first().and_then(|position| self.of(*position));
        let suffix = applied.filter(|_| differs).map(|applied| {
            let (namespace, name) = applied.policy.metadata.key();
            format!("{}{namespace}/{name}", self.prefix)
        });
        Inherited { applied, suffix: suffix.unwrap_or_default() }
    }
}

impl<'m, P> Inherited<'m, P> {
    /// The own policy of a rule, which is the same for all listeners, or else this one.
    fn or_own(&self, own: Option<Applied<'m, P>>) -> Self {
        own.map_or_else(|| self.clone(), |own| Self { applied: Some(own), suffix: String::new() })
    }
}

impl<P> Clone for Inherited<'_, P> {
    fn clone(&self) -> Self {
        Self { applied: self.applied, suffix: self.suffix.clone() }
    }
}

impl<P> Default for Inherited<'_, P> {
    fn default() -> Self {
        Self { applied: None, suffix: String::new() }
    }
}
