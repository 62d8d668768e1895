//! Writes the configuration to a file: whole or not at all, so that an Envoy that starts meanwhile reads the old one or the
//! new one.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tempfile::Builder;

/// Why the configuration could not be written.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {}: {problem}", path.display())]
pub(super) struct OutputError {
    path: PathBuf,
    problem: io::Error,
}

/// Who may read the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readers {
    /// Everybody: Envoy may run as another user, as it does in its own image.
    Anyone,
    /// Its owner alone: there are private keys in it.
    Owner,
}

/// Puts the text into the file of this path, or leaves that as it is.
pub(super) fn replace(path: &Path, text: &str, readers: Readers) -> Result<(), OutputError> {
    write(path, text, readers).map_err(|problem| OutputError { path: path.to_owned(), problem })
}

fn write(path: &Path, text: &str, readers: Readers) -> io::Result<()> {
    let written_to = behind_links(path)?;
    if fs::metadata(&written_to).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        // A pipe or a device, which nothing can replace.
        return fs::write(written_to, text);
    }
    let directory = match written_to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        Some(_) | None => Path::new("."),
    };
    let mut builder = Builder::new();
    builder.prefix(".envoy-config-");
    permit(readers, &mut builder);
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(written_to)?;
    Ok(())
}

/// The file that a path leads to. A link stays one: its file is replaced, or made when it is not there yet.
fn behind_links(path: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(path) {
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => match fs::read_link(path) {
            // Links in a circle are another error, so this ends.
            Ok(next) => behind_links(&path.parent().unwrap_or(Path::new("")).join(next)),
            Err(_) => Ok(path.to_owned()),
        },
        other => other,
    }
}

/// The process's umask has the last word.
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
