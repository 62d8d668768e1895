//! Applies the semantics of the Gateway API to all manifests together.
//!
//! Reads typed manifests and returns a [`Compilation`]: the model of what to serve, and diagnostics. Neither
//! refers back to the manifests. The cost grows linearly with the manifests and the model.
//!
//! - `gateways`: which Gateways are served.
//! - `listeners`: the address and the certificates of each listener.
//! - `attach`: which routes attach to which listeners.
//! - `hostnames`: how hostnames cover each other.
//! - `references`: which references are permitted, and the objects they name.
//! - `policies`: the targets of policies, and TLS to backends.
//! - `backends`: the endpoints of a backendRef.
//! - `sessions`: the session persistence of each rule.
//! - `routes`: the Envoy routes and clusters of each rule, and the virtual hosts that contain them.
//! - `seniority`: which of several equal objects takes precedence.
//! - `status`: collects findings and decisions, and makes the status of each object.

mod attach;
mod backends;
mod gateways;
mod hostnames;
mod listeners;
mod policies;
mod references;
mod routes;
mod seniority;
mod sessions;
mod status;

use self::attach::{Attacher, Attachment, ListenerPosition, hostname_conflicts};
use self::backends::Backends;
use self::backends::local_endpoints::LocalEndpoints;
use self::gateways::Gateways;
use self::listeners::addresses::{self, BoundAddress, Security};
use self::listeners::certificates;
use self::listeners::section::Section;
use self::policies::scope::RulePolicies;
use self::policies::unsupported;
use self::references::grants::Grants;
pub(crate) use self::references::label_selector::selects;
use self::routes::conflicts::{Conflicts, RulePosition};
use self::routes::rules::{self, ResolvedRoute};
use self::routes::virtual_hosts::{self, Host};
use self::sessions::{browser_rules, cookie_conflicts};
use self::status::conditions;
use self::status::decisions::Decisions;
use self::status::report::Report;
use self::status::unread;
use crate::diagnostic::{Code, Diagnostic, Secrecy, Severity};
use crate::manifest::{Manifests, Metadata};
use crate::model::{Listener, Model, Protocol};
use crate::notes::Notes;
use crate::options::{Options, UsageError};
use crate::source::{Source, Span};
use crate::status::ObjectStatus;

/// What manifests compile to.
#[derive(Clone, Debug, Default)]
pub struct Compilation {
    /// What to serve. `None` if the options do not fit the manifests, if there is nothing to serve, or if there is an error
    /// among the diagnostics and [`Options::keep_going`] is off.
    pub model: Option<Model>,
    /// What was found in the manifests, in the order of the sources.
    pub diagnostics: Vec<Diagnostic>,
    /// Options that do not fit the manifests: mistakes in the call, not in the manifests.
    pub usage_errors: Vec<UsageError>,
    /// What is worth a line at the end, and is neither an error nor a warning.
    pub notes: Notes,
    manifests: Manifests,
    decisions: Decisions,
}

impl Compilation {
    /// What was compiled.
    pub(crate) const fn manifests(&self) -> &Manifests {
        &self.manifests
    }

    /// The status that each object would have in a cluster, by kind, namespace and name; without the objects that belong
    /// to other Gateways than [`Options::gateway`]. Meaningless if there are usage errors.
    ///
    /// The sources are those that were compiled: values of Secrets in them are hidden in the messages.
    #[must_use]
    pub fn statuses(&self, sources: &[Source]) -> Vec<ObjectStatus> {
        let mut statuses = conditions::statuses(&self.manifests, &self.decisions);
        let secrecy = Secrecy::of(sources);
        for status in &mut statuses {
            status.hide_secrets(&secrecy);
        }
        statuses
    }
}

/// Resolves manifests, given the reader's findings. A reference to an object that could not be read is not
/// reported as a second error.
#[must_use]
pub fn resolve(manifests: Manifests, mut reading: Vec<Diagnostic>, options: &Options) -> Compilation {
    let mut report = Report::after(&reading, Notes::of(&manifests));
    let (model, usage_errors) = match model(&manifests, options, &mut report) {
        Ok(model) => (model, Vec::new()),
        Err(usage_errors) => (None, usage_errors),
    };
    if options.keep_going {
        unread::explain(&manifests, &mut reading);
    }
    let Report { diagnostics: resolving, notes, decisions, .. } = report;
    let mut diagnostics = reading;
    diagnostics.extend(resolving);
    diagnostics.sort_by_key(|found| (found.span.source, found.span.start, found.severity));
    let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
    let model = model.filter(|_| usage_errors.is_empty() && (options.keep_going || !failed));
    Compilation { model, diagnostics, usage_errors, notes, manifests, decisions }
}

