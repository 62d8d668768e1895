//! Counts the instructions of Envoy's worker thread under valgrind's tool callgrind.
//!
//! Unlike time, the count does not depend on what else the machine does. Envoy runs at full speed of the emulator until
//! counting is switched on; then a few requests pass before the batches whose counts are kept, since the emulator forgets
//! what it has translated.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::process::Command;

use integration::harness::deployment::{DeployError, Deployment};
use integration::harness::envoy::Process;
use tempfile::TempDir;

use super::load::LoadError;

/// Requests between switching on and counting.
const WARM_UP: usize = 50;

/// The least part of all instructions that are the worker's. The main thread's timers take one to three in a hundred.
const WORKER: f64 = 0.8;

/// Why no instructions were counted.
#[derive(Debug, thiserror::Error)]
pub(super) enum CallgrindError {
    /// There is no valgrind.
    #[error(
        "`{0}` is missing, which counts instructions: install valgrind (Debian and Ubuntu: `apt-get install valgrind`, \
         Fedora: `dnf install valgrind`), or leave the instructions out with `--only time`, `--only latency` or `--only memory`"
    )]
    Missing(&'static str),
    /// Envoy does not start in it.
    #[error("Envoy does not start under valgrind: {0}")]
    Deploy(#[from] DeployError),
    /// Files of valgrind.
    #[error("cannot read the counts of callgrind: {0}")]
    Io(#[from] io::Error),
    /// It does not obey.
    #[error("`vgdb {command}` failed:\n{output}")]
    Control {
        /// What was asked for.
        command: String,
        /// What it printed.
        output: String,
    },
    /// Its counts make no sense.
    #[error("cannot tell the worker's instructions from those of the other threads: {0:?}")]
    Counts(Vec<u64>),
    /// The requests failed.
    #[error(transparent)]
    Load(#[from] LoadError),
}

/// Checks that the programs are there, before anything is measured.
///
/// # Errors
/// The first that is missing, with the way to get it.
pub(super) fn available() -> Result<(), CallgrindError> {
    for program in ["valgrind", "vgdb"] {
        Command::new(program).arg("--help").output().map_err(|_| CallgrindError::Missing(program))?;
    }
    Ok(())
}

/// An Envoy whose instructions are counted.
pub(super) struct Callgrind {
    envoy: Process,
    folder: TempDir,
    /// How many dumps it has written; their names begin with their number.
    dumps: u32,
}

impl Callgrind {
    /// Starts an Envoy that does not count yet.
    ///
    /// # Errors
    /// It does not start.
    pub(super) async fn start(deployment: Deployment) -> Result<Self, CallgrindError> {
        let folder = tempfile::tempdir()?;
        let path = folder.path().display();
        let command = [
            String::from("valgrind"),
            String::from("--tool=callgrind"),
            // V8 writes code as it goes: valgrind has to notice.
            String::from("--smc-check=all-non-file"),
            String::from("--instr-atstart=no"),
            String::from("--separate-threads=yes"),
            format!("--callgrind-out-file={path}/dump"),
            format!("--vgdb-prefix={path}/vgdb"),
        ];
        let envoy = deployment.under(&command).start().await?;
        Ok(Self { envoy, folder, dumps: 0 })
    }

    /// The Envoy.
    pub(super) const fn envoy(&self) -> &Process {
        &self.envoy
    }

    /// Instructions per request, by batch; `send` sends so many requests.
    ///
    /// # Errors
    /// Valgrind does not obey, or a request fails.
    pub(super) fn count(
        &mut self,
        batches: u32,
        requests: usize,
        mut send: impl FnMut(usize) -> Result<(), LoadError>,
    ) -> Result<Vec<f64>, CallgrindError> {
        self.control(&["instrumentation", "on"])?;
        send(WARM_UP)?;
        self.dump()?;
        let mut counts = Vec::new();
        for _ in 0..batches {
            send(requests)?;
            counts.push(worker(&self.dump()?)? / precise(requests));
        }
        self.control(&["instrumentation", "off"])?;
        Ok(counts)
    }

    /// The instructions since the last dump, by thread.
    fn dump(&mut self) -> Result<Vec<u64>, CallgrindError> {
        self.control(&["dump"])?;
        self.dumps += 1;
        let prefix = format!("dump.{}-", self.dumps);
        let mut counts = BTreeMap::new();
        for entry in fs::read_dir(self.folder.path())? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.starts_with(&prefix) {
                counts.insert(name, total(&fs::read_to_string(entry.path())?));
                fs::remove_file(entry.path())?;
            }
        }
        Ok(counts.into_values().flatten().collect())
    }

    fn control(&self, command: &[&str]) -> Result<(), CallgrindError> {
        let prefix = format!("--vgdb-prefix={}/vgdb", self.folder.path().display());
        let process = format!("--pid={}", self.envoy.id());
        let output = Command::new("vgdb").args([&prefix, &process]).args(command).output()?;
        if output.status.success() {
            return Ok(());
        }
        let output = [output.stdout, output.stderr].concat();
        let output = String::from_utf8_lossy(&output).trim().to_owned();
        Err(CallgrindError::Control { command: command.join(" "), output })
    }
}

/// The sum in a dump: its line `totals: N`. (The line `summary:` in front of the counts is not theirs.)
fn total(dump: &str) -> Option<u64> {
    dump.lines().rev().find_map(|line| line.strip_prefix("totals: "))?.trim().parse().ok()
}

/// The instructions of the one thread that does nearly everything.
fn worker(counts: &[u64]) -> Result<f64, CallgrindError> {
    let all = counts.iter().copied().map(wide).sum::<f64>();
    let most = counts.iter().copied().map(wide).fold(0.0, f64::max);
    if most > 0.0 && most >= WORKER * all { Ok(most) } else { Err(CallgrindError::Counts(counts.to_vec())) }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn wide(count: u64) -> f64 {
    count as f64
}

#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
fn precise(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dump_ends_with_its_total() {
        let dump = "version: 1\nthread: 7\nsummary: 18446744073709551615\nfn=(1) a\n0 69\ntotals: 26704200\n";
        assert_eq!(total(dump), Some(26_704_200));
        assert_eq!(total("version: 1\n"), None);
    }

    #[test]
    fn the_worker_has_nearly_all_instructions() {
        assert_eq!(worker(&[4_000, 80, 267_000, 0]).ok(), Some(267_000.0));
        assert!(worker(&[200_000, 267_000]).is_err());
        assert!(worker(&[]).is_err());
    }
}
