//! Starts the backends and the Envoy of the demo from the example manifests.

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitStatus;

use envoy_config::model::{Endpoints, Model};
use envoy_config::options::{OptionError, Options, PortMapping};
use envoy_config::source::Source;
use integration::demo::sources::{self, UnreadableSource};
use integration::demo::{self, Control, GroupError, slices, transcript};
use integration::harness::deployment::{self, DeployError, Deployment};
use integration::harness::envoy::{self, Process};
use integration::harness::{artifact, workspace};

use super::print;

/// The manifests, seen from the root of the workspace.
const EXAMPLES: &str = "envoy-config/examples/quickstart";

/// The Gateway of the page.
const GATEWAY: &str = "default/eg";

/// The listener of the cookie route and where it binds, unless a user chooses otherwise; as for `--map-port`.
const COOKIE: &str = "eg/http=127.0.0.1:8888";

/// The same of the header route.
const HEADER: &str = "eg-header/http=127.0.0.1:8889";

/// The ports that a user may choose; with 0, any free one.
pub(super) struct Ports {
    /// The port of the cookie route.
    pub(super) cookie: u16,
    /// The port of the header route.
    pub(super) header: u16,
    /// The port of Envoy's admin interface.
    pub(super) admin: u16,
    /// The port of the backends; by default the one in the EndpointSlice.
    pub(super) backend: Option<u16>,
}

/// The running demo.
pub(super) struct Stage {
    /// The Envoy.
    pub(super) envoy: Process,
    /// Where the route that carries sessions in a cookie is served.
    pub(super) cookie: SocketAddr,
    /// Where the route that carries sessions in a header is served.
    pub(super) header: SocketAddr,
    /// The pods, which stop when this is dropped.
    _pods: Vec<Control>,
}

