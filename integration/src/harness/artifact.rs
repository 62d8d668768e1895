//! The compiled filter, and the program `envoy-config`.
//!
//! Cargo builds the filter for another target and the program in another package, so a test cannot depend on them. A test can only
//! reject what is missing, or older than one of its sources, which cargo lists in a `.d` file beside it. A test must not build them
//! either: that would replace libraries that the build under test still needs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::harness::workspace;

/// The compiled filter or the program cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// It does not exist.
    #[error("there is no {what} at `{}`: run `{command}`", .path.display())]
    Missing {
        /// Its name.
        what: &'static str,
        /// Where it belongs.
        path: PathBuf,
        /// What builds it.
        command: &'static str,
    },
    /// A source is newer.
    #[error("the {what} is older than `{}`: run `{command}`", .source_file.display())]
    Stale {
        /// Its name.
        what: &'static str,
        /// The newer source.
        source_file: PathBuf,
        /// What builds it.
        command: &'static str,
    },
    /// A file cannot be read.
    #[error("cannot read `{}`: {problem}", .path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
}

/// The path of the compiled filter.
///
/// # Errors
/// It is missing, or a source has changed since it was built.
pub fn module() -> Result<PathBuf, ArtifactError> {
    built("compiled filter", "wasm32-wasip1/release/session_persistence.wasm", "make module")
}

/// The path of the program `envoy-config`, built without optimisations.
///
/// # Errors
/// It is missing, or a source has changed since it was built.
pub fn envoy_config() -> Result<PathBuf, ArtifactError> {
    built("program `envoy-config`", "debug/envoy-config", "cargo build")
}

fn built(what: &'static str, path: &str, command: &'static str) -> Result<PathBuf, ArtifactError> {
    let path = workspace::target().join(path);
    let Ok(built) = modified(&path) else {
        return Err(ArtifactError::Missing { what, path, command });
    };
    let list = path.with_extension("d");
    let text =
        fs::read_to_string(&list).map_err(|problem| ArtifactError::Unreadable { path: list, problem })?;
    // A source that was removed counts as changed.
    let unchanged = |source: &PathBuf| modified(source).is_ok_and(|changed| changed <= built);
    match sources(&text).into_iter().find(|source| !unchanged(source)) {
        Some(source_file) => Err(ArtifactError::Stale { what, source_file, command }),
        None => Ok(path),
    }
}

fn modified(path: &Path) -> io::Result<SystemTime> {
    fs::metadata(path)?.modified()
}

/// The sources in a dependency file, which is one rule of a makefile: `module: source source …`, spaces in names escaped.
fn sources(text: &str) -> Vec<PathBuf> {
    let names = text.split_once(": ").map_or("", |(_, names)| names).trim_end();
    let mut sources = vec![String::new()];
    let mut characters = names.chars().peekable();
    while let Some(character) = characters.next() {
        let space = character == '\\' && characters.next_if_eq(&' ').is_some();
        match (character, sources.last_mut()) {
            (' ', _) | (_, None) => sources.push(String::new()),
            (_, Some(name)) => name.push(if space { ' ' } else { character }),
        }
    }
    sources.into_iter().filter(|name| !name.is_empty()).map(PathBuf::from).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn module_sources_are_read_from_the_dependency_file() {
        let list = "/a b/x.wasm: /a\\ b/lib.rs /a\\ b/names.rs\n".replace("/a b/x", "/a\\ b/x");
        assert_eq!(sources(&list), [PathBuf::from("/a b/lib.rs"), PathBuf::from("/a b/names.rs")]);
    }
}
