//! The options of the commands that write configuration, and what they make of manifests: a model, or the reasons why there is none.

use std::net::SocketAddr;

use clap::{Args, ValueEnum};
use session_persistence::config::Pin;

use super::count;
use super::shared_options::SharedOptions;
use crate::diagnostic::{self, Code, Diagnostic, Severity};
use crate::limits::Limits;
use crate::model::Model;
use crate::options::{AccessLog, AdminAddress, Options, Target, UsageError};
use crate::source::Source;
use crate::{Compilation, compile, render};

/// The options of the commands that write configuration.
#[derive(Debug, Args)]
pub(super) struct Rendering {
    #[command(flatten)]
    pub(super) shared: SharedOptions,

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

    /// The access log: json or text on standard output, off, or a file to which JSON is appended.
    ///
    /// PATH contains a slash, so that ./json is a file; Envoy creates it, and opens it again after `POST /reopen_logs`.
    /// The session is the last word of a line of text, and the field `session` of JSON.
    #[arg(long, value_name = "json|text|off|PATH", default_value = "json")]
    access_log: AccessLog,

    /// Leave out what has errors and write the rest; the exit status is still 1.
    ///
    /// A backendRef that does not resolve answers its share of the requests with 500. Everything else that has an error
    /// is left out and reported.
    #[arg(long)]
    keep_going: bool,
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

/// What became of manifests.
pub(super) struct Compiled {
    /// Everything to report on standard error before the configuration is written.
    pub(super) findings: String,
    /// Options that do not fit the manifests. There is no model then.
    pub(super) usage_errors: Vec<UsageError>,
    /// What is served, and the options for writing it; `None` if nothing can be written.
    pub(super) served: Option<(Model, render::Options)>,
    diagnostics: Vec<Diagnostic>,
}

impl Rendering {
    /// The options for compiling the manifests for this target.
    pub(super) fn options(&self, target: Target) -> Options {
        Options { target, ..self.shared.options(self.keep_going) }
    }

    /// Compiles manifests with these options.
    pub(super) fn compile(&self, sources: &[Source], limits: &Limits, colour: bool) -> Compiled {
        let options = self.options(Target::Envoy);
        let Compilation { model, diagnostics, mut usage_errors, notes, .. } = compile(sources, &options);
        let mut findings = diagnostic::print(&diagnostics, sources, colour);
        findings.push_str(&notes.to_string());
        if usage_errors.is_empty() {
            usage_errors.extend(model.as_ref().and_then(|model| admin_conflict(model, &options.admin)));
        }
        let model = model.filter(|_| usage_errors.is_empty());
        if usage_errors.is_empty() && options.admin.is_exposed() {
            findings.push_str(&exposed_admin(&options.admin));
        }
        let options = render::Options {
            admin: options.admin,
            module: self.filter.clone(),
            system_authorities: self.system_ca.clone(),
            limits: limits.clone(),
            pin: self.pin.into(),
            access_log: self.access_log.clone(),
        };
        Compiled { findings, usage_errors, served: model.map(|model| (model, options)), diagnostics }
    }
}

impl Compiled {
    /// Whether the manifests have errors.
    pub(super) fn has_errors(&self) -> bool {
        self.diagnostics.iter().any(|found| found.severity == Severity::Error)
    }

    /// The number of diagnostics and the outcome; `None` without diagnostics.
    pub(super) fn summary(&self) -> Option<String> {
        let (level, counts) = count(&self.diagnostics)?;
        let (level, outcome) = match (level, self.served.is_some()) {
            (Severity::Error, true) => ("error", "; everything else was written"),
            (Severity::Error, false) => ("error", "; nothing was written"),
            (Severity::Warning, _) => ("warning", ""),
        };
        Some(format!("{level}: {counts}{outcome}\n"))
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
