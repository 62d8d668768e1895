//! Whether two paths lead to the same file: compares device and inode, so links do not matter.

use std::fs;
use std::io;
use std::path::Path;

/// The file that a path leads to.
#[cfg(unix)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Identity {
    device: u64,
    number: u64,
}

/// The file that a path leads to.
#[cfg(not(unix))]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Identity(std::path::PathBuf);

#[cfg(unix)]
impl Identity {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::metadata(path).map(|found| Self::of_metadata(&found))
    }

    pub(super) fn of_metadata(found: &fs::Metadata) -> Self {
        use std::os::unix::fs::MetadataExt;
        Self { device: found.dev(), number: found.ino() }
    }
}

#[cfg(not(unix))]
impl Identity {
    pub(super) fn of(path: &Path) -> io::Result<Self> {
        fs::canonicalize(path).map(Self)
    }
}
