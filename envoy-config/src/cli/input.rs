//! Reads the manifests that `-f` names, and checks that the output file is not one of them.
//!
//! Input is limited ([`LIMIT`]), and comes from regular files, standard input and the pipes of a shell's `<(…)`. Other
//! special files are rejected: a device may never end, and a named pipe waits for a writer.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::identity::Identity;
use super::output::{behind_links, directory_of};
use crate::source::Source;

/// The extensions of files that are read from a directory, as with `kubectl apply -f`.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The size limit of all manifests together. A Kubernetes object has at most 1.5 MiB, and 1,000 routes have about 1
/// MiB.
const LIMIT_MIB: u64 = 64;
const LIMIT: u64 = LIMIT_MIB << 20;

/// Paths of files that are already open, such as the pipes of `<(…)`.
const OPEN_FILES: [&str; 4] = ["/dev/fd/", "/dev/stdin", "/proc/self/fd/", "/proc/thread-self/fd/"];

/// Why the manifests cannot be read, or the output file cannot be used with them.
#[derive(Debug, thiserror::Error)]
pub(super) enum InputError {
    /// The file or directory does not exist, or reading is not permitted.
    #[error("cannot read {}: {problem}", path.display())]
    Read { path: PathBuf, problem: io::Error },
    /// A device, a socket or a named pipe.
    #[error("cannot read {}: it is not a regular file; pass its contents on standard input with `-f -`", .0.display())]
    Special(PathBuf),
    /// The input exceeds [`LIMIT`].
    #[error("cannot read {name}: all manifests together can have at most {LIMIT_MIB} MiB, but have {found}")]
    TooLarge { name: String, found: String },
    /// The file is not UTF-8.
    #[error("cannot read {name}: invalid UTF-8 at byte offset {offset}")]
    Encoding { name: String, offset: usize },
    /// The directory contains no manifests.
    #[error("directory {} contains no .yaml, .yml or .json files", .0.display())]
    Empty(PathBuf),
    /// Standard input can be read only once.
    #[error("-f - can be used only once")]
    StandardInputTwice,
    /// `-o` would replace an input file.
    #[error("cannot write {}: -f reads this file; choose another one with -o", .0.display())]
    OutputIsInput(PathBuf),
    /// `-o` would create a file that is read as input the next time.
    #[error("cannot write {}: -f reads its directory, and would read it as a manifest next time; choose another directory with -o", .0.display())]
    OutputAmongInput(PathBuf),
    /// `--xds` would write files that are read as input the next time.
    #[error("cannot write to {}: -f reads this directory; choose another one with --xds", .0.display())]
    DirectoryIsInput(PathBuf),
}

/// The manifests, and the files they come from.
#[derive(Debug, Default)]
pub(super) struct Input {
    /// The contents of all files, in the order of the arguments; the files of a directory by name.
    pub(super) sources: Vec<Source>,
    files: Vec<Identity>,
    directories: Vec<Identity>,
    /// The number of bytes read.
    size: u64,
}

/// Reads all files.
pub(super) fn read(paths: &[PathBuf], standard_input: &mut dyn Read) -> Result<Input, InputError> {
    let is_standard_input = |path: &&PathBuf| path.as_os_str() == "-";
    if paths.iter().filter(is_standard_input).count() > 1 {
        return Err(InputError::StandardInputTwice);
    }
    let mut input = Input::default();
    for path in paths {
        if is_standard_input(&path) {
            input.files.extend(Identity::of(Path::new("/dev/stdin")));
            input.add(Path::new("<stdin>"), None, &mut *standard_input)?;
        } else if path.is_dir() {
            input.directories.extend(Identity::of(path));
            for file in files(path)? {
                input.add_file(&file)?;
            }
        } else {
            input.add_file(path)?;
        }
    }
    Ok(input)
}

pub(super) fn files(directory: &Path) -> Result<Vec<PathBuf>, InputError> {
    let failed = |problem| InputError::Read { path: directory.to_owned(), problem };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if is_manifest(&path) && !path.is_dir() {
            files.push(path);
        }
    }
    files.sort();
    if files.is_empty() { Err(InputError::Empty(directory.to_owned())) } else { Ok(files) }
}

pub(super) fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|end| EXTENSIONS.iter().any(|known| end == *known))
}

impl Input {
    fn add_file(&mut self, path: &Path) -> Result<(), InputError> {
        let failed = |problem| InputError::Read { path: path.to_owned(), problem };
        let found = fs::metadata(path).map_err(failed)?;
        let is_already_open =
            OPEN_FILES.iter().any(|open| path.to_str().is_some_and(|path| path.starts_with(open)));
        if !found.is_file() && !is_already_open {
            return Err(InputError::Special(path.to_owned()));
        }
        let file = File::open(path).map_err(failed)?;
        if found.is_file() {
            self.files.extend(Identity::of(path));
        }
        self.add(path, found.is_file().then_some(found.len()), file)
    }

    /// Reads to the end, or until the limit is exceeded.
    fn add(&mut self, path: &Path, size: Option<u64>, text: impl Read) -> Result<(), InputError> {
        let name = path.display().to_string();
        let left = LIMIT - self.size;
        let too_large = |found| Err(InputError::TooLarge { name: name.clone(), found });
        if let Some(size) = size.filter(|size| *size > left) {
            return too_large(format!("{} bytes", self.size.saturating_add(size)));
        }
        let mut bytes = Vec::new();
        let read = text.take(left + 1).read_to_end(&mut bytes);
        read.map_err(|problem| InputError::Read { path: path.to_owned(), problem })?;
        let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        if length > left {
            return too_large(String::from("more"));
        }
        self.size += length;
        match String::from_utf8(bytes) {
            Ok(text) => {
                self.sources.push(Source { name, text });
                Ok(())
            }
            Err(invalid) => Err(InputError::Encoding { name, offset: invalid.utf8_error().valid_up_to() }),
        }
    }

    /// Rejects a directory for output that is read as input.
    pub(super) fn check_directory(&self, directory: &Path) -> Result<(), InputError> {
        match Identity::of(directory) {
            Ok(own) if self.directories.contains(&own) => {
                Err(InputError::DirectoryIsInput(directory.to_owned()))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Rejects an output file that is an input file, or would be one the next time. If the path cannot be examined,
    /// writing it will report the error.
    pub(super) fn check_output(&self, output: &Path) -> Result<(), InputError> {
        let is_among =
            |known: &[Identity], path: &Path| Identity::of(path).is_ok_and(|own| known.contains(&own));
        if is_among(&self.files, output) {
            return Err(InputError::OutputIsInput(output.to_owned()));
        }
        let behind_links = behind_links(output).unwrap_or_else(|_| output.to_owned());
        let mut paths = [output, &behind_links].into_iter().filter(|path| is_manifest(path));
        if paths.any(|path| is_among(&self.directories, directory_of(path))) {
            return Err(InputError::OutputAmongInput(output.to_owned()));
        }
        Ok(())
    }
}
