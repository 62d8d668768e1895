//! Renders the model for Envoy (written for Envoy 1.40.0): as a static bootstrap, or as files that Envoy watches.
//!
//! It translates the model to Envoy's configuration and makes no decisions about the Gateway API: mistakes in manifests are reported
//! before there is a model. Equal models render to equal bytes. One module per concern:
//!
//! - `bootstrap`: the whole document, the admin interface, runtime values.
//! - [`files`]: the bootstrap and the files beside it; `sources`: where the parts are.
//! - `overload`: limits of the whole process.
//! - `listener`: the bound address and the connection manager; `access_log`: its access log.
//! - `route_metadata`: what the access log knows of a route.
//! - `tls`: server certificates, and the client certificates that are required.
//! - `upstream_tls`: TLS to endpoints.
//! - `filters`: the HTTP filters, among them ours with the plugin configuration.
//! - `routes`: virtual hosts, routes and their matches; `retries`: timeouts and retries.
//! - `safe_methods`: retries after a connection reset.
//! - `headers`: header changes; `session_header`: removal of the session header; `url`: rewrites and redirects.
//! - `cors`: CORS policies; `ext_authz`: authorization by a server.
//! - `query`: encodings of query parameters.
//! - `protocol`: HTTP versions, idle timeouts and flow-control windows.
//! - `clusters`: discovery of endpoints, connect timeouts, connections in advance; `circuit_breakers`: their limits.
//! - `health`: health checks and outlier detection.
//! - `endpoints`: localities, weights and draining.
//! - `balancing`: the pinned endpoint, or one by weight.
//! - `error_status`: which requests Envoy answers with an error; `error_listener`, `error_fraction`: the two ways to do so.
//! - `address`, `extension`, `string_matcher`: messages that several modules use.
//!
//! Structs have exactly the fields that are written. Tests check rendered documents against Envoy's protobuf definitions, so
//! misspelled fields are found.

mod access_log;
mod address;
mod balancing;
mod bootstrap;
mod circuit_breakers;
mod clusters;
mod cors;
mod endpoint_metadata;
mod endpoints;
mod error_fraction;
mod error_listener;
mod error_status;
mod ext_authz;
mod extension;
pub mod files;
mod filters;
mod headers;
mod health;
mod listener;
mod overload;
mod protocol;
mod query;
mod retries;
mod route_metadata;
mod routes;
mod safe_methods;
mod session_header;
mod sources;
mod string_matcher;
mod tls;
mod upstream_tls;
mod url;

use serde::Serialize;
use serde_saphyr::ser_options;

use session_persistence::config::{OnEndpointLost, Pin, Rule};

use crate::limits::Limits;
use crate::model::{self, Model};
use crate::options::{AccessLog, AdminAddress};

/// Options for the bootstrap that are not part of the model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Where Envoy's admin interface listens.
    pub admin: AdminAddress,
    /// The path of the compiled filter as Envoy sees it.
    pub module: String,
    /// The path of the certificates of the authorities that the system trusts, as Envoy sees it.
    pub system_authorities: String,
    /// The limits of resources and times.
    pub limits: Limits,
    /// How the filter names the endpoints of sessions to Envoy.
    pub pin: Pin,
    /// Where listeners write a line for each request, and in which form.
    pub access_log: AccessLog,
}

impl Options {
    /// How requests are pinned to the endpoints of a cluster: in the way that respects health if Envoy judges it, and that can
    /// be strict if the rule is.
    fn pin_of(&self, cluster: &model::Cluster) -> Pin {
        let is_strict = cluster.on_endpoint_lost == OnEndpointLost::Reject;
        if cluster.settings.health.is_judged() || is_strict { Pin::StatefulSession } else { self.pin }
    }

    /// How the requests of a rule are pinned: in the same way as for its clusters.
    const fn pin_of_rule(&self, rule: &Rule) -> Pin {
        match rule.pin() {
            Pin::StatefulSession => Pin::StatefulSession,
            Pin::Metadata => self.pin,
        }
    }
}

/// The configuration cannot be written as YAML: a defect of this program.
#[derive(Debug, thiserror::Error)]
#[error("cannot write the configuration as YAML: {0}")]
pub struct RenderError(#[from] serde_saphyr::ser::Error);

/// The model as a static Envoy bootstrap, in YAML.
///
/// # Errors
/// A value has no form in YAML. None of the rendered types holds one.
pub fn render(model: &Model, options: &Options) -> Result<String, RenderError> {
    yaml(&bootstrap::Bootstrap::new(model, options))
}

fn yaml(document: &impl Serialize) -> Result<String, RenderError> {
    // Block scalars would fold long expressions over several lines; one line is easier to compare with the manifest.
    let layout = ser_options! { prefer_block_scalars: false };
    Ok(serde_saphyr::to_string_with_options(document, layout)?)
}
