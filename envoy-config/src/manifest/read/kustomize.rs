//! Input for kustomize: what it says of the files beside it is not done here, so what it builds must be given instead.

use std::path::Path;

use crate::diagnostic::{Code, Diagnostic};
use crate::source::{Source, Span};

/// What kustomize looks for in a directory, as far as manifests can be called so.
const NAMES: [&str; 2] = ["kustomization.yaml", "kustomization.yml"];

/// What to say of a source that kustomize would read: its `kind` can be left out, so its name tells.
pub(in crate::manifest) fn source(source: usize, of: &Source) -> Option<Diagnostic> {
    let path = Path::new(&of.name);
    let is_input = path.file_name().is_some_and(|name| NAMES.iter().any(|input| name == *input));
    is_input.then(|| input(Span { source, start: 0, end: 0 }, path.parent()))
}

/// Input for kustomize, in this directory if that is known.
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
