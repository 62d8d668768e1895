//! `--xds DIR`: the directory with the files that Envoy watches.
//!
//! - `resources`: the resources in a file, and those of two versions of it together.
//! - `publish`: writes the files, in an order in which Envoy never has half a configuration.
//! - `changes`: what a new version changes, in one line.

mod changes;
mod publish;
mod resources;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use clap::Args;

pub(super) use self::changes::Changes;
pub(super) use self::publish::GRACE;
use super::output::{self, OutputError};
use crate::model::Model;
use crate::render::files::{self, BOOTSTRAP, Files, Location};
use crate::render::{self, RenderError};

/// Why the files cannot be written.
#[derive(Debug, thiserror::Error)]
pub(super) enum XdsError {
    /// The directory cannot be created or read.
    #[error("cannot use directory {}: {problem}", path.display())]
    Directory { path: PathBuf, problem: io::Error },
    /// Two programs would replace each other's files.
    #[error("cannot write to directory {}: another envoy-config writes to it", .0.display())]
    Busy(PathBuf),
    /// The files contain the path of their directory.
    #[error("cannot use directory {}: its path is not UTF-8", .0.display())]
    Encoding(PathBuf),
    /// A file cannot be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// The configuration cannot be written as YAML.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// The options of the commands that write files for Envoy to watch.
#[derive(Clone, Copy, Debug, Args)]
pub(super) struct XdsOptions {
    /// How many files Envoy may watch; with more, endpoints are written to clusters.yaml.
    ///
    /// Envoy needs an inotify instance for each file, for a moment of a change twice as many, and ends if it gets none.
    /// Linux allows all processes of a user 128 together (sysctl `fs.inotify.max_user_instances`).
    #[arg(long, value_name = "NUMBER", default_value_t = 50, requires = "xds")]
    xds_files: usize,
}

/// The directory. No other process writes to it meanwhile.
#[derive(Debug)]
pub(super) struct Directory {
    path: PathBuf,
    /// The path as text, absolute: Envoy may be started anywhere.
    text: String,
    _lock: File,
}

/// The folders for files with one resource each.
const FOLDERS: [&str; 3] = ["secrets", "endpoints", "routes"];

impl Directory {
    /// Creates the directory if it does not exist, and locks it.
    pub(super) fn open(path: &Path) -> Result<Self, XdsError> {
        let failed = |problem| XdsError::Directory { path: path.to_owned(), problem };
        let absolute = std::path::absolute(path).map_err(failed)?;
        for folder in FOLDERS {
            fs::create_dir_all(absolute.join(folder)).map_err(failed)?;
        }
        let lock = File::open(&absolute).map_err(failed)?;
        match lock.try_lock() {
            Err(fs::TryLockError::WouldBlock) => return Err(XdsError::Busy(path.to_owned())),
            // Some network file systems have no locks.
            Ok(()) | Err(fs::TryLockError::Error(_)) => {}
        }
        output::remove_stale(&absolute);
        let text = absolute.to_str().ok_or_else(|| XdsError::Encoding(path.to_owned()))?.to_owned();
        Ok(Self { path: absolute, text, _lock: lock })
    }

    /// Whether it has a configuration.
    pub(super) fn is_published(&self) -> bool {
        self.path.join(BOOTSTRAP).exists()
    }

    /// The files for this model.
    pub(super) fn render(
        &self,
        model: &Model,
        options: &render::Options,
        xds: XdsOptions,
    ) -> Result<Files, XdsError> {
        Ok(files::render(model, Location { directory: &self.text, watched: xds.xds_files }, options)?)
    }
}
