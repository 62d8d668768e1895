//! Objects for a gateway that loads the filter: the same sessions in Envoy Gateway.
//!
//! Envoy Gateway configures Envoy itself, so its objects are written instead of Envoy's configuration: the filter as a Wasm extension
//! in front of its own session persistence in header mode, whose header only the filter sees. Which rules have which sessions is
//! taken from the [model](crate::model), so that tokens are the same as in the rendered Envoy, and sessions continue when a route
//! moves from one to the other.
//!
//! - `sessions`: the rules with sessions, by route, and what the gateway cannot do for them.
//! - `envoy_gateway`: the objects.

mod envoy_gateway;
mod sessions;

use serde_saphyr::ser_options;

use self::sessions::Sessions;
use crate::diagnostic::{Code, Diagnostic};
use crate::render::RenderError;
use crate::resolve::Compilation;
use crate::source::Source;

/// Where Envoy Gateway gets the filter from.
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
    /// Where the filter comes from.
    pub module: Module,
    /// The name of the Secret with the keys.
    pub secret: String,
}

/// The objects, and what the gateway cannot do.
#[derive(Debug)]
pub struct Exported {
    /// YAML documents.
    pub text: String,
    /// Warnings, in the order of the sources.
    pub diagnostics: Vec<Diagnostic>,
}

/// The objects for Envoy Gateway that give the compiled manifests their sessions. `None` if the manifests do not compile.
///
/// The sources are those that were compiled.
///
/// # Errors
/// An object cannot be written as YAML: a defect of this program.
pub fn envoy_gateway(
    compilation: &Compilation,
    sources: &[Source],
    options: &Options,
) -> Result<Option<Exported>, RenderError> {
    let Some(model) = &compilation.model else { return Ok(None) };
    let (sessions, mut diagnostics) = Sessions::of(model, compilation.manifests());
    let documents =
        envoy_gateway::documents(&sessions, compilation.manifests(), sources, options, &mut diagnostics);
    diagnostics.sort_by_key(|found| (found.span.source, found.span.start));
    let layout = ser_options! { prefer_block_scalars: false };
    let mut text = String::new();
    for (comment, document) in documents {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        for line in comment.lines() {
            text.push_str("# ");
            text.push_str(line);
            text.push('\n');
        }
        text.push_str(&serde_saphyr::to_string_with_options(&document, layout.clone())?);
    }
    Ok(Some(Exported { text, diagnostics }))
}

/// A finding about a target that cannot do what the manifests say.
fn incapable(span: crate::source::Span, object: &str, message: impl Into<String>) -> Diagnostic {
    Diagnostic::warning(Code::NotInGateway, span, message).object(object)
}
