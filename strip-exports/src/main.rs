//! Removes unused exports from a compiled filter, in place: `strip-exports MODULE`.
//!
//! Exit status: 0 on success; 1 if the file is not the compiled filter; 2 for usage or I/O errors.

use std::env;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use strip_exports::strip;

fn main() -> ExitCode {
    let mut arguments = env::args_os().skip(1).map(PathBuf::from);
    let (Some(path), None) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: strip-exports MODULE");
        return ExitCode::from(2);
    };
    let fail = |problem: &dyn std::fmt::Display, code| {
        eprintln!("error: {}: {problem}", path.display());
        ExitCode::from(code)
    };
    let module = match fs::read(&path) {
        Ok(module) => module,
        Err(problem) => return fail(&problem, 2),
    };
    let stripped = match strip(&module) {
        Ok(stripped) => stripped,
        Err(problem) => return fail(&problem, 1),
    };
    match replace(&path, &stripped) {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => fail(&problem, 2),
    }
}

/// Replaces a file atomically with a new one. It does not write into the file, because Cargo has a hard link to it, by which it would
/// see that its output has changed.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    file.persist(path)?;
    Ok(())
}
