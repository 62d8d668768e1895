//! The model as the text of a static Envoy bootstrap (written for and tried on Envoy 1.40.0).
//!
//! It knows Envoy's words and the model, decides nothing that the Gateway API has an opinion on, and cannot fail: what is
//! wrong with the manifests was said before there was a model. Equal models render to equal bytes. One module per concern:
//!
//! - `bootstrap`: the document as a whole, the admin interface, runtime values.
//! - `overload`: what this Envoy as a whole does not exceed.
//! - `listener`: the bound address, the connection manager and its access log.
//! - `tls`: certificates, and which connection gets which.
//! - `upstream_tls`: which endpoints are connected to over TLS, and how.
//! - `filters`: the HTTP filters, among them ours with the plugin configuration.
//! - `routes`: virtual hosts, matches and what becomes of a request; `retries`: how long it may take, and when it is tried
//!   again.
//! - `safe_methods`: which requests are retried when their connection ends.
//! - `headers`: changes in headers; `url`: in the address, and redirects.
//! - `cors`: what scripts of other sites may do.
//! - `query`: how the value of a query parameter may be written.
//! - `protocol`: HTTP versions on both sides, with their timeouts and windows.
//! - `clusters`: how endpoints are found and connected to.
//! - `endpoints`: localities, weights and draining.
//! - `balancing`: the pin first, the weights otherwise.
//! - `refusal`, `shares`: the share of the requests that Envoy itself has to refuse, behind the pin or in front.
//! - `address`, `extension`: the shapes that all of them need.
//!
//! The structs there hold exactly the fields that are written. A test reads every document against Envoy's own protobuf
//! definitions, so that a misspelt field cannot go unnoticed.

mod address;
mod balancing;
mod bootstrap;
mod clusters;
mod cors;
mod endpoints;
mod extension;
mod filters;
mod headers;
mod listener;
mod overload;
mod protocol;
mod query;
mod refusal;
mod retries;
mod routes;
mod safe_methods;
mod session_header;
mod shares;
mod tls;
mod upstream_tls;
mod url;

use serde_saphyr::ser_options;

use session_persistence::config::Pin;

use crate::limits::Limits;
use crate::model::Model;
use crate::options::AdminAddress;

/// What a bootstrap needs beside the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where Envoy's admin interface listens.
    pub admin: AdminAddress,
    /// The path of the compiled filter as Envoy sees it.
    pub module: String,
    /// The path of the certificates of the authorities that the system trusts, as Envoy sees it.
    pub system_authorities: String,
    /// How much may be used.
    pub limits: Limits,
    /// How the filter names the endpoints of sessions to Envoy.
    pub pin: Pin,
}

/// The bootstrap cannot be written as YAML: a defect of this program.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the bootstrap as YAML: {0}")]
pub struct RenderError(#[from] serde_saphyr::ser::Error);

/// The model as a static Envoy bootstrap, in YAML.
///
/// # Errors
/// A value has no form in YAML. None of the rendered types holds one.
pub fn render(model: &Model, options: &Options) -> Result<String, RenderError> {
    let bootstrap = bootstrap::Bootstrap::new(model, options);
    // Block scalars would fold long expressions over several lines; one line is easier to compare with the manifest.
    let layout = ser_options! { prefer_block_scalars: false };
    Ok(serde_saphyr::to_string_with_options(&bootstrap, layout)?)
}
