//! What the manifests mean together: the semantics of the Gateway API.
//!
//! It reads typed manifests, looks everything up by name, and leaves nothing of them behind: the model holds what is to
//! be served, the diagnostics what is wrong. Its cost grows with the manifests and the model, not with their square.
//!
//! - `gateways`: which Gateways are served.
//! - `binds`: which address each of their listeners binds, with `port_mappings`; `kinds`: the protocols and routes they
//!   can have.
//! - `grants`: which references into other namespaces are permitted; `referents`: those to kinds they cannot have.
//! - `certificates`: what their TLS handshakes show; `clients`: what they ask for.
//! - `attach`: which routes attach to which listeners; `rivals`: which of them may not share a hostname there.
//! - `rules`: what the rules of a route serve; with `matches` for which requests, `backends`, `endpoints` and
//!   `backend_tls` for where requests go, `filters` for what happens on the way, `ways` for rules that
//!   are divided, `sessions`, `persistence`, `rule_id` and `cookie_path` for their
//!   sessions.
//! - `local`: endpoints that lead to Envoy's own machine.
//! - `targets`: what policies for backends are for; `other_policies`: those that are not applied.
//! - `virtual_hosts`: which routes a `hostname` serves, in the order of `precedence`.
//! - `collisions`: rules that get in each other's way; `cookies`: those whose cookies do, and cookies that a browser refuses.
//! - `left_out`: what happens to requests when an object could not be read.
//! - `report`: collects what is wrong; `decisions` what was decided, of which `conditions` makes the statuses of objects.

mod attach;
mod backend_tls;
mod backends;
mod binds;
mod certificates;
mod clients;
mod collisions;
mod conditions;
mod cookie_path;
mod cookies;
mod decisions;
mod endpoints;
mod filters;
mod gateways;
mod grants;
mod hostname;
mod kinds;
pub(crate) mod left_out;
mod local;
mod matches;
mod other_policies;
mod persistence;
mod port_mappings;
mod precedence;
mod referents;
mod report;
mod retry;
mod rivals;
mod rule_id;
mod rules;
mod sessions;
mod targets;
mod virtual_hosts;
mod ways;

use self::attach::{Attacher, Attachment, ListenerPosition};
use self::backends::Backends;
use self::binds::{Bound, Section, Security};
use self::collisions::{Collisions, RulePosition};
use self::decisions::Decisions;
use self::gateways::Gateways;
use self::grants::Grants;
use self::local::Local;
use self::report::Report;
use self::rules::Served;
use self::virtual_hosts::Host;
use crate::diagnostic::Diagnostic;
use crate::manifest::other::Ignored;
use crate::manifest::{Manifests, Metadata};
use crate::model::{Listener, Model, Protocol};
use crate::options::{Misfit, Options};
use crate::source::Span;
use crate::status::ObjectStatus;

/// What manifests mean together.
#[derive(Clone, Debug)]
pub struct Resolution {
    /// What is to be served, without what is wrong; none when there is nothing to serve, or the options do not fit.
    pub model: Option<Model>,
    /// What is wrong, and what is worth saying.
    pub diagnostics: Vec<Diagnostic>,
    /// Where the options do not fit the manifests.
    pub misfits: Vec<Misfit>,
    /// Objects of kinds that are not read.
    pub ignored: Ignored,
    decisions: Decisions,
}

impl Resolution {
    /// The status that each object would have: GatewayClasses, Gateways, routes and policies, by kind, namespace and name.
    /// Those of what was not asked for are left out.
    #[must_use]
    pub fn statuses(&self, manifests: &Manifests) -> Vec<ObjectStatus> {
        conditions::statuses(manifests, &self.decisions)
    }
}

/// Finds out what manifests mean together, given what was wrong with them on their own: objects that could not be read
/// are not missed.
#[must_use]
pub fn resolve(manifests: &Manifests, reading: &[Diagnostic], options: &Options) -> Resolution {
    let mut report = Report::after(reading, manifests.ignored.clone());
    let (model, misfits) = match model(manifests, options, &mut report) {
        Ok(model) => (model, Vec::new()),
        Err(misfits) => (None, misfits),
    };
    let Report { diagnostics, ignored, decisions, .. } = report;
    Resolution { model, diagnostics, misfits, ignored, decisions }
}

