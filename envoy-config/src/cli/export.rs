//! `render --to`: objects for a gateway, in place of a configuration of Envoy.

use std::path::Path;

use clap::{Args, ValueEnum};

use super::output::{self, Readers};
use super::rendering::Rendering;
use super::{Exit, Streams, count};
use crate::compile;
use crate::diagnostic::{self, Code, Diagnostic, Severity};
use crate::export::{self, Module, Options};
use crate::options::{Implementation, Target};
use crate::source::Source;

/// The options of `--to`.
#[derive(Debug, Args)]
pub(super) struct ExportOptions {
    /// Write objects for a gateway that runs Envoy, instead of a configuration of Envoy.
    ///
    /// The routes of the manifests get their sessions from the filter in that gateway. Apply the output to the cluster
    /// in place of these routes and their Gateways. docs/kubernetes.md has the steps.
    #[arg(long, value_name = "GATEWAY", requires = "module", conflicts_with_all = [
        "xds", "filter", "system_ca", "pin", "access_log", "listen_address", "port_mappings", "admin_address", "limits",
    ])]
    to: Option<To>,

    /// Image with the filter, for --to: best with its digest, as REGISTRY/NAME@sha256:HEX.
    #[arg(long, value_name = "IMAGE", group = "module", requires = "to", value_parser = image)]
    module_image: Option<String>,

    /// Address of the filter, for --to.
    #[arg(long, value_name = "URL", group = "module", requires_all = ["to", "module_sha256"])]
    module_url: Option<String>,

    /// SHA-256 digest of the filter at that address.
    #[arg(long, value_name = "HEX", requires = "module_url", value_parser = digest)]
    module_sha256: Option<String>,

    /// Name of the Secret with the keys, for --to.
    #[arg(long, value_name = "NAME", default_value = "session-keys")]
    keys_secret: String,
}

/// The values of `--to`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum To {
    /// Envoy Gateway 1.9 or newer.
    EnvoyGateway,
    /// Istio 1.31 or newer.
    Istio,
}

fn image(text: &str) -> Result<String, &'static str> {
    if text.is_empty() || text.contains("://") || text.contains(char::is_whitespace) {
        Err("expected a reference without a scheme, such as registry.example.com/filter@sha256:HEX")
    } else {
        Ok(text.to_owned())
    }
}

fn digest(text: &str) -> Result<String, &'static str> {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if is_digest {
        Ok(text.to_owned())
    } else {
        Err("expected 64 lower-case hex characters, as `sha256sum` prints them")
    }
}

impl ExportOptions {
    /// The options for the objects, if there is a target.
    pub(super) fn options(&self) -> Option<Options> {
        let implementation = match self.to? {
            To::EnvoyGateway => Implementation::EnvoyGateway,
            To::Istio => Implementation::Istio,
        };
        let module = match (&self.module_image, &self.module_url, &self.module_sha256) {
            (Some(image), ..) => Module::Image(image.clone()),
            (None, Some(url), Some(sha256)) => Module::Url { url: url.clone(), sha256: sha256.clone() },
            // The command line is not read without one of the two.
            (None, ..) => return None,
        };
        Some(Options { implementation, module, secret: self.keys_secret.clone() })
    }
}

/// Whether a finding is also true of a gateway: it finds endpoints by itself, and creates the infrastructure.
fn concerns_gateway(found: &Diagnostic) -> bool {
    match found.code {
        Code::SessionByName | Code::SessionAffinity => false,
        Code::NoEffect => !found.field.as_ref().is_some_and(|field| field.starts_with("spec.infrastructure")),
        _ => true,
    }
}

/// Writes the objects.
pub(super) fn run(
    rendering: &Rendering,
    options: &Options,
    sources: &[Source],
    output: Option<&Path>,
    streams: &mut Streams<'_>,
) -> Exit {
    let mut compilation =
        compile(sources, &rendering.options(Target::Implementation(options.implementation)));
    if !compilation.usage_errors.is_empty() {
        return streams.fail_usage(&compilation.usage_errors);
    }
    compilation.diagnostics.retain(concerns_gateway);
    let exported = match export::objects(&compilation, sources, options) {
        Ok(exported) => exported,
        Err(problem) => return streams.fail(&problem),
    };
    let mut diagnostics = compilation.diagnostics;
    diagnostics.extend(exported.iter().flat_map(|exported| exported.diagnostics.iter().cloned()));
    streams.report(&diagnostic::print(&diagnostics, sources, streams.colour));
    streams.report(&compilation.notes.to_string());
    if let Some(exported) = &exported {
        if exported.text.is_empty() {
            streams.report("note: no rule has sessions that the gateway can have, so there are no objects\n");
        }
        let written = match output {
            Some(path) => {
                output::replace(path, &exported.text, Readers::Anyone).map_err(|problem| problem.to_string())
            }
            None => streams.write(&exported.text).map_err(|problem| problem.to_string()),
        };
        if let Err(problem) = written {
            return streams.fail(&problem);
        }
    }
    let counted = count(&diagnostics);
    if let Some((level, counts)) = &counted {
        let (level, outcome) = match (level, exported.is_some()) {
            (Severity::Error, true) => ("error", "; everything else was written"),
            (Severity::Error, false) => ("error", "; nothing was written"),
            (Severity::Warning, _) => ("warning", ""),
        };
        streams.report(&format!("{level}: {counts}{outcome}\n"));
    }
    if counted.is_some_and(|(level, _)| level == Severity::Error) { Exit::Diagnostics } else { Exit::Fine }
}
