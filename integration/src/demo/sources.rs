//! Reads the manifests of a file or a folder.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use envoy_config::source::Source;

/// A file or folder cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{}`: {problem}", .path.display())]
pub struct UnreadableSource {
    /// The file or folder.
    pub path: PathBuf,
    /// Why.
    pub problem: io::Error,
}

/// The text of a file, or of all files in a folder by name.
///
/// # Errors
/// The first file or folder that cannot be read.
pub fn read(path: &Path) -> Result<Vec<Source>, UnreadableSource> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        move |problem| UnreadableSource { path, problem }
    };
    let mut paths = Vec::new();
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(unreadable(path))? {
            paths.push(entry.map_err(unreadable(path))?.path());
        }
        paths.sort();
    } else {
        paths.push(path.to_owned());
    }
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        Ok(Source { name: path.display().to_string(), text })
    };
    paths.into_iter().map(read).collect()
}
