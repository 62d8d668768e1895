//! `envoy-config render`: the bootstrap that serves the manifests.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::output::{self, Readers};
use super::request::Request;
use super::{Exit, Streams, count};
use crate::diagnostic::{self, Code, Diagnostic, Severity};
use crate::model::Model;
use crate::options::{AdminAddress, UsageError};
use crate::{Compilation, compile, render};

/// Write the bootstrap that serves the manifests.
///
/// Exits with 0 when it is written (warnings or not), with 1 when there are errors in the manifests, with 2 when the call
/// is wrong or a file cannot be read or written.
#[derive(Debug, Args)]
pub(super) struct Render {
    #[command(flatten)]
    request: Request,

    /// The path of the session persistence filter as Envoy sees it.
    #[arg(long, value_name = "PATH", default_value = "/etc/envoy/session_persistence.wasm")]
    filter: String,

    /// The certificates of the authorities that the system trusts, as Envoy sees them.
    ///
    /// A BackendTLSPolicy asks for them with `wellKnownCACertificates: System`.
    #[arg(long, value_name = "PATH", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    system_ca: String,

    /// Write what can be served in spite of errors; it still exits with 1.
    ///
    /// A backendRef that does not resolve answers 500 for its share of the requests; everything else that is wrong is
    /// left out and named.
    #[arg(long)]
    keep_going: bool,

    /// The file to write, whole or not at all, or - for standard output [default: -].
    ///
    /// With an HTTPS listener it holds private keys, and only its owner may read it (mode 0600): make it the file of the
    /// user that Envoy runs as, which is 101 in Envoy's image. Without one, everybody may read a new file, and a file that
    /// is replaced keeps its mode. It must not be among the files that -f reads.
    #[arg(short, long, value_name = "FILE|-")]
    output: Option<PathBuf>,
}

impl Render {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> Exit {
        let output = self.output.as_deref().filter(|path| path.as_os_str() != "-");
        let read = self.request.read(streams).and_then(|input| {
            output.map_or(Ok(()), |output| input.keep_apart(output))?;
            Ok(input.sources)
        });
        let sources = match read {
            Ok(sources) => sources,
            Err(problem) => return streams.fail(&problem),
        };
        let limits = match self.request.limits() {
            Ok(limits) => limits,
            Err(problem) => return streams.fail(&problem),
        };
        let options = self.request.options(self.keep_going);
        let Compilation { model, diagnostics, usage_errors, ignored, .. } = compile(&sources, &options);
        streams.say(&diagnostic::print(&diagnostics, &sources, streams.colour));
        streams.note(&ignored);
        if !usage_errors.is_empty() {
            return streams.refuse(&usage_errors);
        }
        if let Some(usage_error) = model.as_ref().and_then(|model| in_the_way(model, &options.admin)) {
            return streams.refuse(&[usage_error]);
        }
        if options.admin.is_exposed() {
            streams.say(&exposed(&options.admin));
        }
        let written = model.is_some();
        if let Some(model) = model {
            let options = render::Options {
                admin: options.admin,
                module: self.filter,
                system_authorities: self.system_ca,
                limits,
            };
            let (keys, text) = (model.holds_keys(), render::render(&model, &options));
            let result = match output {
                Some(path) => {
                    output::replace(path, &text, if keys { Readers::Owner } else { Readers::Anyone })
                        .map_err(|problem| problem.to_string())
                }
                None => streams.put(&text).map_err(|problem| problem.to_string()),
            };
            if let Err(problem) = result {
                return streams.fail(&problem);
            }
        }
        if let Some(summary) = summary(&diagnostics, written) {
            streams.say(&summary);
        }
        if diagnostics.iter().any(|found| found.severity == Severity::Error) {
            Exit::Diagnostics
        } else {
            Exit::Fine
        }
    }
}

/// The listener that would bind the admin interface's address, too. An unspecified address is every address of its family.
fn in_the_way(model: &Model, admin: &AdminAddress) -> Option<UsageError> {
    let &AdminAddress::Tcp(admin) = admin else { return None };
    let overlaps = |bind: SocketAddr| {
        let (one, other) = (bind.ip(), admin.ip());
        let every = (one.is_unspecified() || other.is_unspecified()) && one.is_ipv4() == other.is_ipv4();
        bind.port() == admin.port() && (one == other || every)
    };
    let listener = model.listeners.iter().find(|listener| overlaps(listener.bind))?;
    Some(UsageError::AdminAddress { admin, listener: listener.name.clone(), bind: listener.bind })
}

/// A warning that concerns the call and no manifest.
fn exposed(admin: &AdminAddress) -> String {
    format!(
        "warning[{}]: other machines may be able to reach the admin interface at {admin}, where Envoy can be stopped and its configuration read\n\nhint: use a Unix socket (`--admin-address unix:/PATH`) or a loopback address\n\n",
        Code::ExposedAdmin,
    )
}

/// How many findings there were, and what was done about them; nothing when there were none.
fn summary(diagnostics: &[Diagnostic], written: bool) -> Option<String> {
    let (level, counts) = count(diagnostics)?;
    let (level, outcome) = match (level, written) {
        (Severity::Error, true) => ("error", "; everything else was written"),
        (Severity::Error, false) => ("error", "; nothing was written"),
        (Severity::Warning, _) => ("warning", ""),
    };
    Some(format!("{level}: {counts}{outcome}\n"))
}