fn model(
    manifests: &Manifests,
    options: &Options,
    report: &mut Report,
) -> Result<Option<Model>, Vec<Misfit>> {
    let gateways =
        Gateways::select(manifests, options.gateway.as_ref(), report).map_err(|misfit| vec![misfit])?;
    if gateways.is_empty() {
        if !report.may_lack("Gateway") {
            report.diagnostics.push(no_gateway(manifests));
        }
        attach::nowhere(manifests, report);
        other_policies::ignore(manifests, report);
        return Ok(None);
    }
    let grants = Grants::index(manifests);
    let bounds = binds::assign(manifests, &gateways, options, report)?;
    certificates::check_for_backends(manifests, &grants, report);
    let bounds = certificates::present(bounds, manifests, &grants, report);
    for bound in &bounds {
        bound.program(report);
    }
    let (routes, mut attached) = attach_all(manifests, options, &grants, &gateways, &bounds, report);
    rivals::settle(&bounds, &routes, &mut attached, report);
    let served = routes.iter().zip(&attached).filter(|(_, listeners)| !listeners.is_empty());
    let served: Vec<_> = served.map(|(route, _)| route.object).collect();
    other_policies::check(manifests, &gateways, &served, report);

    let mut collisions = Collisions::default();
    let listeners = listeners(&bounds, &routes, &attached, &mut collisions);
    collisions.tell(&routes, report);
    cookies::check(&listeners, &routes, report);

    let mut clusters = Vec::new();
    for (position, route) in routes.into_iter().enumerate() {
        for (rule, cluster) in route.clusters {
            if collisions.is_reached(RulePosition { route: position, rule }) {
                clusters.push(cluster);
            }
        }
    }
    clusters.sort_by(|a, b| a.name.cmp(&b.name));
    Ok((!listeners.is_empty()).then_some(Model { listeners, clusters }))
}

/// The routes by namespace and name, and the listeners of each.
fn attach_all<'m>(
    manifests: &'m Manifests,
    options: &Options,
    grants: &Grants<'m>,
    gateways: &Gateways<'m>,
    bounds: &[Bound<'m>],
    report: &mut Report,
) -> (Vec<Served<'m>>, Vec<Vec<ListenerPosition>>) {
    let attacher = Attacher::new(manifests, gateways, bounds);
    let mut backends = Backends::index(manifests, Local::new(options), grants, report);
    let mut objects: Vec<_> = manifests.routes.iter().collect();
    objects.sort_by_key(|route| (route.metadata.key(), route.spec.kind));
    let mut routes = Vec::with_capacity(objects.len());
    let mut positions = Vec::with_capacity(objects.len());
    for object in objects {
        let hostnames = rules::hostnames(object);
        // What is wrong with a route that serves another Gateway is not asked for.
        if let Attachment::Listeners(listeners) = attacher.attach(object, &hostnames, report) {
            routes.push(Served::new(object, hostnames, &mut backends, report));
            positions.push(listeners);
        }
    }
    (routes, positions)
}

fn listeners(
    bounds: &[Bound<'_>],
    routes: &[Served<'_>],
    attached: &[Vec<ListenerPosition>],
    collisions: &mut Collisions,
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
                Security::Clear => {
                    Protocol::Http { virtual_hosts: virtual_hosts::build(hosts, routes, collisions) }
                }
                Security::Tls(handshakes) => Protocol::Https {
                    sites: virtual_hosts::build_sites(hosts, handshakes, routes, collisions),
                },
            },
        }
    });
    served.collect()
}

/// Nothing is served without a Gateway: the finding points at what would be attached to one, if anything.
fn no_gateway(manifests: &Manifests) -> Diagnostic {
    let route = manifests.routes.first();
    let span = route.map_or(Span { source: 0, start: 0, end: 0 }, |route| route.metadata.name.span);
    Diagnostic::error(
        "no-gateway",
        span,
        "there is no Gateway among the manifests, so there is nothing to listen on",
    )
    .hint("add a Gateway with a listener, and its GatewayClass, to the input")
}

impl Metadata {
    /// Namespace and name.
    fn key(&self) -> (&str, &str) {
        (&self.namespace.value, &self.name.value)
    }
}