fn model(
    manifests: &Manifests,
    options: &Options,
    report: &mut Report,
) -> Result<Option<Model>, Vec<UsageError>> {
    let gateways = Gateways::select(manifests, options, report).map_err(|usage_error| vec![usage_error])?;
    if gateways.is_empty() {
        if !report.may_have_unread("Gateway") {
            report.diagnostics.push(no_gateway(manifests));
        }
        attach::reject_without_gateway(manifests, report);
        unsupported::ignore(manifests, report);
        return Ok(None);
    }
    let grants = Grants::index(manifests);
    let bounds = addresses::assign(manifests, &gateways, options, report)?;
    let bounds = certificates::resolve(bounds, manifests, &grants, report);
    for bound in &bounds {
        bound.program(report);
    }
    let finder = Attacher::new(manifests, &gateways, &bounds);
    let policies = RulePolicies::index(manifests, &gateways, report);
    let mut backends = Backends::index(manifests, LocalEndpoints::new(options), &grants, policies, report);
    let (routes, mut attached) = attach_all(manifests, &finder, &bounds, &mut backends, report);
    backends.policies.sessions.warn_without_effect(report);
    hostname_conflicts::resolve(&bounds, &routes, &mut attached, report);
    let served = routes.iter().zip(&attached).filter(|(_, listeners)| !listeners.is_empty());
    let served: Vec<_> = served.map(|(route, _)| route.object).collect();
    unsupported::check(manifests, &gateways, &served, options.target, report);

    let mut conflicts = Conflicts::default();
    let listeners = listeners(&bounds, &routes, &attached, &mut conflicts);
    conflicts.report_all(&routes, report);
    cookie_conflicts::check(&listeners, &routes, report);
    browser_rules::check(&listeners, &routes, report);

    let mut clusters = Vec::new();
    for (position, route) in routes.into_iter().enumerate() {
        for (rule, cluster) in route.clusters {
            if conflicts.is_reached(RulePosition { route: position, rule }) {
                clusters.push(cluster);
            }
        }
    }
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    // A rule with a policy of its own is the same for all listeners.
    clusters.dedup_by(|one, other| one.name == other.name);
    Ok((!listeners.is_empty()).then_some(Model { listeners, clusters }))
}

/// Returns the routes by namespace and name, and the listeners of each. A route whose listeners have different policies
/// is returned once for each of them.
fn attach_all<'m>(
    manifests: &'m Manifests,
    attacher: &Attacher<'m, '_>,
    bounds: &[BoundAddress<'m>],
    backends: &mut Backends<'m, '_>,
    report: &mut Report,
) -> (Vec<ResolvedRoute<'m>>, Vec<Vec<ListenerPosition>>) {
    let mut objects: Vec<_> = manifests.routes.iter().collect();
    objects.sort_by_key(|route| (route.metadata.key(), route.spec.kind));
    let mut routes = Vec::with_capacity(objects.len());
    let mut positions = Vec::with_capacity(objects.len());
    for object in objects {
        let hostnames = rules::hostnames(object);
        // Routes that belong only to Gateways that are not selected are not checked.
        if let Attachment::Listeners(listeners) = attacher.attach(object, &hostnames, report) {
            let before = report.diagnostics.len();
            for (scope, listeners) in backends.policies.scopes(object, listeners, bounds, report) {
                let own = report.diagnostics.len();
                routes.push(ResolvedRoute::new(object, hostnames.clone(), scope, backends, report));
                report.forget_repeated(before, own);
                positions.push(listeners);
            }
        }
    }
    (routes, positions)
}

fn listeners(
    bounds: &[BoundAddress<'_>],
    routes: &[ResolvedRoute<'_>],
    attached: &[Vec<ListenerPosition>],
    conflicts: &mut Conflicts,
) -> Vec<Listener> {
    let mut hosts: Vec<Vec<Host>> = bounds
        .iter()
        .map(|bound| {
            let hostnames = bound.listeners.iter().map(Section::domain);
            hostnames.map(|hostname| Host { hostname, routes: Vec::new() }).collect()
        })
        .collect();
    for (route, positions) in attached.iter().enumerate() {
        for position in positions {
            let host = hosts.get_mut(position.bound).and_then(|hosts| hosts.get_mut(position.listener));
            if let Some(host) = host {
                host.routes.push(route);
            }
        }
    }
    let served = bounds.iter().zip(&hosts).map(|(bound, hosts)| {
        let (namespace, name) = bound.gateway.metadata.key();
        Listener {
            name: format!("{namespace}/{name}/{}", bound.port),
            bind: bound.bind,
            port: bound.port,
            protocol: match &bound.security {
                Security::Plaintext => {
                    Protocol::Http { virtual_hosts: virtual_hosts::build(hosts, routes, conflicts) }
                }
                Security::Tls(handshakes) => Protocol::Https {
                    sites: virtual_hosts::build_sites(hosts, handshakes, routes, conflicts),
                },
            },
        }
    });
    served.collect()
}

/// The finding points at the first route, if there is one: it cannot attach to anything.
fn no_gateway(manifests: &Manifests) -> Diagnostic {
    let route = manifests.routes.first();
    let span = route.map_or(Span { source: 0, start: 0, end: 0 }, |route| route.metadata.name.span);
    Diagnostic::error(Code::NoGateway, span, "the input contains no Gateway, so there is nothing to serve")
        .hint("add a Gateway with a listener to the input")
}

impl Metadata {
    /// Namespace and name.
    pub(crate) fn key(&self) -> (&str, &str) {
        (&self.namespace.value, &self.name.value)
    }
}