/// The demo cannot be started.
#[derive(Debug, thiserror::Error)]
pub(super) enum StageError {
    /// Envoy or the filter is missing, or Envoy does not start.
    #[error(transparent)]
    Deploy(#[from] DeployError),
    /// The manifests cannot be read.
    #[error(transparent)]
    Example(#[from] UnreadableSource),
    /// The EndpointSlices cannot be read.
    #[error(transparent)]
    Slices(#[from] slices::SliceError),
    /// A port mapping in this file is wrong.
    #[error(transparent)]
    Option(#[from] OptionError),
    /// The manifests no longer have the Gateway of a port mapping.
    #[error("the examples serve nothing on `{0}`")]
    NoListener(SocketAddr),
    /// A program that the commands need is missing.
    #[error("the commands of the demo need the program `{0}`: install it and try again")]
    NoProgram(&'static str),
    /// Two options have the same port.
    #[error("{first} and {second} are both {port}: choose different ports")]
    SamePort { first: &'static str, second: &'static str, port: u16 },
    /// An address cannot be bound.
    #[error("cannot listen on {address}: {problem}; {advice}")]
    Address { address: SocketAddr, problem: io::Error, advice: Advice },
    /// Envoy exited.
    #[error("Envoy ended by itself ({0})")]
    Ended(ExitStatus),
    /// A shell or a process cannot be started or watched.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What to do about an address that cannot be bound.
#[derive(Clone, Copy, Debug)]
pub(super) enum Advice {
    /// The port is in use: free it, or choose another port with this flag.
    Choose(&'static str),
    /// The address does not belong to this machine.
    AddAlias,
}

impl Ports {
    /// Rejects a port that two listeners would bind. Port 0 is any free one.
    fn check(&self) -> Result<(), StageError> {
        let used =
            [("--cookie-port", self.cookie), ("--header-port", self.header), ("--admin-port", self.admin)];
        for (number, (second, port)) in used.into_iter().enumerate().filter(|(_, (_, port))| *port != 0) {
            if let Some((first, _)) = used.into_iter().take(number).find(|(_, other)| *other == port) {
                return Err(StageError::SamePort { first, second, port });
            }
        }
        Ok(())
    }
}

impl Stage {
    /// Starts everything, and prints each step.
    pub(super) async fn set(ports: &Ports) -> Result<Self, StageError> {
        ports.check()?;
        if let Some(missing) = transcript::PROGRAMS.into_iter().find(|program| !on_path(program)) {
            return Err(StageError::NoProgram(missing));
        }
        let program = envoy::locate(print::step).map_err(DeployError::from)?;
        print::step(&format!("Envoy is {}", shown(&program)));
        let module = artifact::module().map_err(DeployError::from)?;
        print::step(&format!("the filter is {}", shown(&module)));

        let sources = sources::read(&workspace::root().join(EXAMPLES))?;
        let [cookie, header] = [COOKIE.parse()?, HEADER.parse()?];
        let options = Options { port_mappings: vec![cookie, header], ..deployment::options() };
        let mut model = deployment::compile(&sources, &options)?;
        print::step(&format!("compiled the manifests in {EXAMPLES}"));
        let pods = start_pods(&sources, ports.backend, &mut model).await?;
        let cookie = rebind(&mut model, COOKIE, free(ports.cookie, "--cookie-port")?)?;
        let header = rebind(&mut model, HEADER, free(ports.header, "--header-port")?)?;
        let admin = free(ports.admin, "--admin-port")?;

        let deployment = Deployment::of_bootstrap(
            deployment::bootstrap(&model, admin, &module).map_err(DeployError::from)?,
        )?;
        print::step("a new session key is passed to Envoy in SESSION_KEYS");
        print::step("starting Envoy");
        let envoy = deployment.start().await?;
        let served =
            |name: &str| envoy.listener(name).ok_or_else(|| io::Error::other(format!("no listener {name}")));
        let (cookie, header) = (served(&cookie)?, served(&header)?);
        print::step(&format!(
            "the cookie route is on port {}, the header route on {}",
            cookie.port(),
            header.port()
        ));
        Ok(Self { envoy, cookie, header, _pods: pods })
    }
}

/// Starts the pods of the EndpointSlices at their addresses, or on another port, which then replaces theirs in the model.
async fn start_pods(
    sources: &[Source],
    port: Option<u16>,
    model: &mut Model,
) -> Result<Vec<Control>, StageError> {
    let named = slices::pods(sources)?;
    let written: Vec<_> = named.iter().map(|(address, _)| *address).collect();
    let placed =
        named.into_iter().map(|(at, pod)| (SocketAddr::new(at.ip(), port.unwrap_or(at.port())), pod));
    let sessions = demo::watched(model, &GATEWAY.parse()?);
    let pods = demo::start_group(placed, sessions).await;
    let pods = pods.map_err(|GroupError { address, problem }| refused(address, "--backend-port", problem))?;
    for (pod, written) in pods.iter().zip(written) {
        let backend = pod.backend().lock().await;
        print::step(&format!("pod {} answers on {}", backend.pod().pod, backend.address()));
        for locality in model.clusters.iter_mut().flat_map(|cluster| &mut cluster.localities) {
            if let Endpoints::Addresses(endpoints) = &mut locality.endpoints {
                for endpoint in endpoints.iter_mut().filter(|endpoint| endpoint.address == written) {
                    endpoint.address = backend.address();
                }
            }
        }
    }
    Ok(pods)
}

/// Moves the listener of a port mapping to another address; returns its name.
fn rebind(model: &mut Model, mapping: &str, bind: SocketAddr) -> Result<String, StageError> {
    let mapped = match mapping.parse::<PortMapping>()?.bind {
        envoy_config::options::Bind::Address(address) => address,
        envoy_config::options::Bind::Port(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port.get())),
    };
    let listener = model.listeners.iter_mut().find(|listener| listener.bind == mapped);
    let listener = listener.ok_or(StageError::NoListener(mapped))?;
    listener.bind = bind;
    Ok(listener.name.clone())
}

/// This port of the loopback interface, if it is free now: Envoy's own message would name no flag.
fn free(port: u16, flag: &'static str) -> Result<SocketAddr, StageError> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpListener::bind(address).map(|_| address).map_err(|problem| refused(address, flag, problem))
}

fn refused(address: SocketAddr, flag: &'static str, problem: io::Error) -> StageError {
    let absent = problem.kind() == io::ErrorKind::AddrNotAvailable;
    let advice = if absent { Advice::AddAlias } else { Advice::Choose(flag) };
    StageError::Address { address, problem, advice }
}

fn on_path(program: &str) -> bool {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&paths).any(|folder| folder.join(program).is_file())
}

/// A path as a user of this repository would write it.
fn shown(path: &Path) -> String {
    path.strip_prefix(workspace::root()).unwrap_or(path).display().to_string()
}

/// Waits for SIGINT or SIGTERM.
pub(super) async fn interrupted() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminated) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = terminated.recv() => {}
                _ = tokio::signal::ctrl_c() => {}
            }
            return;
        }
    }
    // Without a handler the signal ends the process anyway.
    let _ = tokio::signal::ctrl_c().await;
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Choose(flag) => {
                write!(f, "free the port, or choose another one with {flag} (`make demo ARGS={flag}=PORT`)")
            }
            Self::AddAlias => f.write_str("add the address to the loopback interface"),
        }
    }
}
