//! `envoy-config render`: writes the Envoy bootstrap that serves the manifests.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use session_persistence::config::Pin;

use super::output::{self, Readers};
use super::shared_options::SharedOptions;
use super::{Exit, Streams, count};
use crate::diagnostic::{self, Code, Diagnostic, Severity};
use crate::model::Model;
use crate::options::{AdminAddress, UsageError};
use crate::{Compilation, compile, render};

/// Write the Envoy bootstrap that serves the manifests.
///
/// The exit status is 0 if it is written (also with warnings), 1 if the manifests have errors, and 2 if the command
/// line is wrong or a file cannot be read or written.
#[derive(Debug, Args)]
pub(super) struct Render {
    #[command(flatten)]
    shared: SharedOptions,

    /// Path of the session persistence filter, as Envoy sees it.
    #[arg(long, value_name = "PATH", default_value = "/etc/envoy/session_persistence.wasm")]
    filter: String,

    /// Path of the system's CA certificates, as Envoy sees it.
    ///
    /// A BackendTLSPolicy uses them with `wellKnownCACertificates: System`.
    #[arg(long, value_name = "PATH", default_value = "/etc/ssl/certs/ca-certificates.crt")]
    system_ca: String,

    /// How the filter names a session's endpoint to Envoy.
    #[arg(long, value_name = "PIN", default_value = "metadata")]
    pin: PinOption,

    /// Leave out what has errors and write the rest; the exit status is still 1.
    ///
    /// A backendRef that does not resolve answers its share of the requests with 500. Everything else that has an error
    /// is left out and reported.
    #[arg(long)]
    keep_going: bool,

    /// File to write, or - for standard output [default: -].
    ///
    /// The file is written completely or not at all. With an HTTPS listener it contains private keys, and only its
    /// owner can read it (mode 0600): it must belong to the user that Envoy runs as, which is 101 in Envoy's image.
    /// Without one, everyone can read a new file, and an existing file keeps its mode. It cannot be one of the files
    /// that -f reads.
    #[arg(short, long, value_name = "FILE|-")]
    output: Option<PathBuf>,
}

/// The values of `--pin`.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PinOption {
    /// Request metadata: the first retry goes to the session's own endpoint, whatever its health.
    Metadata,
    /// Envoy's `stateful_session` filter: fewer instructions, and an unhealthy endpoint loses its sessions.
    StatefulSession,
}

impl From<PinOption> for Pin {
    fn from(option: PinOption) -> Self {
        match option {
            PinOption::Metadata => Self::Metadata,
            PinOption::StatefulSession => Self::StatefulSession,
        }
    }
}

impl Render {
    pub(super) fn run(self, streams: &mut Streams<'_>) -> Exit {
        let output = self.output.as_deref().filter(|path| path.as_os_str() != "-");
        let read = self.shared.read(streams).and_then(|input| {
            output.map_or(Ok(()), |output| input.check_output(output))?;
            Ok(input.sources)
        });
        let sources = match read {
            Ok(sources) => sources,
            Err(problem) => return streams.fail(&problem),
        };
        let limits = match self.shared.limits() {
            Ok(limits) => limits,
            Err(problem) => return streams.fail(&problem),
        };
        let options = self.shared.options(self.keep_going);
        let Compilation { model, diagnostics, usage_errors, ignored, .. } = compile(&sources, &options);
        streams.report(&diagnostic::print(&diagnostics, &sources, streams.colour));
        streams.note_ignored(&ignored);
        if !usage_errors.is_empty() {
            return streams.fail_usage(&usage_errors);
        }
        if let Some(usage_error) = model.as_ref().and_then(|model| admin_conflict(model, &options.admin)) {
            return streams.fail_usage(&[usage_error]);
        }
        if options.admin.is_exposed() {
            streams.report(&exposed_admin(&options.admin));
        }
        let written = model.is_some();
        if let Some(model) = model {
            let options = render::Options {
                admin: options.admin,
                module: self.filter,
                system_authorities: self.system_ca,
                limits,
                pin: self.pin.into(),
            };
            let readers = if model.holds_keys() { Readers::Owner } else { Readers::Anyone };
            let rendered = render::render(&model, &options).map_err(|problem| problem.to_string());
            let result = rendered.and_then(|text| match output {
                Some(path) => output::replace(path, &text, readers).map_err(|problem| problem.to_string()),
                None => streams.write(&text).map_err(|problem| problem.to_string()),
            });
            if let Err(problem) = result {
                return streams.fail(&problem);
            }
        }
        if let Some(summary) = summary(&diagnostics, written) {
            streams.report(&summary);
        }
        if diagnostics.iter().any(|found| found.severity == Severity::Error) {
            Exit::Diagnostics
        } else {
            Exit::Fine
        }
    }
}

/// The listener that would bind the address of the admin interface. An unspecified address covers all addresses of its
/// family.
fn admin_conflict(model: &Model, admin: &AdminAddress) -> Option<UsageError> {
    let &AdminAddress::Tcp(admin) = admin else { return None };
    let overlaps = |bind: SocketAddr| {
        let (one, other) = (bind.ip(), admin.ip());
        let every = (one.is_unspecified() || other.is_unspecified()) && one.is_ipv4() == other.is_ipv4();
        bind.port() == admin.port() && (one == other || every)
    };
    let listener = model.listeners.iter().find(|listener| overlaps(listener.bind))?;
    Some(UsageError::AdminAddress { admin, listener: listener.name.clone(), bind: listener.bind })
}

/// A warning about the command line.
fn exposed_admin(admin: &AdminAddress) -> String {
    format!(
        "warning[{}]: other machines may be able to reach the admin interface at {admin}, where Envoy can be stopped and its configuration read\n\nhint: use a Unix socket (`--admin-address unix:/PATH`) or a loopback address\n\n",
        Code::ExposedAdmin,
    )
}

/// The number of diagnostics and the outcome; `None` without diagnostics.
fn summary(diagnostics: &[Diagnostic], written: bool) -> Option<String> {
    let (level, counts) = count(diagnostics)?;
    let (level, outcome) = match (level, written) {
        (Severity::Error, true) => ("error", "; everything else was written"),
        (Severity::Error, false) => ("error", "; nothing was written"),
        (Severity::Warning, _) => ("warning", ""),
    };
    Some(format!("{level}: {counts}{outcome}\n"))
}
