//! Instructions per request of every row: one Envoy under callgrind for each configuration, one after the other.

use std::collections::BTreeMap;

use super::callgrind::{Callgrind, CallgrindError};
use super::load::Load;
use super::rows::{Row, Setup, Traffic};
use super::setup::{self, Purpose, SetupError};
use super::statistics::Summary;
use super::testbed::Testbed;

/// Clients that have come back before counting begins, where many clients take turns. None of those that are counted.
const CLIENTS: usize = 2_000;

/// How much is counted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Requests before counting, at full speed of the emulator: they fill the module's memory and Envoy's pools. Where many
    /// clients take turns, there are as many as [`CLIENTS`], so that whatever remembers clients has others to forget.
    pub(super) warm_up: usize,
    /// How often the count is taken.
    pub(super) batches: u32,
    /// Requests in each count.
    pub(super) requests: usize,
}

/// Why nothing was counted.
#[derive(Debug, thiserror::Error)]
pub(super) enum CountError {
    /// The configuration.
    #[error(transparent)]
    Setup(#[from] SetupError),
    /// Valgrind, or the requests of a row.
    #[error("row `{row}`: {problem}")]
    Row {
        /// The row.
        row: &'static str,
        /// Why.
        problem: CallgrindError,
    },
    /// Envoy under valgrind.
    #[error("{setup}: {problem}")]
    Start {
        /// The configuration.
        setup: &'static str,
        /// Why.
        problem: CallgrindError,
    },
}

/// Instructions per request, by row.
pub(super) type Instructions = BTreeMap<&'static str, Summary>;

/// Counts.
///
/// # Errors
/// An Envoy does not start under valgrind, or a request fails.
pub(super) async fn count(bed: &Testbed, plan: Plan) -> Result<Instructions, CountError> {
    let mut counted = Instructions::new();
    for setup in Setup::ALL {
        println!("==> counting the instructions of Envoy with {}", setup.name());
        let deployment = bed.deployment(setup, Purpose::Counting)?;
        let start = Callgrind::start(deployment).await;
        let mut callgrind = start.map_err(|problem| CountError::Start { setup: setup.name(), problem })?;
        let address = setup::address(callgrind.envoy())?;
        for lane in bed.lanes.iter().filter(|lane| lane.row.setup == setup) {
            let Row { id, traffic, .. } = lane.row;
            let problem = |problem| CountError::Row { row: id, problem };
            let mut load = Load::open(address, 1).map_err(|error| problem(error.into()))?;
            let mut send = |count| load.run(&lane.requests, count, &bed.backends).map(drop);
            let requests = plan.requests / traffic.weight();
            let warm_up = match traffic {
                Traffic::Many => CLIENTS.min(lane.requests.list.len()),
                _ => plan.warm_up / traffic.weight(),
            };
            let counts = tokio::task::block_in_place(|| {
                send(warm_up)?;
                callgrind.count(plan.batches, requests, &mut send)
            });
            counted.insert(id, Summary::of_all(&counts.map_err(problem)?));
        }
    }
    Ok(counted)
}
