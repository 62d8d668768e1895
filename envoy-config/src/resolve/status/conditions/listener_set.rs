//! The conditions of a ListenerSet (Gateway API, `ListenerSetStatus`), and how many of them a Gateway has.

use std::collections::BTreeMap;

use super::builder::Builder;
use super::listener::summary;
use crate::manifest::gateway_api::listener_set::ListenerSet;
use crate::manifest::{Manifests, Object};
use crate::resolve::listeners::section::Owner;
use crate::resolve::status::decisions::{ObjectKey, Part, Verdict};
use crate::status::{ConditionType, Holds, Status};

/// Adds the numbers of ListenerSets to the statuses of the Gateways: of those that are accepted.
pub(super) fn count(
    statuses: &mut BTreeMap<ObjectKey, Option<Status>>,
    builder: &Builder<'_, '_>,
    manifests: &Manifests,
) {
    for gateway in &manifests.gateways {
        let key = ObjectKey::of(gateway);
        let sets = builder.decisions.listener_sets(&key).iter();
        let accepted = sets.filter(|set| statuses.get(*set).is_some_and(is_accepted)).count();
        if let Some(Some(Status::Gateway { attached_listener_sets, .. })) = statuses.get_mut(&key) {
            *attached_listener_sets = accepted;
        }
    }
}

#[expect(clippy::ref_option, reason = "the statuses are stored like this")]
fn is_accepted(status: &Option<Status>) -> bool {
    let Some(Status::ListenerSet { conditions, .. }) = status else { return false };
    conditions.iter().any(|one| one.kind == ConditionType::Accepted && one.status == Holds::True)
}

impl Builder<'_, '_> {
    /// The status of a ListenerSet; `None` if its Gateway is not selected. If its Gateway does not accept it, it has no
    /// listeners there.
    pub(super) fn listener_set(&self, set: &Object<ListenerSet>) -> Option<Status> {
        if !self.decisions.is_selected(&ObjectKey::of(set)) {
            return None;
        }
        let verdicts = self.of(set);
        let whole = verdicts.iter().filter(|verdict| verdict.part == Part::Whole);
        let whole: Vec<&Verdict> = whole.copied().collect();
        let listeners =
            if whole.is_empty() { self.listeners(Owner::from(set), &verdicts) } else { Vec::new() };
        let (accepted, programmed) = summary(&whole, &listeners, |reason| reason);
        Some(Status::ListenerSet { conditions: vec![accepted, programmed], listeners })
    }
}
