//! Which Envoy to drive: the one that `ENVOY` names, else one on `PATH`, else the one that PyPI has.
//!
//! The order is from what somebody asked for to what happens to be there. A wrong answer to `ENVOY` is an error and
//! never a reason to look further; a wrong version on `PATH` is only not the one we look for.

use std::env;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::pypi::{self, FetchError};

/// The release that everything here was measured on.
pub const VERSION: &str = "1.40.0";

/// A release that will do has this in front: patch releases change no behaviour.
const SERIES: &str = "1.40.";

/// Why there is no Envoy.
#[derive(Debug, thiserror::Error)]
pub enum LocateError {
    /// `ENVOY` names something that does not run.
    #[error("ENVOY is set to `{}`, which does not run as Envoy: {problem}", .path.display())]
    Unusable {
        /// What `ENVOY` says.
        path: PathBuf,
        /// Why it does not run.
        problem: VersionError,
    },
    /// `ENVOY` names another version.
    #[error("ENVOY is set to `{}`, which is Envoy {found}: {SERIES}x is needed", .path.display())]
    WrongVersion {
        /// What `ENVOY` says.
        path: PathBuf,
        /// The version it printed.
        found: String,
    },
    /// None is there and none could be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
}

/// Why a program does not tell a version of Envoy.
#[derive(Debug, thiserror::Error)]
pub enum VersionError {
    /// It could not be started.
    #[error(transparent)]
    Run(#[from] io::Error),
    /// It printed something else.
    #[error("`--version` printed {0:?}")]
    Output(String),
}

/// The path of an Envoy of the right version. Progress of a download goes to `tell`, a line at a time.
///
/// # Errors
/// `ENVOY` is set and wrong, or there is none and none could be fetched; the message says what to do.
pub fn locate(tell: impl Fn(&str)) -> Result<PathBuf, LocateError> {
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
        None => Ok(pypi::cached_or_fetched(tell)?),
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
