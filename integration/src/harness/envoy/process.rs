//! One Envoy process: starts it with a bootstrap, waits until it is ready, kills it when dropped.
//!
//! The bootstrap has port 0 wherever the number does not matter. Envoy then binds free ports, and reports that of its admin
//! interface in a file and those of its listeners there, so that any number of Envoys run in parallel.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use session_persistence::names::KEYS_VARIABLE;
use tempfile::TempDir;

use super::admin::{Admin, AdminError};
use crate::harness::deadline::{self, Elapsed};

/// How long Envoy may take to start: it compiles the module first, on a machine that may be busy.
const PATIENCE: Duration = Duration::from_mins(5);

/// The same for an Envoy that a profiler runs.
const PATIENCE_UNDER: Duration = Duration::from_mins(10);

/// How many lines of the log a failing test shows.
const TAIL: usize = 40;

/// What to start.
#[derive(Clone, Debug)]
pub struct Launch<'a> {
    /// The program.
    pub envoy: &'a Path,
    /// The bootstrap, in YAML.
    pub bootstrap: &'a str,
    /// The value of `SESSION_KEYS`; unset when none.
    pub keys: Option<&'a str>,
    /// The number of worker threads.
    pub workers: u32,
    /// The program that runs Envoy, a profiler for example, and its arguments. Empty if none does.
    pub under: &'a [String],
    /// More variables of its environment, with their values.
    pub environment: &'a [(String, String)],
    /// Its place in a series of hot restarts; without one, hot restarts are off.
    pub hot_restart: Option<HotRestart>,
}

/// The place of an Envoy in a series of processes, each of which takes the listeners over from the one before.
#[derive(Clone, Copy, Debug)]
pub struct HotRestart {
    /// What the processes of the series have in common, and no others on this machine.
    pub base_id: u32,
    /// How many processes of the series there were before.
    pub epoch: u32,
    /// How long the process before this one asks its clients to leave.
    pub drain: Duration,
    /// When the process before this one ends.
    pub parent_shutdown: Duration,
}

/// Why Envoy did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A file cannot be written, or the program cannot be run.
    #[error("cannot start Envoy: {0}")]
    Io(#[from] io::Error),
    /// It exited: it does so if it rejects the configuration.
    #[error("Envoy did not start ({status}); its log:\n{log}")]
    Refused {
        /// How it ended.
        status: ExitStatus,
        /// Its log.
        log: String,
    },
    /// It runs but does not accept requests.
    #[error("Envoy did not get ready: {elapsed}; its log:\n{log}")]
    Unready {
        /// How long it was waited for.
        elapsed: Elapsed,
        /// Its log.
        log: String,
    },
    /// It is ready, but its admin interface does not list the listeners.
    #[error(transparent)]
    Admin(#[from] AdminError),
}

/// A running Envoy. Dropping it kills it; if a test fails, the end of its log is printed.
#[derive(Debug)]
pub struct Process {
    running: Running,
    admin: Admin,
    listeners: BTreeMap<String, SocketAddr>,
    folder: TempDir,
}

impl Process {
    /// Starts Envoy and waits until it is ready.
    ///
    /// # Errors
    /// It cannot be started, rejects the bootstrap or does not become ready.
    pub async fn start(launch: &Launch<'_>) -> Result<Self, StartError> {
        let folder = tempfile::tempdir()?;
        let mut running = Running(command(launch, folder.path())?.spawn()?);
        let patience = if launch.under.is_empty() { PATIENCE } else { PATIENCE_UNDER };
        let up = deadline::until(patience, async || {
            if let Ok(Some(status)) = running.0.try_wait() {
                return Some(Err(status));
            }
            let address = fs::read_to_string(folder.path().join(ADMIN)).ok()?.parse().ok()?;
            let admin = Admin::new(address);
            admin.ready().await.then_some(Ok(admin))
        });
        let up = up.await;
        let log = || log(folder.path());
        let admin = match up {
            Ok(Ok(admin)) => admin,
            Ok(Err(status)) => return Err(StartError::Refused { status, log: log() }),
            Err(elapsed) => return Err(StartError::Unready { elapsed, log: log() }),
        };
        let listeners = admin.listeners().await?;
        Ok(Self { running, admin, listeners, folder })
    }

    /// Its administration interface.
    #[must_use]
    pub const fn admin(&self) -> &Admin {
        &self.admin
    }

    /// The address of a listener, by its name in the bootstrap.
    #[must_use]
    pub fn listener(&self, name: &str) -> Option<SocketAddr> {
        self.listeners.get(name).copied()
    }

    /// Its log and its access log so far.
    #[must_use]
    pub fn log(&self) -> String {
        log(self.folder.path())
    }

    /// The process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.running.0.id()
    }

    /// Waits until it exits by itself.
    ///
    /// # Errors
    /// The process cannot be watched.
    pub async fn ended(&mut self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.running.0.try_wait()? {
                return Ok(status);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the end of Envoy's log:\n{}", tail(&self.log()));
        }
    }
}

/// A child process that does not outlive its owner.
#[derive(Debug)]
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // An error means that it has exited already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Has Envoy validate a bootstrap.
///
/// # Errors
/// Envoy cannot be run, or rejects the bootstrap; the error has its log.
pub fn validate(launch: &Launch<'_>) -> Result<(), StartError> {
    let folder = tempfile::tempdir()?;
    let status = command(launch, folder.path())?.args(["--mode", "validate"]).status()?;
    if status.success() { Ok(()) } else { Err(StartError::Refused { status, log: log(folder.path()) }) }
}

/// The file to which Envoy writes the address of its administration interface.
const ADMIN: &str = "admin";

/// The file of Envoy's log.
const LOG: &str = "log";

fn command(launch: &Launch<'_>, folder: &Path) -> io::Result<Command> {
    let bootstrap = folder.join("envoy.yaml");
    fs::write(&bootstrap, launch.bootstrap)?;
    let log = File::create(folder.join(LOG))?;
    let mut command = match launch.under {
        [] => Command::new(launch.envoy),
        [program, arguments @ ..] => {
            let mut command = Command::new(program);
            command.args(arguments).arg(launch.envoy);
            command
        }
    };
    command.arg("--config-path").arg(bootstrap);
    command.arg("--admin-address-path").arg(folder.join(ADMIN));
    command.arg("--concurrency").arg(launch.workers.to_string());
    match launch.hot_restart {
        None => command.arg("--disable-hot-restart"),
        Some(HotRestart { base_id, epoch, drain, parent_shutdown }) => {
            command.arg("--base-id").arg(base_id.to_string());
            command.arg("--restart-epoch").arg(epoch.to_string());
            command.arg("--drain-time-s").arg(drain.as_secs().to_string());
            command.arg("--parent-shutdown-time-s").arg(parent_shutdown.as_secs().to_string())
        }
    };
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    match launch.keys {
        Some(keys) => command.env(KEYS_VARIABLE, keys),
        None => command.env_remove(KEYS_VARIABLE),
    };
    command.envs(launch.environment.iter().map(|(name, value)| (name, value)));
    Ok(command)
}

fn log(folder: &Path) -> String {
    fs::read(folder.join(LOG)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default()
}

fn tail(log: &str) -> String {
    let lines: Vec<_> = log.lines().collect();
    lines.get(lines.len().saturating_sub(TAIL)..).unwrap_or_default().join("\n")
}
