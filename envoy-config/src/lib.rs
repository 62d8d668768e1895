//! Compiles Gateway API manifests to Envoy configuration with session persistence.
//!
//! - [`cli`]: the command line.
//! - [`source`]: texts and positions in them.
//! - [`manifest`]: reads texts into typed manifests.
//! - [`resolve`]: applies the semantics of the Gateway API to all manifests together.
//! - [`diagnostic`]: findings about manifests.
//! - [`notes`]: what is worth a line, and is no finding.
//! - [`pem`]: certificates and private keys as text.
//! - [`x509`]: whether Envoy can use them.
//! - [`http_value`]: values of HTTP that manifests and the model share.
//! - [`model`]: what Envoy serves; the contract between `resolve` and `render`.
//! - [`options`]: options of the command line that affect the result.
//! - [`export`]: objects for a gateway that loads the filter, instead of a configuration of Envoy.
//! - [`limits`]: limits for clients, rules and the whole Envoy.
//! - [`render`]: writes the model as an Envoy bootstrap, or as files that Envoy watches.
//! - [`status`]: the `status` that the API server would store for each object.

pub mod cli;
pub mod diagnostic;
mod duration;
pub mod export;
pub mod http_value;
pub mod limits;
pub mod manifest;
pub mod model;
pub mod notes;
pub mod options;
pub mod pem;
pub mod render;
pub mod resolve;
pub mod source;
pub mod status;
mod tree;
pub mod x509;

pub use resolve::Compilation;

use options::{Options, UsageError};
use source::Source;

/// Compiles manifests to a model, which `render` writes, and to the status of each object.
///
/// The order of the sources, and of the documents in them, changes nothing in either.
#[must_use]
pub fn compile(sources: &[Source], options: &Options) -> Compilation {
    if sources.is_empty() {
        let mut nothing = Compilation::default();
        nothing.usage_errors.push(UsageError::NoSources);
        return nothing;
    }
    let (manifests, diagnostics) = manifest::read(sources);
    resolve::resolve(manifests, diagnostics, options)
}
