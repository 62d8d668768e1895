//! Writes results into `docs/performance.md`, between the markers of each part; everything else is written by hand.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Why the document is not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum DocumentError {
    /// A marker is not there.
    #[error("`{}` has no lines `{}` and `{END}`", .path.display(), begin(.part))]
    Marker {
        /// The document.
        path: PathBuf,
        /// The part.
        part: String,
    },
    /// The file.
    #[error("cannot read or write `{}`: {problem}", .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        problem: io::Error,
    },
}

const END: &str = "<!-- end of what `make bench` writes -->";

fn begin(part: &str) -> String {
    format!("<!-- `make bench` writes: {part} -->")
}

/// Replaces the text of these parts.
///
/// # Errors
/// A part has no markers, or the file cannot be read or written; then nothing is written.
pub(super) fn update(path: &Path, parts: &[(&str, String)]) -> Result<(), DocumentError> {
    let problem = |problem| DocumentError::Io { path: path.to_owned(), problem };
    let mut text = fs::read_to_string(path).map_err(problem)?;
    for (part, content) in parts {
        let missing = || DocumentError::Marker { path: path.to_owned(), part: (*part).to_owned() };
        text = replace(&text, part, content).ok_or_else(missing)?;
    }
    fs::write(path, text).map_err(problem)
}

/// The document with this text in a part; none if the part has no markers.
fn replace(document: &str, part: &str, content: &str) -> Option<String> {
    let (before, rest) = document.split_once(&begin(part))?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{}\n\n{}\n\n{END}{after}", begin(part), content.trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const DOCUMENT: &str = "By hand.\n<!-- `make bench` writes: a -->\nold\n<!-- end of what `make bench` writes -->\nAlso by hand.\n\
         <!-- `make bench` writes: b -->\n<!-- end of what `make bench` writes -->\n";

    #[test]
    fn a_part_is_replaced_and_the_rest_stays() {
        let updated = replace(DOCUMENT, "a", "new\n").unwrap();
        assert_eq!(updated, DOCUMENT.replace("\nold\n", "\n\nnew\n\n"));
        assert_eq!(replace(&updated, "a", "new").unwrap(), updated);
    }

    #[test]
    fn a_part_without_markers_is_an_error_and_the_file_stays() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), DOCUMENT).unwrap();
        let parts = [("a", String::from("new")), ("c", String::new())];
        let error = update(file.path(), &parts).unwrap_err().to_string();
        assert!(error.contains("<!-- `make bench` writes: c -->"), "{error}");
        assert_eq!(fs::read_to_string(file.path()).unwrap(), DOCUMENT);
    }
}
