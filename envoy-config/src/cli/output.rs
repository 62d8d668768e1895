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

/// Puts the text into the file of this path, or leaves that as it is.
pub(super) fn replace(path: &Path, text: &str) -> Result<(), OutputError> {
    write(path, text).map_err(|problem| OutputError { path: path.to_owned(), problem })
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let written_to = match fs::canonicalize(path) {
        // A link stays one: its file is replaced.
        Ok(target) => target,
        Err(problem) if problem.kind() == io::ErrorKind::NotFound => path.to_owned(),
        Err(problem) => return Err(problem),
    };
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
    readable(&mut builder);
    let mut file = builder.tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist(written_to)?;
    Ok(())
}

/// Envoy may run as another user, as it does in its own image. The process's umask has the last word.
#[cfg(unix)]
fn readable(builder: &mut Builder<'_, '_>) {
    use std::os::unix::fs::PermissionsExt;
    builder.permissions(fs::Permissions::from_mode(0o644));
}

#[cfg(not(unix))]
fn readable(_: &mut Builder<'_, '_>) {}
