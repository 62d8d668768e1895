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
//! - `error_status`: which requests Envoy answers with an error; `error_listener`, `error_fraction`: the two ways to do so.
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
mod error_fraction;
mod error_listener;
mod error_status;
mod extension;
mod filters;
mod headers;
mod listener;
mod overload;
mod protocol;
mod query;
mod retries;
mod routes;
mod safe_methods;
mod session_header;
mod string_matcher;
mod tls;
mod upstream_tls;
mod url;

use serde_saphyr::ser_options;

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
}

/// The model as a static Envoy bootstrap, in YAML.
#[must_use]
pub fn render(model: &Model, options: &Options) -> String {
    let bootstrap = bootstrap::Bootstrap::new(model, options);
    // Block scalars would fold long expressions over several lines; one line is easier to compare with the manifest.
    let layout = ser_options! { prefer_block_scalars: false };
    // The emitter refuses only what none of our structs holds (bytes, anchors with odd names). Should that ever change,
    // the text is a comment that says so, which Envoy refuses to start with: never a configuration with a part missing.
    serde_saphyr::to_string_with_options(&bootstrap, layout)
        .unwrap_or_else(|problem| format!("# The bootstrap cannot be written as YAML: {problem}\n"))
}
