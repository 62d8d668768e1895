//! Finds changes of manifests by looking at their files: names, sizes, times and inodes.
//!
//! It looks several times a second instead of waiting for events of the system. Events do not arrive from network file systems and
//! many bind mounts, they are for the link and not for the file behind it (Kubernetes replaces the directory behind all files of a
//! ConfigMap), and they end when a directory is replaced. A look costs one system call for each file.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use crate::cli::input::{self, InputError};
use crate::source::Source;

/// The files that `-f` names.
pub(super) struct Manifests<'p> {
    paths: &'p [PathBuf],
    /// What the last look found.
    last: Option<Look>,
    /// What was found when the files were read.
    read: Option<Look>,
    /// When to read the files again, whatever a look finds.
    again: Option<Instant>,
    sources: Vec<Source>,
}

/// What a look finds: the files, with what changes when they do.
type Look = Vec<(PathBuf, Option<Stamp>)>;

/// What changes when a file changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stamp {
    size: u64,
    modified: Option<SystemTime>,
    /// Device, inode, and the time of the last change of either contents or metadata.
    #[cfg(unix)]
    identity: (u64, u64, i64, i64),
}

/// File systems have clocks of which some tick every two seconds, so a file can change twice in one tick.
const TICK: Duration = Duration::from_secs(2);

impl<'p> Manifests<'p> {
    pub(super) const fn new(paths: &'p [PathBuf]) -> Self {
        Self { paths, last: None, read: None, again: None, sources: Vec::new() }
    }

    /// The manifests, if they have changed since the last call that returned some. A file that is being written is not read until two
    /// looks find the same. `output` is a directory that must not be one of theirs.
    pub(super) fn changed(&mut self, output: &Path) -> Result<Option<&[Source]>, InputError> {
        let look = look(self.paths);
        let is_settled = self.last.as_ref() == Some(&look);
        let is_read = self.read.as_ref() == Some(&look);
        let is_due = self.again.is_some_and(|again| again <= Instant::now());
        self.last = Some(look);
        if !is_settled || (is_read && !is_due) {
            return Ok(None);
        }
        self.again = (!is_read).then(|| Instant::now() + TICK);
        // Also after an error, so that it is found once.
        self.read.clone_from(&self.last);
        let read = input::read(self.paths, &mut std::io::empty()).and_then(|input| {
            input.check_directory(output)?;
            Ok(input.sources)
        });
        let sources = read.inspect_err(|_| self.sources.clear())?;
        if self.read.as_ref() != Some(&self::look(self.paths)) {
            // They have changed meanwhile: the next looks find the change.
            self.read = None;
            return Ok(None);
        }
        if sources == self.sources {
            return Ok(None);
        }
        self.sources = sources;
        Ok(Some(&self.sources))
    }

    /// Returns the manifests once more after this time.
    pub(super) fn look_again(&mut self, after: Duration) {
        self.sources.clear();
        self.again = Some(Instant::now() + after);
    }
}

fn look(paths: &[PathBuf]) -> Look {
    let files = paths.iter().flat_map(|path| match input::files(path) {
        Ok(files) if path.is_dir() => files,
        Ok(_) | Err(_) => vec![path.clone()],
    });
    files.map(|path| (stamp(&path), path)).map(|(stamp, path)| (path, stamp)).collect()
}

fn stamp(path: &Path) -> Option<Stamp> {
    let found = fs::metadata(path).ok()?;
    Some(Stamp {
        size: found.len(),
        modified: found.modified().ok(),
        #[cfg(unix)]
        identity: {
            use std::os::unix::fs::MetadataExt;
            (found.dev(), found.ino(), found.ctime(), found.ctime_nsec())
        },
    })
}
