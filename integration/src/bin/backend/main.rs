//! The echo backend as a program, like `echo-basic`, with a web page and a control port.
//!
//! Exit status: 0, stopped by a signal, or healthy; 1, not healthy; 2, it cannot start.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser;
use envoy_config::options::{NamespacedName, Options};
use integration::backend::{Backend, Overlay, Pod};
use integration::demo::sources::{self, UnreadableSource};
use integration::demo::{self, Control, Peers, PeersError, Site};
use integration::harness::deployment::{self, DeployError};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

/// Echoes requests as JSON, like the Gateway API's echo-basic.
#[derive(Debug, Parser)]
#[command(name = "backend")]
struct Arguments {
    /// The address to serve.
    #[arg(long, value_name = "IP:PORT", default_value = "0.0.0.0:3000")]
    listen: SocketAddr,
    /// The name of the pod [default: the hostname].
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
    /// The pod's namespace.
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: String,
    /// The Service that the pod belongs to.
    #[arg(long, value_name = "NAME", default_value = "backend")]
    service: String,
    /// The address of the port that stops and starts the pod.
    #[arg(long, value_name = "IP:PORT")]
    control: Option<SocketAddr>,
    /// The control ports of all pods: every address of this name. By default, the pod's own.
    #[arg(long, value_name = "HOST:PORT", requires = "control")]
    peers: Option<String>,
    /// Serve a page at `/` that shows the sessions of these manifests: a file, or a folder of files.
    #[arg(long, value_name = "PATH")]
    manifests: Vec<PathBuf>,
    /// The Gateway of the page.
    #[arg(long, value_name = "NAMESPACE/NAME", default_value = "default/eg")]
    gateway: NamespacedName,
    /// Do not serve, but exit with 0 if a pod answers on this control port, even a stopped one, and with 1 if not.
    #[arg(long, value_name = "IP:PORT", exclusive = true)]
    healthy: Option<SocketAddr>,
}

/// Why the backend cannot start.
#[derive(Debug, thiserror::Error)]
enum BackendError {
    #[error("cannot listen on {address}: {problem}")]
    Address { address: SocketAddr, problem: io::Error },
    #[error(transparent)]
    Source(#[from] UnreadableSource),
    #[error(transparent)]
    Manifests(#[from] DeployError),
    #[error(transparent)]
    Io(#[from] io::Error),
}

#[tokio::main]
async fn main() -> ExitCode {
    let arguments = Arguments::parse();
    if let Some(control) = arguments.healthy {
        return healthy(control).await;
    }
    match serve(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(2)
        }
    }
}

async fn healthy(control: SocketAddr) -> ExitCode {
    let said: Result<_, PeersError> = Peers::At(vec![control]).statuses().await;
    if said.is_ok_and(|statuses| !statuses.is_empty()) { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Serves until SIGTERM or SIGINT.
async fn serve(arguments: Arguments) -> Result<(), BackendError> {
    // First of all: as process 1 of a container, it gets only the signals that it handles.
    let (mut terminated, mut interrupted) =
        (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let site = site(&arguments)?.map(|site| Arc::new(site) as Arc<dyn Overlay>);
    let Arguments { listen, pod, namespace, service, control, .. } = arguments;
    let pod = Pod { namespace, ingress: String::new(), service, pod: pod.unwrap_or_else(hostname) };
    let refused = |address| move |problem| BackendError::Address { address, problem };
    let backend = Backend::start_with(listen, pod, site).map_err(refused(listen))?;
    println!("pod {} answers on {}", backend.pod().pod, backend.address());
    let _running = match control {
        None => Running::Free { _backend: backend },
        Some(address) => {
            let listener = TcpListener::bind(address).await.map_err(refused(address))?;
            let control = Control::start(listener, backend)?;
            println!("its control port is {}", control.address());
            Running::Controlled { _control: control }
        }
    };
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
    }
    Ok(())
}

/// The backend, with or without a control port.
enum Running {
    Free { _backend: Backend },
    Controlled { _control: Control },
}

/// The page, if there are manifests.
fn site(arguments: &Arguments) -> Result<Option<Site>, BackendError> {
    if arguments.manifests.is_empty() {
        return Ok(None);
    }
    let mut read = Vec::new();
    for path in &arguments.manifests {
        read.extend(sources::read(path)?);
    }
    let model = deployment::compile(
        &read,
        &Options { gateway: Some(arguments.gateway.clone()), ..deployment::options() },
    )?;
    let sessions = demo::watched(&model, &arguments.gateway);
    let own = || Peers::At(arguments.control.into_iter().collect());
    let peers = arguments.peers.clone().map_or_else(own, Peers::Named);
    Ok(Some(Site::new(sessions, peers)))
}

/// The name of this machine, or of this container.
fn hostname() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    String::from(if name.is_empty() { "backend" } else { name })
}
