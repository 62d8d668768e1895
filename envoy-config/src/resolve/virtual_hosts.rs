//! Which routes each hostname of one address serves, and in which order.
//!
//! A hostname belongs to the most specific listener that has it, and serves the routes attached to that one alone
//! (Gateway API, "Listener Isolation"). A listener's own hostname has a virtual host even without routes, or its requests
//! would fall to a less specific listener.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use super::collisions::{Collisions, RulePosition};
use super::precedence::HostPrecedence;
use super::rules::{Entry, Served};
use crate::model::{Domain, VirtualHost};

/// One listener of the address.
pub(super) struct Host {
    pub(super) hostname: Domain,
    /// The positions of the routes that are attached to it.
    pub(super) routes: Vec<usize>,
}

/// The virtual hosts of the listeners of one address, by domain.
pub(super) fn build(
    listeners: &[Host],
    routes: &[Served<'_>],
    collisions: &mut Collisions,
) -> Vec<VirtualHost> {
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
    let hosts = domains.into_iter().map(|domain| {
        let owner = domain.chain().find_map(|hostname| owners.get(&hostname));
        let candidates = owner.map(|attached| candidates(&domain, attached, routes)).unwrap_or_default();
        VirtualHost { routes: collisions.settle(&candidates), domain }
    });
    hosts.collect()
}

/// All matches for a domain among the routes of its listener, in their order.
fn candidates<'r>(
    domain: &Domain,
    attached: &BTreeMap<&Domain, Vec<usize>>,
    routes: &'r [Served<'_>],
) -> Vec<(RulePosition, &'r Entry)> {
    // A route with several hostnames that match counts with the most specific one, which comes first.
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
