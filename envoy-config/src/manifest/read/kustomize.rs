//! Detects input for kustomize, which this program does not run: users must pass the output of `kustomize build`.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, Span};

/// The names of kustomization files with the extension of manifests.
const NAMES: [&str; 2] = ["kustomization.yaml", "kustomization.yml"];

/// The error for a kustomization file. It is recognised by its name, because its `kind` is optional.
pub(in crate::manifest) fn source(source: usize, of: &Source) -> Option<Diagnostic> {
    let path = Path::new(&of.name);
    let is_input = path.file_name().is_some_and(|name| NAMES.iter().any(|input| name == *input));
    is_input.then(|| input(Span { source, start: 0, end: 0 }, path.parent()))
}

/// The error for input of kustomize, with the directory if it is known.
pub(in crate::manifest) fn input(span: Span, directory: Option<&Path>) -> Diagnostic {
    let directory = match directory {
        Some(path) if path.as_os_str().is_empty() => String::from("."),
        Some(path) => path.display().to_string(),
        None => String::from("DIR"),
    };
    Diagnostic::error(
        Code::KustomizeInput,
        span,
        "this file is input for kustomize, which `envoy-config` does not run",
    )
    .hint(format!("use its output instead: kustomize build {directory} | envoy-config … -f -"))
}
