//! Errors before routing, for clusters whose load balancer cannot choose them (see [`super::error_listener`]).
//!
//! A DNS cluster silently ignores endpoints that are internal listeners (Envoy 1.40), and a health check would find them unhealthy,
//! so that their requests go elsewhere. So a route before that of the rule samples
//! the requests without a session, and answers the fraction of the backends that cannot serve. A request with an expired or
//! forged token counts as one with a session, so it bypasses the sampling and is served.

use std::collections::{BTreeMap, BTreeSet};

use super::error_status::ErrorStatus;
use super::sources::Sources;
use crate::model::{Cluster, Model};

/// The errors of each cluster.
pub(super) struct ErrorFractions<'m> {
    /// Clusters whose errors are sampled before routing.
    before_routing: BTreeMap<&'m str, ErrorFraction>,
    /// Clusters with endpoints that answer with errors, or may get some while Envoy runs: routes do not change with endpoints.
    by_endpoints: BTreeSet<&'m str>,
}

/// The fraction of the requests without a session that get an error.
#[derive(Clone, Copy)]
pub(super) struct ErrorFraction {
    status: ErrorStatus,
    millionths: u32,
}

const ALL: u64 = 1_000_000;

impl<'m> ErrorFractions<'m> {
    pub(super) fn new(model: &'m Model, sources: Sources<'_>) -> Self {
        let (sampled, others): (Vec<_>, Vec<_>) =
            model.clusters.iter().partition(|cluster| cluster.samples_errors());
        let before_routing = sampled
            .into_iter()
            .filter_map(|cluster| Some((cluster.name.as_str(), ErrorFraction::of(cluster)?)));
        let by_endpoints = others.into_iter().filter(|cluster| match sources {
            Sources::Inline => ErrorStatus::all_of(cluster).next().is_some(),
            Sources::Files { .. } => true,
        });
        Self {
            before_routing: before_routing.collect(),
            by_endpoints: by_endpoints.map(|cluster| cluster.name.as_str()).collect(),
        }
    }

    /// The fraction that a route must answer before the route to this cluster.
    pub(super) fn before_routing(&self, cluster: &str) -> Option<ErrorFraction> {
        self.before_routing.get(cluster).copied()
    }

    /// Whether endpoints of this cluster answer with errors.
    pub(super) fn by_endpoints(&self, cluster: &str) -> bool {
        self.by_endpoints.contains(cluster)
    }
}

impl ErrorFraction {
    /// Requests are sampled once, so all errors get the same status: 500 if there are both.
    fn of(cluster: &Cluster) -> Option<Self> {
        if let Some(status) = ErrorStatus::of_cluster(cluster) {
            return Some(Self { status, millionths: 1_000_000 });
        }
        let backends = cluster.localities.iter();
        let failing = backends
            .clone()
            .filter_map(|locality| Some((ErrorStatus::of_backend(locality, cluster)?, locality.weight)));
        let status = failing.clone().map(|(status, _)| status).min()?;
        let sum = |weights: &mut dyn Iterator<Item = u32>| weights.map(u64::from).sum::<u64>();
        let failing = sum(&mut failing.map(|(_, weight)| weight));
        let all = sum(&mut backends.map(|locality| locality.weight));
        let millionths = u32::try_from(failing.saturating_mul(ALL).checked_div(all)?).ok()?;
        (millionths > 0).then_some(Self { status, millionths })
    }

    pub(super) const fn status(self) -> u16 {
        self.status.code()
    }

    pub(super) const fn millionths(self) -> u32 {
        self.millionths
    }
}
