//! What was measured, and whether it passes: ratios of instructions are compared with their limits, and nothing else is.

use super::instructions::Instructions;
use super::memory::Memory;
use super::rounds::{Latency, Rounds};
use super::rows::Row;

/// A count is noisy from here on: its batches differ by one in two hundred.
pub(super) const NOISY_COUNT: f64 = 0.005;

/// A time is noisy from here on: half of its rounds differ by more than one in twenty.
pub(super) const NOISY_TIME: f64 = 0.05;

/// What was measured; nothing where nobody asked for it.
#[derive(Debug, Default)]
pub(super) struct Results {
    /// Instructions per request.
    pub(super) instructions: Option<Instructions>,
    /// CPU time per request in microseconds, by round.
    pub(super) times: Option<Rounds<f64>>,
    /// How long clients wait, by round.
    pub(super) latencies: Option<Rounds<Latency>>,
    /// Memory.
    pub(super) memory: Option<Vec<Memory>>,
}

/// A ratio with a limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    /// What was measured.
    pub(super) row: Row,
    /// Instructions, as a multiple of the baseline's.
    pub(super) ratio: f64,
    /// The highest that passes.
    pub(super) limit: f64,
}

impl Verdict {
    /// Whether the ratio is within its limit. (A ratio that is not a number is not.)
    pub(super) fn passes(self) -> bool {
        self.ratio <= self.limit
    }
}

/// The instructions of a row, as a multiple of its baseline's.
pub(super) fn ratio(instructions: &Instructions, row: Row) -> Option<f64> {
    Some(instructions.get(row.id)?.median / instructions.get(row.baseline?)?.median)
}

/// Every ratio that has a limit.
pub(super) fn verdicts(instructions: &Instructions) -> Vec<Verdict> {
    let verdict = |row: Row| {
        let limit = row.limit?;
        // A row that was not measured does not pass.
        Some(Verdict { row, ratio: ratio(instructions, row).unwrap_or(f64::NAN), limit })
    };
    Row::ALL.into_iter().filter_map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::statistics::Summary;

    fn counts(ours: f64) -> Instructions {
        let summary = |median| Summary { low: median, median, high: median };
        Row::ALL.map(|row| (row.id, summary(if row.limit.is_some() { ours } else { 100.0 }))).into()
    }

    #[test]
    fn a_ratio_passes_up_to_its_limit() {
        let passed = |ours| verdicts(&counts(ours)).into_iter().filter(|verdict| verdict.passes()).count();
        assert_eq!(passed(130.0), 3);
        assert_eq!(passed(130.1), 2);
        assert_eq!(passed(135.1), 1);
        assert_eq!(passed(140.1), 0);
    }

    #[test]
    fn what_was_not_measured_does_not_pass() {
        assert!(verdicts(&Instructions::new()).into_iter().all(|verdict| !verdict.passes()));
    }
}
