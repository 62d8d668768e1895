//! Envoy Gateway's `BackendTrafficPolicy`: how Envoy treats the backends of rules. [`super::attached`] decides which policy applies
//! to a rule.
//!
//! `checked_rule` decides what a policy means for a rule; `settings` turns a policy into settings of the model.

pub(in crate::resolve) mod checked_rule;
pub(in crate::resolve) mod settings;

use std::collections::BTreeSet;

use super::attached::AttachedPolicies;
use super::target_objects::{HasTargets, TargetObjects};
use crate::diagnostic::Code;
use crate::manifest::backend_traffic_policy::{BackendTrafficPolicy, HashInput, LoadBalancer};
use crate::manifest::gateway_api::session_persistence::Carrier;
use crate::manifest::policy_targets::Targets;
use crate::manifest::{Manifests, Object};
use crate::resolve::sessions::source::Session;
use crate::resolve::status::decisions::ObjectKey;
use crate::resolve::status::report::{Place, Report};

pub(in crate::resolve) type Policy<'m> = &'m Object<BackendTrafficPolicy>;

/// All of these policies.
pub(in crate::resolve) struct TrafficPolicies<'m> {
    pub(super) attached: AttachedPolicies<'m, BackendTrafficPolicy>,
    /// Policies about which something was reported that is said once.
    reported: BTreeSet<(ObjectKey, Once)>,
}

/// What is reported once about a policy, not for each rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::resolve) enum Once {
    /// Its retries do not apply to requests with a session.
    RetryWithoutSession,
    /// Its gRPC health checks cannot ask endpoints with HTTP/1.1.
    GrpcHealthCheck,
}

impl HasTargets for BackendTrafficPolicy {
    fn targets(&self) -> &Targets {
        &self.targets
    }
}

impl<'m> TrafficPolicies<'m> {
    /// Indexes the policies by target, and reports those that do not apply.
    pub(super) fn index(
        manifests: &'m Manifests,
        objects: &TargetObjects<'m, '_>,
        report: &mut Report,
    ) -> Self {
        let attached = AttachedPolicies::index(&manifests.envoy_traffic_policies, objects, report);
        Self { attached, reported: BTreeSet::new() }
    }

    /// Whether this was not reported yet about a policy.
    pub(in crate::resolve) fn is_first_report(&mut self, policy: Policy<'m>, what: Once) -> bool {
        self.reported.insert((ObjectKey::of(policy), what))
    }
}

/// Warns if a policy lets Envoy set a cookie with the name of a rule's session cookie.
///
/// `prefix` precedes the name of the session in that of its cookie.
pub(in crate::resolve) fn warn_about_cookie(
    policy: Policy<'_>,
    session: &Session<'_>,
    prefix: &str,
    report: &mut Report,
) {
    if let Some(LoadBalancer::ConsistentHash(hash)) = &policy.spec.load_balancer
        && let HashInput::Cookie { name, ttl: Some(_), .. } = &hash.input
        && let Carrier::Cookie { name: Some(own), .. } = &session.persistence.carrier
        && name.value.strip_prefix(prefix) == Some(own.value.as_str())
    {
        let place = Place::new(policy, "spec.loadBalancer.consistentHash.cookie.name", name.span);
        let message = String::from(
            "Envoy sets this cookie, but it has the name of a session cookie: they overwrite each other",
        );
        let warning = report.warning(Code::CookieNameConflict, place, message);
        warning.related = Some((own.span, String::from("the session cookie of a rule")));
        warning.hint =
            Some(String::from("use another name, or remove `ttl`: then Envoy only reads the cookie"));
    }
}
