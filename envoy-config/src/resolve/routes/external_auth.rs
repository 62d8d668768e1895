//! The servers that authorize the requests of a rule (Gateway API, `HTTPExternalAuthFilter`).
//!
//! Each has a cluster of its own. If one does not resolve, the requests of the rule get an error: they would bypass the
//! authorization.

use std::mem;

use session_persistence::config::OnEndpointLost;

use super::filters::{Effects, RequestedAuth};
use crate::diagnostic::Code;
use crate::manifest::Object;
use crate::manifest::gateway_api::route::Route;
use crate::manifest::gateway_api::route::filters::{AuthProtocol as Written, ExternalAuth as Filter};
use crate::model::{AuthProtocol, Cluster, ClusterSettings, ExternalAuth, HttpVersion, Traffic};
use crate::resolve::backends::Backends;
use crate::resolve::policies::scope::Scope;
use crate::resolve::status::decisions::Part;
use crate::resolve::status::report::{Place, Report};
use crate::status::{ConditionType, Reason};

/// A rule with servers.
pub(super) struct Rule<'m, 'r> {
    pub(super) route: &'m Object<Route>,
    /// Its position in the route.
    pub(super) number: usize,
    /// The name of its clusters.
    pub(super) name: &'r str,
    pub(super) identity: &'r str,
}

impl<'m> Rule<'m, '_> {
    /// Adds the servers that its filters name to their effects. Returns a cluster for each.
    pub(super) fn resolve(
        &self,
        effects: &mut Effects<'m>,
        scope: &Scope<'m>,
        backends: &mut Backends<'m, '_>,
        report: &mut Report,
    ) -> Vec<Cluster> {
        let auths = mem::take(&mut effects.auths);
        let server = |(position, (field, span, auth)): (usize, &RequestedAuth<'m>)| {
            let path = self.path(field, auth, report)?;
            let of_backend = format!("{field}.externalAuth.backendRef");
            let Some(backend) = backends.of_filter(self.route, of_backend, &auth.backend, report) else {
                let place = Place::new(self.route, field.clone(), *span);
                let part = Part::Rule(self.number);
                let place = place.because(part, ConditionType::PartiallyInvalid, Reason::UnsupportedValue);
                let message = "the authorization server does not resolve, so requests get 500";
                report.decide(&place, message);
                return None;
            };
            let backend = scope.presented(backend);
            let cluster = Cluster {
                name: format!("{}/auth/{position}", self.name),
                identity: format!("{}/auth/{position}", self.identity),
                persistent: false,
                on_endpoint_lost: OnEndpointLost::default(),
                traffic: Traffic::Http,
                version: match auth.protocol {
                    Written::Grpc { .. } => HttpVersion::Http2,
                    Written::Http { .. } => backend.version.unwrap_or(HttpVersion::Http1),
                },
                within: None,
                settings: ClusterSettings::default(),
                localities: vec![backend.locality],
            };
            Some((self.server(auth, path, &cluster.name), cluster))
        };
        let (servers, clusters): (Vec<_>, Vec<_>) = auths.iter().enumerate().filter_map(server).unzip();
        effects.rejected |= servers.len() < auths.len();
        effects.external_auth = servers;
        clusters
    }

    /// What goes before the path of a request; `None` if that is no path, which is reported.
    fn path(&self, field: &str, auth: &Filter, report: &mut Report) -> Option<String> {
        match &auth.protocol {
            Written::Http { path: Ok(path), .. } => Some(path.clone()),
            Written::Http { path: Err(problem), .. } => {
                let place = Place::new(self.route, format!("{field}.externalAuth.http.path"), problem.span);
                let part = Part::Rule(self.number);
                let place = place.because(part, ConditionType::Accepted, Reason::UnsupportedValue);
                report.error(Code::InvalidPath, place, problem.value.clone()).hint =
                    Some(String::from("until it is corrected, requests that the filter applies to get 500"));
                None
            }
            Written::Grpc { .. } => Some(String::new()),
        }
    }

    fn server(&self, filter: &Filter, path: String, cluster: &str) -> ExternalAuth {
        let Filter { protocol, backend, max_body } = filter;
        let namespace = backend.namespace.as_ref().unwrap_or(&self.route.metadata.namespace);
        ExternalAuth {
            cluster: cluster.to_owned(),
            host: format!("{}.{}", backend.name.value, namespace.value),
            protocol: match protocol.clone() {
                Written::Grpc { request_headers } => AuthProtocol::Grpc { request_headers },
                Written::Http { request_headers, response_headers, .. } => {
                    AuthProtocol::Http { path, request_headers, response_headers }
                }
            },
            max_body: *max_body,
        }
    }
}

/// An authorization for one backendRef is not supported: a session can move a request to another backendRef, after the
/// filters of the first have run.
pub(super) fn refuse_in_backend(
    route: &Object<Route>,
    number: usize,
    effects: &mut Effects<'_>,
    report: &mut Report,
) {
    for (field, span, _) in mem::take(&mut effects.auths) {
        let place = Place::new(route, field, span);
        let place = place.because(Part::Rule(number), ConditionType::Accepted, Reason::UnsupportedValue);
        let message = String::from("filter `ExternalAuth` is not supported in a backendRef");
        report.error(Code::NotSupported, place, message).hint =
            Some(String::from("move it to the rule; until then, requests that it applies to get 500"));
        effects.rejected = true;
    }
}
