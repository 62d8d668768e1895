//! Compiles manifests as `envoy-config render` does, and starts an Envoy with the result and the compiled filter, on free
//! ports.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use envoy_config::diagnostic;
use envoy_config::limits::Limits;
use envoy_config::model::Model;
use envoy_config::options::{AccessLog, AdminAddress, Options};
use envoy_config::render::{self, RenderError};
use envoy_config::source::Source;

use session_persistence::config::Pin;

use crate::harness::artifact::{self, ArtifactError};
use crate::harness::envoy::{self, HotRestart, Launch, LocateError, Process, StartError};
use crate::harness::keys;
use crate::harness::manifests::Manifests;

/// The CA certificates that this machine trusts.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Any free port of the loopback interface.
pub const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Manifests cannot be compiled or served.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// They have errors: the diagnostics as the command line prints them.
    #[error("the manifests do not compile:\n{0}")]
    Manifests(String),
    /// The compiled filter cannot be used.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Envoy was not found.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// Envoy does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// The system provides no random numbers.
    #[error("cannot make keys: {0}")]
    Keys(#[from] getrandom::Error),
    /// The bootstrap.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// A bootstrap, and how to start an Envoy with it.
#[derive(Clone, Debug)]
pub struct Deployment {
    bootstrap: String,
    keys: Option<String>,
    workers: u32,
    under: Vec<String>,
    environment: Vec<(String, String)>,
    hot_restart: Option<HotRestart>,
}

impl Deployment {
    /// Compiles these manifests, for free ports, with new keys and one worker.
    ///
    /// # Errors
    /// The manifests do not compile, or there is no module.
    pub fn of(manifests: &Manifests) -> Result<Self, DeployError> {
        Self::with_options(manifests, &options(), &written()?)
    }

    /// The same with this pin.
    ///
    /// # Errors
    /// The manifests do not compile, or there is no module.
    pub fn pinned_by(pin: Pin, manifests: &Manifests) -> Result<Self, DeployError> {
        Self::with_options(manifests, &options(), &render::Options { pin, ..written()? })
    }

    /// The same with these limits.
    ///
    /// # Errors
    /// The manifests do not compile, or there is no module.
    pub fn within(manifests: &Manifests, limits: &Limits) -> Result<Self, DeployError> {
        Self::with_options(manifests, &options(), &render::Options { limits: limits.clone(), ..written()? })
    }

    /// The same with this access log.
    ///
    /// # Errors
    /// The manifests do not compile, or there is no module.
    pub fn logging(access_log: AccessLog, manifests: &Manifests) -> Result<Self, DeployError> {
        Self::with_options(manifests, &options(), &render::Options { access_log, ..written()? })
    }

    /// The same with `--keep-going`: objects with errors are skipped.
    ///
    /// # Errors
    /// There is nothing to serve, or no module.
    pub fn keep_going(manifests: &Manifests) -> Result<Self, DeployError> {
        let options = Options { keep_going: true, ..options() };
        Self::with_options(manifests, &options, &written()?)
    }

    fn with_options(
        manifests: &Manifests,
        options: &Options,
        written: &render::Options,
    ) -> Result<Self, DeployError> {
        let source = Source { name: String::from("test.yaml"), text: manifests.text().to_owned() };
        let mut model = compile(&[source], options)?;
        for listener in &mut model.listeners {
            listener.bind = FREE_PORT;
        }
        Self::of_bootstrap(render::render(&model, written)?)
    }

    /// This bootstrap, with new keys and one worker.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn of_bootstrap(bootstrap: String) -> Result<Self, DeployError> {
        Ok(Self {
            bootstrap,
            keys: Some(keys::fresh()?),
            workers: 1,
            under: Vec::new(),
            environment: Vec::new(),
            hot_restart: None,
        })
    }

    /// The same with this value of `SESSION_KEYS`.
    #[must_use]
    pub fn with_keys(self, keys: &str) -> Self {
        Self { keys: Some(keys.to_owned()), ..self }
    }

    /// The same without `SESSION_KEYS`.
    #[must_use]
    pub fn without_keys(self) -> Self {
        Self { keys: None, ..self }
    }

    /// The same with this number of workers.
    #[must_use]
    pub fn with_workers(self, workers: u32) -> Self {
        Self { workers, ..self }
    }

    /// The same, run by another program with its arguments: a profiler, for example.
    #[must_use]
    pub fn under(self, command: &[String]) -> Self {
        Self { under: command.to_vec(), ..self }
    }

    /// The same with these variables in its environment.
    #[must_use]
    pub fn with_environment(self, environment: &[(String, String)]) -> Self {
        Self { environment: environment.to_vec(), ..self }
    }

    /// The same in a series of hot restarts.
    #[must_use]
    pub fn hot_restarted(self, hot_restart: HotRestart) -> Self {
        Self { hot_restart: Some(hot_restart), ..self }
    }

    /// The bootstrap, in YAML.
    #[must_use]
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// Starts an Envoy that serves this.
    ///
    /// # Errors
    /// There is no Envoy, or it does not start.
    pub async fn start(&self) -> Result<Process, DeployError> {
        let envoy = envoy::locate(|line| eprintln!("{line}"))?;
        Ok(Process::start(&self.launch(&envoy)).await?)
    }

    /// Has Envoy validate the bootstrap.
    ///
    /// # Errors
    /// There is no Envoy, or it rejects the bootstrap.
    pub fn validate(&self) -> Result<(), DeployError> {
        let envoy = envoy::locate(|line| eprintln!("{line}"))?;
        Ok(envoy::validate(&self.launch(&envoy))?)
    }

    fn launch<'a>(&'a self, envoy: &'a Path) -> Launch<'a> {
        Launch {
            envoy,
            bootstrap: &self.bootstrap,
            keys: self.keys.as_deref(),
            workers: self.workers,
            under: &self.under,
            environment: &self.environment,
            hot_restart: self.hot_restart,
        }
    }
}

/// The options for backends on the same machine as Envoy.
#[must_use]
pub fn options() -> Options {
    Options { allow_loopback_endpoints: true, ..Options::default() }
}

/// Compiles manifests.
///
/// # Errors
/// The diagnostics, if any of them is an error.
pub fn compile(sources: &[Source], options: &Options) -> Result<Model, DeployError> {
    let compilation = envoy_config::compile(sources, options);
    compilation.model.ok_or_else(|| {
        let printed = diagnostic::print(&compilation.diagnostics, sources, false);
        let usage_errors = compilation.usage_errors.iter().map(|error| format!("{error}\n"));
        DeployError::Manifests(usage_errors.chain([printed]).collect())
    })
}

/// The bootstrap of a model, with the default limits.
///
/// # Errors
/// It cannot be written.
pub fn bootstrap(
    model: &Model,
    admin: impl Into<AdminAddress>,
    module: &Path,
) -> Result<String, RenderError> {
    render::render(model, &render_options(admin.into(), module))
}

/// The options for writing a bootstrap for free ports, with the compiled filter.
fn written() -> Result<render::Options, ArtifactError> {
    Ok(render_options(FREE_PORT.into(), &artifact::module()?))
}

fn render_options(admin: AdminAddress, module: &Path) -> render::Options {
    render::Options {
        admin,
        module: module.to_string_lossy().into_owned(),
        system_authorities: String::from(SYSTEM_AUTHORITIES),
        limits: Limits::default(),
        pin: Pin::default(),
        access_log: AccessLog::default(),
    }
}
