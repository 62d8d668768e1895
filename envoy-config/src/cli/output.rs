//! Writes the configuration to a file, completely or not at all: an Envoy that starts meanwhile reads the old file or
//! the new one.
//!
//! The text goes to a temporary file in the same directory, which then replaces the output file. A process that is
//! killed leaves its temporary file behind, and the next run in that directory removes it. A lock protects a temporary
//! file that is still being written.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

use super::identity::Identity;

/// Why the configuration cannot be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {problem}", path.display())]
pub(super) struct OutputError {
    path: PathBuf,
    problem: io::Error,
}

/// Who may read the output file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Everyone: Envoy may run as another user, as it does in its own image.
    Anyone,
    /// Only its owner, because it contains private keys. Also applies to an existing file.
    Owner,
}

/// The names of temporary files: random letters and digits between these.
const PREFIX: &str = ".envoy-config-";
const SUFFIX: &str = ".tmp";
const RANDOM: usize = 12;

/// How often to create another temporary file if a different process removes it before it is locked.
const ATTEMPTS: usize = 10;

/// Replaces the contents of the file; after an error the old contents are unchanged.
pub(super) fn replace(path: &Path, text: &str, readers: Readers) -> Result<(), OutputError> {
    write(path, text, readers).map_err(|problem| OutputError { path: path.to_owned(), problem })
}

/// Replaces a file by moving one over it that is written in another directory of the same file system. Who watches the directory of
/// the file sees one event. Unlike [`replace`], it does not wait until the text is on the disk: the files are many, and the next
/// run replaces what a power failure damages.
pub(super) fn move_into(from: &Path, path: &Path, text: &str, readers: Readers) -> Result<(), OutputError> {
    let moved = || -> io::Result<()> {
        let mut file = temporary(from, readers)?;
        file.write_all(text.as_bytes())?;
        if let Some(replaced) = fs::metadata(path).ok().filter(fs::Metadata::is_file) {
            narrow(file.as_file(), &replaced, readers)?;
        }
        file.persist(path)?;
        Ok(())
    };
    moved().map_err(|problem| OutputError { path: path.to_owned(), problem })
}

fn write(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    let written_to = behind_links(path)?;
    let replaced = fs::metadata(&written_to).ok();
    if replaced.as_ref().is_some_and(|found| !found.is_file() && !found.is_dir()) {
        // A pipe or a device cannot be replaced.
        return fs::write(written_to, text);
    }
    let directory = directory_of(&written_to);
    remove_stale(directory);
    let mut file = temporary(directory, readers)?;
    file.write_all(text.as_bytes())?;
    if let Some(replaced) = replaced.filter(fs::Metadata::is_file) {
        narrow(file.as_file(), &replaced, readers)?;
    }
    file.as_file().sync_all()?;
    file.persist(written_to)?;
    Ok(())
}

/// The directory of a file.
pub(super) fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    }
}

/// The file that a path leads to. A symbolic link is kept: the file behind it is replaced or created.
pub(super) fn behind_links(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            // This ends: a cycle of links is a different error.
            Ok(next) => behind_links(&path.parent().unwrap_or(Path::new("")).join(next)),
            Err(_) => Ok(path.to_owned()),
        },
        other => other,
    }
}

/// Creates and locks a temporary file.
fn temporary(directory: &Path, readers: Readers) -> io::Result<NamedTempFile> {
    let mut builder = Builder::new();
    builder.prefix(PREFIX).suffix(SUFFIX).rand_bytes(RANDOM);
    permit(readers, &mut builder);
    let mut file = builder.tempfile_in(directory)?;
    for _ in 0..ATTEMPTS {
        // Where locks are not supported, as on some network file systems, no process removes the files of others
        // either.
        let locked = file.as_file().try_lock().is_ok();
        if !locked || is_there(&file) {
            break;
        }
        file = builder.tempfile_in(directory)?;
    }
    Ok(file)
}

#[cfg(unix)]
fn is_there(file: &NamedTempFile) -> bool {
    let own = file.as_file().metadata().map(|own| Identity::of_metadata(&own));
    own.is_ok_and(|own| Identity::of(file.path()).is_ok_and(|found| found == own))
}

#[cfg(not(unix))]
fn is_there(file: &NamedTempFile) -> bool {
    Identity::of(file.path()).is_ok()
}

/// Removes temporary files of processes that ended while writing. Errors are ignored.
pub(super) fn remove_stale(directory: &Path) {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_temporary));
    for entry in named.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_file())) {
        let Ok(file) = File::open(entry.path()) else { continue };
        if file.try_lock().is_ok() {
            // Another process may have removed it already.
            let _ = fs::remove_file(entry.path());
        }
    }
}

fn is_temporary(name: &str) -> bool {
    let random = name.strip_prefix(PREFIX).and_then(|rest| rest.strip_suffix(SUFFIX));
    random.is_some_and(|random| {
        random.len() == RANDOM && random.bytes().all(|byte| byte.is_ascii_alphanumeric())
    })
}

/// Sets the mode of a new file; the umask of the process still applies.
#[cfg(unix)]
fn permit(readers: Readers, builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(match readers {
        Readers::Anyone => 0o644,
        Readers::Owner => 0o600,
    }));
}

#[cfg(not(unix))]
fn permit(_: Readers, _: &mut Builder<'_, '_>) {}

/// Gives the file the permissions of the one that it replaces, without those that its contents forbid.
#[cfg(unix)]
fn narrow(file: &File, replaced: &fs::Metadata, readers: Readers) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let allowed = match readers {
        Readers::Anyone => 0o777,
        Readers::Owner => 0o600,
    };
    file.set_permissions(fs::Permissions::from_mode(replaced.permissions().mode() & allowed))
}

#[cfg(not(unix))]
fn narrow(_: &File, _: &fs::Metadata, _: Readers) -> io::Result<()> {
    Ok(())
}
