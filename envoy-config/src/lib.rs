//! Compiles Gateway API manifests to a static Envoy bootstrap with session persistence.
//!
//! - [`cli`]: the command line.
//! - [`source`]: texts and places in them.
//! - [`manifest`]: text to typed manifests.
//! - [`resolve`]: what the manifests mean together.
//! - [`diagnostic`]: what is wrong with them.
//! - [`pem`]: certificates and private keys as text.
//! - [`model`]: what a bootstrap is to serve; the contract between `resolve` and `render`.
//! - [`options`]: what a person asks for beside the manifests.
//! - [`render`]: the model as the text of a bootstrap.

pub mod cli;
pub mod diagnostic;
pub mod manifest;
pub mod model;
pub mod options;
pub mod pem;
pub mod render;
pub mod resolve;
pub mod source;

use diagnostic::{Diagnostic, Severity};
use model::Model;
use options::{Misfit, Options};
use source::Source;

/// What came of some manifests.
#[derive(Clone, Debug)]
pub struct Compilation {
    /// What to serve: none when the options do not fit, when there is nothing to serve, and, unless
    /// [`Options::keep_going`], when there is an error among the diagnostics.
    pub model: Option<Model>,
    /// What is to be said of the manifests, in the order of the sources.
    pub diagnostics: Vec<Diagnostic>,
    /// Where the options do not fit the manifests: mistakes of the call, not of the manifests.
    pub misfits: Vec<Misfit>,
}

/// Compiles manifests to a model, which `render` writes.
///
/// The order of the sources, and of the documents in them, changes nothing in the model.
#[must_use]
pub fn compile(sources: &[Source], options: &Options) -> Compilation {
    if sources.is_empty() {
        return Compilation { model: None, diagnostics: Vec::new(), misfits: vec![Misfit::NoSources] };
    }
    let (manifests, mut diagnostics) = manifest::read(sources);
    let resolved = resolve::resolve(&manifests, &diagnostics, options);
    diagnostics.extend(resolved.diagnostics);
    diagnostics.sort_by_key(|found| (found.span.source, found.span.start, found.severity));
    let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
    let usable = resolved.misfits.is_empty() && (options.keep_going || !failed);
    Compilation { model: resolved.model.filter(|_| usable), diagnostics, misfits: resolved.misfits }
}
