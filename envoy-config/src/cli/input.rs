//! Reads the manifests that the command line names.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::source::Source;

/// What the files of a directory must end in to be read, as with `kubectl apply -f`.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// Why manifests could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// A file or directory that is not there or that we may not read.
    #[error("cannot read {}: {problem}", path.display())]
    Read { path: PathBuf, problem: io::Error },
    /// Not a manifest at all.
    #[error("cannot read {name}: it is not UTF-8 text (the byte at offset {offset})")]
    Encoding { name: String, offset: usize },
    /// A directory without manifests.
    #[error("there are no files that end in .yaml, .yml or .json in {}", .0.display())]
    Empty(PathBuf),
    /// Standard input can be read once only.
    #[error("-f - can be given once only")]
    StandardInputTwice,
}

/// The texts of all files, in the order of the paths; those of a directory by name.
pub(super) fn read(paths: &[PathBuf], standard_input: &mut dyn Read) -> Result<Vec<Source>, InputError> {
    let is_standard_input = |path: &&PathBuf| path.as_os_str() == "-";
    if paths.iter().filter(is_standard_input).count() > 1 {
        return Err(InputError::StandardInputTwice);
    }
    let mut sources = Vec::new();
    for path in paths {
        if is_standard_input(&path) {
            let name = String::from("<stdin>");
            let mut bytes = Vec::new();
            let read = standard_input.read_to_end(&mut bytes);
            read.map_err(|problem| InputError::Read { path: PathBuf::from(&name), problem })?;
            sources.push(source(name, bytes)?);
        } else if path.is_dir() {
            for file in files(path)? {
                sources.push(read_file(&file)?);
            }
        } else {
            sources.push(read_file(path)?);
        }
    }
    Ok(sources)
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, InputError> {
    let failed = |problem| InputError::Read { path: directory.to_owned(), problem };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_manifest = path.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end == *known));
        if is_manifest && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() { Err(InputError::Empty(directory.to_owned())) } else { Ok(files) }
}

fn read_file(path: &Path) -> Result<Source, InputError> {
    let bytes = fs::read(path).map_err(|problem| InputError::Read { path: path.to_owned(), problem })?;
    source(path.display().to_string(), bytes)
}

fn source(name: String, bytes: Vec<u8>) -> Result<Source, InputError> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Source { name, text }),
        Err(invalid) => Err(InputError::Encoding { name, offset: invalid.utf8_error().valid_up_to() }),
    }
}
