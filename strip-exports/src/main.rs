//! Strips the exports of a compiled filter in place: `strip-exports MODULE`.
//!
//! Exit status: 0, stripped; 1, not the compiled filter; 2, the call is wrong or the file cannot be read or written.

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

/// Puts a new file in the place of one, whole or not at all. Not the bytes of it: Cargo has a second name for the same file, from
/// which it would no longer know what it has built.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(fs::metadata(path)?.permissions())?;
    file.persist(path)?;
    Ok(())
}
