//! The CPU time of another process.

use std::fs;
use std::io;
use std::time::Duration;

/// Why the CPU time of a process is not known.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot read the CPU time of process {process} (Linux tells it in /proc/…/task/…/schedstat): {problem}"
)]
pub(super) struct CpuError {
    process: u32,
    problem: io::Error,
}

/// The CPU time of all threads of a process since it started, to the nanosecond (`/proc/…/stat` counts in hundredths of a
/// second, which is longer than a round of requests may take).
pub(super) fn time(process: u32) -> Result<Duration, CpuError> {
    threads(process).map_err(|problem| CpuError { process, problem })
}

fn threads(process: u32) -> io::Result<Duration> {
    let mut sum = Duration::ZERO;
    for thread in fs::read_dir(format!("/proc/{process}/task"))? {
        let text = fs::read_to_string(thread?.path().join("schedstat"))?;
        let running = text.split_ascii_whitespace().next().and_then(|field| field.parse().ok());
        sum += Duration::from_nanos(running.ok_or_else(|| io::Error::other(format!("found {text:?}")))?);
    }
    Ok(sum)
}
