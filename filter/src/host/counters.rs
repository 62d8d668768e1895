//! Counters per rule. A counter is defined when its event happens for the first time, once in the VM of a worker: there can be
//! thousands of rules, each with several routes, and most events never happen.

use std::cell::RefCell;

use proxy_wasm::hostcalls;
use proxy_wasm::types::MetricType;

use crate::config::RuleId;
use crate::event::{EVENTS, Event};

/// The counters of a rule; `None` where Envoy has not defined one yet.
struct Counters {
    rule: RuleId,
    ids: [Option<u32>; EVENTS],
}

thread_local! {
    /// By rule, sorted. Rules that are no longer configured stay, as their counters do in Envoy.
    static COUNTERS: RefCell<Vec<Counters>> = const { RefCell::new(Vec::new()) };
}

/// Counts an event of this rule.
pub(super) fn count(rule: &RuleId, event: Event) {
    let outcome = COUNTERS.with_borrow_mut(|counters| {
        let position = counters.binary_search_by(|known| known.rule.cmp(rule)).unwrap_or_else(|position| {
            counters.insert(position, Counters { rule: rule.clone(), ids: [None; EVENTS] });
            position
        });
        let known = counters.get_mut(position).and_then(|known| known.ids.get_mut(event.position()));
        let Some(known) = known else { return Ok(()) };
        let id = match *known {
            Some(id) => id,
            None => {
                *known.insert(hostcalls::define_metric(MetricType::Counter, &event.counter(rule.as_str()))?)
            }
        };
        hostcalls::increment_metric(id, 1)
    });
    super::report("count", outcome);
}
