//! Compiles Gateway API manifests to a static Envoy bootstrap with session persistence.
//!
//! - [`cli`]: the command line.
//! - [`source`]: texts and places in them.
//! - [`manifest`]: text to typed manifests.
//! - [`resolve`]: what the manifests mean together.
//! - [`diagnostic`]: what is wrong with them.
//! - [`pem`]: certificates and private keys as text.
//! - [`x509`]: whether Envoy can use them.
//! - [`http_value`]: values of HTTP that manifests and the model share.
//! - [`model`]: what a bootstrap is to serve; the contract between `resolve` and `render`.
//! - [`options`]: what a person asks for beside the manifests.
//! - [`limits`]: how much a client, a rule and the whole Envoy may use.
//! - [`render`]: the model as the text of a bootstrap.
//! - [`status`]: what the API server would hold in the `status` of each object.

pub mod cli;
pub mod diagnostic;
mod duration;
pub mod http_value;
pub mod limits;
pub mod manifest;
pub mod model;
pub mod options;
pub mod pem;
pub mod render;
pub mod resolve;
pub mod source;
pub mod status;
pub mod x509;

use diagnostic::{Diagnostic, Secrecy, Severity};
use manifest::Manifests;
use manifest::other_kinds::Ignored;
use model::Model;
use options::{Misfit, Options};
use resolve::Resolution;
use source::Source;
use status::ObjectStatus;

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
    /// Objects of kinds that are not read.
    pub ignored: Ignored,
}

/// The status that each object of some manifests would have.
#[derive(Clone, Debug)]
pub struct Check {
    /// By kind, namespace and name; meaningless when the options do not fit.
    pub statuses: Vec<ObjectStatus>,
    /// What is to be said of the manifests, in the order of the sources.
    pub diagnostics: Vec<Diagnostic>,
    /// Where the options do not fit the manifests: mistakes of the call, not of the manifests.
    pub misfits: Vec<Misfit>,
    /// Objects of kinds that are not read.
    pub ignored: Ignored,
}

/// Compiles manifests to a model, which `render` writes.
///
/// The order of the sources, and of the documents in them, changes nothing in the model.
#[must_use]
pub fn compile(sources: &[Source], options: &Options) -> Compilation {
    if sources.is_empty() {
        let misfits = vec![Misfit::NoSources];
        return Compilation { model: None, diagnostics: Vec::new(), misfits, ignored: Ignored::default() };
    }
    let (_, resolved) = read_and_resolve(sources, options);
    let Resolution { model, diagnostics, misfits, ignored, .. } = resolved;
    let failed = diagnostics.iter().any(|found| found.severity == Severity::Error);
    let usable = misfits.is_empty() && (options.keep_going || !failed);
    Compilation { model: model.filter(|_| usable), diagnostics, misfits, ignored }
}

/// Finds out what status each object would have, without compiling anything.
///
/// The order of the sources, and of the documents in them, changes nothing in the statuses.
#[must_use]
pub fn check(sources: &[Source], options: &Options) -> Check {
    if sources.is_empty() {
        let misfits = vec![Misfit::NoSources];
        return Check { statuses: Vec::new(), diagnostics: Vec::new(), misfits, ignored: Ignored::default() };
    }
    let (manifests, resolved) = read_and_resolve(sources, options);
    let mut statuses = resolved.statuses(&manifests);
    let secrecy = Secrecy::of(sources);
    for status in &mut statuses {
        status.hide_secrets(&secrecy);
    }
    let Resolution { diagnostics, misfits, ignored, .. } = resolved;
    Check { statuses, diagnostics, misfits, ignored }
}

/// The manifests and what they mean together, with all findings in the order of the sources.
fn read_and_resolve(sources: &[Source], options: &Options) -> (Manifests, Resolution) {
    let (manifests, mut diagnostics) = manifest::read(sources);
    let mut resolved = resolve::resolve(&manifests, &diagnostics, options);
    if options.keep_going {
        resolve::explain_unread(&manifests, &mut diagnostics);
    }
    diagnostics.append(&mut resolved.diagnostics);
    diagnostics.sort_by_key(|found| (found.span.source, found.span.start, found.severity));
    resolved.diagnostics = diagnostics;
    (manifests, resolved)
}
