//! What a policy means for the clusters of one rule: the host that health checks ask for, and whether they can ask at all.

use super::{Once, Policy, TrafficPolicies, settings};
use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::backend_traffic_policy::Checker;
use crate::manifest::gateway_api::route::{Route, Rule};
use crate::model::{ClusterSettings, Domain, HttpVersion};
use crate::resolve::backends::Backend;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// A rule with its backends.
pub(in crate::resolve) struct CheckedRule<'m, 'b> {
    pub(in crate::resolve) route: &'m Object<Route>,
    pub(in crate::resolve) rule: &'m Rule,
    /// The hostnames of the route.
    pub(in crate::resolve) hostnames: &'b [Domain],
    pub(in crate::resolve) backends: &'b [Backend],
}

impl<'m> CheckedRule<'m, '_> {
    /// The settings of the rule's clusters.
    pub(in crate::resolve) fn settings(
        &self,
        policy: Policy<'m>,
        policies: &mut TrafficPolicies<'m>,
        report: &mut Report,
    ) -> ClusterSettings {
        let mut settings = settings::cluster(policy, &self.host());
        if let Some(active) = &policy.spec.health_check.active
            && matches!(active.checker, Checker::Grpc { .. })
            && self.backends.iter().any(|backend| backend.version == Some(HttpVersion::Http1))
        {
            // Envoy does not start with such a cluster.
            settings.health.active = None;
            if policies.is_first_report(policy, Once::GrpcHealthCheck) {
                let place = Place::new(policy, "spec.healthCheck.active.type", active.type_span);
                let place = place.because(Part::Whole, ConditionType::Accepted, Reason::Invalid);
                let message = "gRPC health checks need HTTP/2, but endpoints of this policy have HTTP/1.1";
                let error = report.error(Code::UnsupportedProtocol, place, message.to_owned());
                error.related = Some((self.rule.span, format!("this rule of {}", self.route.kind)));
                error.hint = Some(String::from(
                    "set `appProtocol: kubernetes.io/h2c` in the ports of the Services, or use another type of health check",
                ));
            }
        }
        settings
    }

    /// What health checks ask for: a hostname of the route, or else a name of a backend inside the cluster. (Envoy would ask for the
    /// name of its cluster, which is no hostname.)
    fn host(&self) -> String {
        let exact = self.hostnames.iter().filter_map(|hostname| match hostname {
            Domain::Exact(name) => Some(name.clone()),
            Domain::Wildcard(_) | Domain::Any => None,
        });
        let own = &self.route.metadata.namespace.value;
        let of_backends = self.rule.backend_refs.iter().map(|backend| {
            let namespace = backend.namespace.as_ref().map_or(own, |namespace| &namespace.value);
            format!("{}.{namespace}", backend.name.value)
        });
        exact.min().or_else(|| of_backends.min()).unwrap_or_default()
    }
}
