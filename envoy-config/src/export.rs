//! Objects for an implementation of the Gateway API that loads the filter: the same sessions in Envoy Gateway or Istio.
//!
//! It configures Envoy itself, so its objects are written instead of Envoy's configuration: the filter as a Wasm extension in front of
//! Envoy's session persistence in header mode, whose header only the filter sees. Which rules have which sessions is taken from the
//! [model](crate::model), so that tokens are sealed for the same rules as in the rendered Envoy.
//!
//! - `sessions`: the rules with sessions, by route; `limits`: what the implementation cannot do for them.
//! - `gateways`: the Gateways that serve them, and the parameters with which their Envoys get the keys.
//! - `envoy_gateway`, `istio`: the objects of each.
//! - `objects`, `documents`: the parts of an object, and how it is written.

mod documents;
mod envoy_gateway;
mod gateways;
mod istio;
mod limits;
mod objects;
mod sessions;

use self::documents::Documents;
use self::sessions::Sessions;
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::{Manifests, Original, originals};
use crate::options::Implementation;
use crate::render::RenderError;
use crate::resolve::Compilation;
use crate::source::{Source, Span};

/// Where the implementation gets the filter from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Module {
    /// A container image, by its reference.
    Image(String),
    /// A file.
    Url {
        /// Its address.
        url: String,
        /// The SHA-256 digest of the file, in lower-case hex.
        sha256: String,
    },
}

/// Options for the objects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Whose objects are written.
    pub implementation: Implementation,
    /// Where the filter comes from.
    pub module: Module,
    /// The name of the Secret with the keys.
    pub secret: String,
}

/// The objects, and what the implementation cannot do.
#[derive(Debug)]
pub struct Exported {
    /// YAML documents.
    pub text: String,
    /// Warnings, in the order of the sources.
    pub diagnostics: Vec<Diagnostic>,
}

/// What is written, and from what.
struct Export<'e> {
    sessions: Sessions,
    manifests: &'e Manifests,
    originals: Vec<Original>,
    options: &'e Options,
    documents: Documents,
    diagnostics: Vec<Diagnostic>,
}

/// The objects that give the compiled manifests their sessions. `None` if the manifests do not compile.
///
/// The sources are those that were compiled.
///
/// # Errors
/// An object cannot be written as YAML: a defect of this program.
pub fn objects(
    compilation: &Compilation,
    sources: &[Source],
    options: &Options,
) -> Result<Option<Exported>, RenderError> {
    let Some(model) = &compilation.model else { return Ok(None) };
    let manifests = compilation.manifests();
    let (sessions, diagnostics) = Sessions::of(model, manifests, options.implementation);
    let mut export = Export {
        sessions,
        manifests,
        originals: originals(sources),
        options,
        documents: Documents::default(),
        diagnostics,
    };
    match options.implementation {
        Implementation::EnvoyGateway => envoy_gateway::write(&mut export)?,
        Implementation::Istio => istio::write(&mut export)?,
    }
    let Export { documents, mut diagnostics, .. } = export;
    diagnostics.sort_by_key(|found| (found.span.source, found.span.start));
    Ok(Some(Exported { text: documents.into_text(), diagnostics }))
}

/// A finding about an implementation that cannot do what the manifests say.
fn incapable(span: Span, object: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(Code::NotInGateway, span, message).object(object)
}
