//! The control port of a pod: reports whether the pod listens, and stops or starts it.
//!
//! It answers while the pod is stopped, so that a stopped pod differs from a dead one and can be started again.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::{Method, Request, Response, StatusCode};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Mutex;

use crate::backend::{Backend, Outcome, Server};

/// The path that returns the [`Status`].
pub(super) const STATUS: &str = "/status";
/// The path that stops the pod.
pub(super) const STOP: &str = "/stop";
/// The path that starts it again.
pub(super) const START: &str = "/start";

/// A backend and its control port.
#[derive(Debug)]
pub struct Control {
    address: SocketAddr,
    backend: Arc<Mutex<Backend>>,
    _server: Server,
}

/// The status that a control port returns.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The pod's name.
    pub pod: String,
    /// Whether it takes connections.
    pub listening: bool,
}

impl Control {
    /// Starts the control port of a backend on this listener.
    ///
    /// # Errors
    /// The listener has no address.
    pub fn start(listener: TcpListener, backend: Backend) -> io::Result<Self> {
        let address = listener.local_addr()?;
        let backend = Arc::new(Mutex::new(backend));
        let shared = Arc::clone(&backend);
        let server = Server::start(listener, move |request| respond(request, Arc::clone(&shared)));
        Ok(Self { address, backend, _server: server })
    }

    /// Where the control port is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// The backend.
    #[must_use]
    pub fn backend(&self) -> &Mutex<Backend> {
        &self.backend
    }
}

async fn respond<B>(request: Request<B>, backend: Arc<Mutex<Backend>>) -> Outcome {
    let mut backend = backend.lock().await;
    match (request.method(), request.uri().path()) {
        (&Method::GET, STATUS) => {}
        (&Method::POST, STOP) => backend.leave().await?,
        (&Method::POST, START) => backend.revive()?,
        _ => {
            let mut nothing = Response::new(Full::new(Bytes::new()));
            *nothing.status_mut() = StatusCode::NOT_FOUND;
            return Ok(nothing);
        }
    }
    let status = Status { pod: backend.pod().pod.clone(), listening: backend.is_alive() };
    Ok(Response::new(Full::from(serde_json::to_vec(&status)?)))
}
