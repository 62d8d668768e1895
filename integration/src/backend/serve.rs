//! The server of a backend: connections, and what becomes of the requests on them.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};

use super::Behaviour;
use super::echo::{self, Pod};

/// What outlives a server that is killed and revived.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) pod: Pod,
    pub(super) requests: AtomicU64,
    pub(super) behaviour: watch::Sender<Behaviour>,
}

impl Shared {
    pub(super) fn new(pod: Pod) -> Self {
        Self { pod, requests: AtomicU64::new(0), behaviour: watch::Sender::new(Behaviour::Answer) }
    }
}

/// A listening socket and its connections, all in one task.
#[derive(Debug)]
pub(super) struct Server(JoinHandle<()>);

impl Server {
    pub(super) fn start(listener: TcpListener, shared: Arc<Shared>) -> Self {
        Self(tokio::spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            loop {
                if let Ok((stream, _)) = listener.accept().await {
                    connections.spawn(connection(stream, Arc::clone(&shared)));
                }
                while connections.try_join_next().is_some() {}
            }
        }))
    }

    /// Closes everything; returns when it is closed.
    pub(super) async fn stop(mut self) {
        self.0.abort();
        // The error says that it was aborted.
        let _ = (&mut self.0).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>) {
    let service = service_fn(move |request| respond(request, Arc::clone(&shared)));
    let server = auto::Builder::new(TokioExecutor::new());
    // The other side went away, or this side hung up on it: neither is anyone's business.
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

/// The answer to one request; an error closes the connection.
async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> io::Result<Response<Full<Bytes>>> {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let mut behaviour = shared.behaviour.subscribe();
    let decided = behaviour.wait_for(|&behaviour| behaviour != Behaviour::Pause).await;
    match decided.map(|behaviour| *behaviour) {
        Ok(Behaviour::Answer) => Ok(echo::answer(&request, &shared.pod)),
        _ => Err(io::Error::other("hanging up")),
    }
}
