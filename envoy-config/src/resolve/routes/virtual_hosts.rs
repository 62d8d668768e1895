//! Which routes each hostname of an address serves, and in which order.
//!
//! A hostname belongs to the most specific listener that matches it, and serves only the routes of that
//! listener (Gateway API, "Listener Isolation"). The hostname of a listener has a virtual host even without
//! routes; otherwise a less specific listener would get its requests.
//!
//! With TLS, this applies to each connection: whatever hostname the handshake named, a request for the
//! hostname of another listener gets 421 (Gateway API, `Listener.hostname`). Session cookies are `Secure`, unless a policy says
//! that they are not.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use session_persistence::config::Rule;

use super::conflicts::{Conflicts, RulePosition};
use super::precedence::HostPrecedence;
use super::rules::{MatchEntry, ResolvedRoute};
use crate::model::{
    Action, Domain, HeaderChanges, PathMatch, RequestSubset, Route, RouteMatch, SecureOn, Site, VirtualHost,
};
use crate::resolve::listeners::addresses::Handshake;

/// One listener of the address.
pub(in crate::resolve) struct Host {
    pub(in crate::resolve) hostname: Domain,
    /// The positions of the routes that attach to it.
    pub(in crate::resolve) routes: Vec<usize>,
}

/// The virtual hosts of the listeners on one address, by domain.
pub(in crate::resolve) fn build(
    listeners: &[Host],
    routes: &[ResolvedRoute<'_>],
    conflicts: &mut Conflicts,
) -> Vec<VirtualHost> {
    build_owned(listeners, routes, conflicts).into_iter().map(|(_, host)| host).collect()
}

/// The sites of the listeners on one address, by domain, with the handshake of each listener. A listener
/// without certificates has no site, but its hostname still belongs to it.
pub(in crate::resolve) fn build_sites(
    listeners: &[Host],
    handshakes: &[Handshake],
    routes: &[ResolvedRoute<'_>],
    conflicts: &mut Conflicts,
) -> Vec<Site> {
    let hosts: Vec<(Domain, VirtualHost)> = build_owned(listeners, routes, conflicts)
        .into_iter()
        .map(|(owner, host)| (owner, secure(host)))
        .collect();
    let site = |(listener, handshake): (&Host, &Handshake)| {
        let seen_here = hosts.iter().filter_map(|(owner, host)| {
            if *owner == listener.hostname {
                Some(host.clone())
            } else {
                (host.domain == *owner).then(|| misdirected(owner))
            }
        });
        Site {
            domain: listener.hostname.clone(),
            certificates: handshake.certificates.clone(),
            client_certificates: handshake.client_certificates.clone(),
            virtual_hosts: seen_here.collect(),
        }
    };
    let served = listeners.iter().zip(handshakes).filter(|(_, handshake)| handshake.is_served());
    let mut sites: Vec<Site> = served.map(site).collect();
    sites.sort_by(|a, b| a.domain.cmp(&b.domain));
    sites
}

/// The same virtual host for clients that use TLS.
fn secure(mut host: VirtualHost) -> VirtualHost {
    for route in host.routes.iter_mut().filter(|route| route.secure_cookie != SecureOn::Nothing) {
        route.persistence = route.persistence.take().map(Rule::secure);
    }
    host
}

/// The answer of a site for hostnames of another site.
fn misdirected(domain: &Domain) -> VirtualHost {
    let matches = RouteMatch {
        path: PathMatch::Prefix(String::from("/")),
        method: None,
        headers: Vec::new(),
        query: Vec::new(),
    };
    let route = Route {
        name: String::from("misdirected"),
        matches,
        action: Action::Respond(421),
        request_headers: HeaderChanges::default(),
        response_headers: HeaderChanges::default(),
        cors: None,
        secure_cookie: SecureOn::default(),
        external_auth: Vec::new(),
        subset: RequestSubset::All,
        persistence: None,
        hidden: None,
    };
    VirtualHost { domain: domain.clone(), routes: vec![route] }
}

/// The virtual hosts of the listeners on one address, by domain; each with the hostname of its listener.
fn build_owned(
    listeners: &[Host],
    routes: &[ResolvedRoute<'_>],
    conflicts: &mut Conflicts,
) -> Vec<(Domain, VirtualHost)> {
    let mut domains: BTreeSet<Domain> = BTreeSet::new();
    let mut owners: BTreeMap<&Domain, BTreeMap<&Domain, Vec<usize>>> = BTreeMap::new();
    for listener in listeners {
        domains.insert(listener.hostname.clone());
        let attached = owners.entry(&listener.hostname).or_default();
        for &position in &listener.routes {
            for hostname in routes.get(position).into_iter().flat_map(|route| &route.hostnames) {
                if let Some(common) = listener.hostname.intersection(hostname) {
                    domains.insert(common.clone());
                    attached.entry(hostname).or_default().push(position);
                }
            }
        }
    }
    // Every domain has an owner: it is the hostname of a listener, or is covered by one.
    let hosts = domains.into_iter().filter_map(|domain| {
        let (owner, attached) = domain.chain().find_map(|hostname| owners.get_key_value(&hostname))?;
        let candidates = candidates(&domain, attached, routes);
        Some(((*owner).clone(), VirtualHost { routes: conflicts.resolve(&candidates), domain }))
    });
    hosts.collect()
}

/// All matches for a domain among the routes of its listener, in order.
fn candidates<'r>(
    domain: &Domain,
    attached: &BTreeMap<&Domain, Vec<usize>>,
    routes: &'r [ResolvedRoute<'_>],
) -> Vec<(RulePosition, &'r MatchEntry)> {
    // If several hostnames of a route match, only the most specific one counts, which comes first.
    let mut seen = HashSet::new();
    let mut found = Vec::new();
    for hostname in domain.chain() {
        for &position in attached.get(&hostname).into_iter().flatten() {
            if seen.insert(position) {
                for entry in routes.get(position).into_iter().flat_map(|route| &route.entries) {
                    let rule = RulePosition { route: position, rule: entry.rule };
                    found.push((HostPrecedence::new(&hostname, &entry.precedence), rule, entry));
                }
            }
        }
    }
    found.sort_by(|(a, ..), (b, ..)| a.cmp(b));
    found.into_iter().map(|(_, rule, entry)| (rule, entry)).collect()
}
