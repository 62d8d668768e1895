//! Rounds in which the rows take turns, so that whatever else the machine does meets all of them alike.

use std::collections::BTreeMap;
use std::time::Duration;

use super::cpu::{self, CpuError};
use super::load::{Load, LoadError};
use super::rows::Row;
use super::statistics::{Summary, quantile};
use super::testbed::{Lane, Testbed};

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// How often each row has its turn, after one turn to warm up.
    pub(super) rounds: usize,
    /// Small requests in each turn.
    pub(super) requests: usize,
    /// Connections, each with one request at a time.
    pub(super) connections: usize,
}

/// Why a round failed.
#[derive(Debug, thiserror::Error)]
pub(super) enum RoundError {
    /// The requests of a row.
    #[error("row `{row}`: {problem}")]
    Load {
        /// The row.
        row: &'static str,
        /// Why.
        problem: LoadError,
    },
    /// The CPU time of an Envoy.
    #[error(transparent)]
    Cpu(#[from] CpuError),
}

/// A value of each round, by row.
pub(super) type Rounds<T> = BTreeMap<&'static str, Vec<T>>;

/// How long clients wait, in microseconds.
#[derive(Clone, Copy, Debug)]
pub(super) struct Latency {
    /// Half of the answers take no longer.
    pub(super) p50: f64,
    /// 99 of 100 answers take no longer.
    pub(super) p99: f64,
}

/// Envoy's CPU time per request, in microseconds.
///
/// # Errors
/// A request fails.
pub(super) fn cpu_times(bed: &Testbed, plan: Plan) -> Result<Rounds<f64>, RoundError> {
    take_turns(bed, plan, |lane, send| {
        let before = cpu::time(lane.process)?;
        let answers = send()?.len();
        let spent = cpu::time(lane.process)?.saturating_sub(before);
        Ok(microseconds(spent) / f64::from(u32::try_from(answers).unwrap_or(u32::MAX)))
    })
}

/// How long clients wait for their answers.
///
/// # Errors
/// A request fails.
pub(super) fn latencies(bed: &Testbed, plan: Plan) -> Result<Rounds<Latency>, RoundError> {
    take_turns(bed, plan, |_, send| {
        let times: Vec<_> = send()?.into_iter().map(microseconds).collect();
        Ok(Latency { p50: quantile(&times, 0.5), p99: quantile(&times, 0.99) })
    })
}

/// The ratios of a row to its baseline, each within one round.
pub(super) fn paired(rounds: &Rounds<f64>, row: Row) -> Option<Summary> {
    let (ours, theirs) = (rounds.get(row.id)?, rounds.get(row.baseline?)?);
    let ratios: Vec<_> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    Some(Summary::of_half(&ratios))
}

fn take_turns<T>(
    bed: &Testbed,
    plan: Plan,
    mut measure: impl FnMut(&Lane, &mut dyn FnMut() -> Result<Vec<Duration>, RoundError>) -> Result<T, RoundError>,
) -> Result<Rounds<T>, RoundError> {
    let mut turns = Vec::new();
    for lane in &bed.lanes {
        let problem = |problem| RoundError::Load { row: lane.row.id, problem };
        turns.push((lane, Load::open(lane.address, plan.connections).map_err(problem)?));
    }
    let mut rounds = Rounds::new();
    for number in 0..=plan.rounds {
        for (lane, load) in &mut turns {
            let count = plan.requests / lane.row.traffic.weight();
            let problem = |problem| RoundError::Load { row: lane.row.id, problem };
            let mut send = || load.run(&lane.requests, count, &bed.backends).map_err(problem);
            let value = tokio::task::block_in_place(|| measure(lane, &mut send))?;
            // The first round warms up.
            if number > 0 {
                rounds.entry(lane.row.id).or_insert_with(Vec::new).push(value);
            }
        }
        // Whoever goes first in one round goes last in the next.
        turns.reverse();
    }
    Ok(rounds)
}

fn microseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_those_within_a_round() {
        let row = Row::named("cookie").unwrap();
        // The machine was twice as slow in the second round.
        let rounds =
            Rounds::from([("cookie", vec![12.0, 24.0, 12.0]), ("stateful-cookie", vec![10.0, 20.0, 10.0])]);
        let ratio = paired(&rounds, row).unwrap();
        assert!((ratio.median - 1.2).abs() < 1e-9 && ratio.spread() < 1e-9, "{ratio:?}");
    }
}
