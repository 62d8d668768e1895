//! From manifests to a running Envoy: compiled as `envoy-config render` does it, with the real module, on ports of its own.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;

use envoy_config::diagnostic;
use envoy_config::limits::Limits;
use envoy_config::model::Model;
use envoy_config::options::{AdminAddress, Options};
use envoy_config::render::{self, RenderError};
use envoy_config::source::Source;

use session_persistence::config::Pin;

use crate::harness::artifact::{self, ArtifactError};
use crate::harness::envoy::{self, Launch, LocateError, Process, StartError};
use crate::harness::keys;
use crate::harness::manifests::Manifests;

/// Where the authorities are that the system of these tests trusts.
const SYSTEM_AUTHORITIES: &str = "/etc/ssl/certs/ca-certificates.crt";

/// Any free port of this machine's loopback interface.
pub const FREE_PORT: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

/// Why manifests do not become a running Envoy.
#[derive(Debug, thiserror::Error)]
pub enum DeployError {
    /// They are wrong: the diagnostics as the command line prints them.
    #[error("the manifests do not compile:\n{0}")]
    Manifests(String),
    /// There is no module.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// There is no Envoy.
    #[error(transparent)]
    Locate(#[from] LocateError),
    /// Envoy does not start.
    #[error(transparent)]
    Start(#[from] StartError),
    /// There are no random numbers.
    #[error("cannot make keys: {0}")]
    Keys(#[from] getrandom::Error),
    /// The bootstrap.
    #[error(transparent)]
    Render(#[from] RenderError),
}

/// What an Envoy of a test is to serve, and how.
#[derive(Clone, Debug)]
pub struct Deployment {
    bootstrap: String,
    keys: Option<String>,
    workers: u32,
    under: Vec<String>,
}

impl Deployment {
    /// These manifests, on free ports, with fresh keys and one worker.
    ///
    /// # Errors
    /// The manifests do not compile, or there is no module.
    pub fn of(manifests: &Manifests) -> Result<Self, DeployError> {
        Self::with_options(manifests, &options(), &Limits::default(), Pin::default())
    }

    /// The same with this pin.
    ///
    /// # Errors
    /// The manifests do not compile, or there is no module.
    pub fn pinned_by(pin: Pin, manifests: &Manifests) -> Result<Self, DeployError> {
        Self::with_options(manifests, &options(), &Limits::default(), pin)
    }

    /// The same within these limits.
    ///
    /// # Errors
    /// The manifests do not compile, or there is no module.
    pub fn within(manifests: &Manifests, limits: &Limits) -> Result<Self, DeployError> {
        Self::with_options(manifests, &options(), limits, Pin::default())
    }

    /// What is right of these manifests, as `--keep-going` has it, on free ports, with fresh keys and one worker.
    ///
    /// # Errors
    /// There is nothing to serve, or no module.
    pub fn of_what_is_right(manifests: &Manifests) -> Result<Self, DeployError> {
        let options = Options { keep_going: true, ..options() };
        Self::with_options(manifests, &options, &Limits::default(), Pin::default())
    }

    fn with_options(
        manifests: &Manifests,
        options: &Options,
        limits: &Limits,
        pin: Pin,
    ) -> Result<Self, DeployError> {
        let source = Source { name: String::from("test.yaml"), text: manifests.text().to_owned() };
        let mut model = compile(&[source], options)?;
        for listener in &mut model.listeners {
            listener.bind = FREE_PORT;
        }
        let module = artifact::module()?;
        Self::of_bootstrap(bootstrap_within(&model, FREE_PORT.into(), &module, limits, pin)?)
    }

    /// This bootstrap, with fresh keys and one worker.
    ///
    /// # Errors
    /// The system has no random numbers.
    pub fn of_bootstrap(bootstrap: String) -> Result<Self, DeployError> {
        Ok(Self { bootstrap, keys: Some(keys::fresh()?), workers: 1, under: Vec::new() })
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

    /// The same with so many workers.
    #[must_use]
    pub fn with_workers(self, workers: u32) -> Self {
        Self { workers, ..self }
    }

    /// The same, run by this program with these arguments of its own: a profiler, for example.
    #[must_use]
    pub fn under(self, command: &[String]) -> Self {
        Self { under: command.to_vec(), ..self }
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

    /// Has Envoy read the bootstrap as if it were to start with it.
    ///
    /// # Errors
    /// There is no Envoy, or it refuses the bootstrap.
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
        }
    }
}

/// The options for backends that run on the machine that Envoy runs on.
#[must_use]
pub fn options() -> Options {
    Options { allow_loopback_endpoints: true, ..Options::default() }
}

/// What manifests are to serve.
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

/// The bootstrap that serves a model within the limits that are the default.
///
/// # Errors
/// It cannot be written.
pub fn bootstrap(
    model: &Model,
    admin: impl Into<AdminAddress>,
    module: &Path,
) -> Result<String, RenderError> {
    bootstrap_within(model, admin.into(), module, &Limits::default(), Pin::default())
}

fn bootstrap_within(
    model: &Model,
    admin: AdminAddress,
    module: &Path,
    limits: &Limits,
    pin: Pin,
) -> Result<String, RenderError> {
    let module = module.to_string_lossy().into_owned();
    let system_authorities = String::from(SYSTEM_AUTHORITIES);
    let options = render::Options { admin, module, system_authorities, limits: limits.clone(), pin };
    render::render(model, &options)
}
