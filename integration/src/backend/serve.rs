//! The server of a backend: connections, and what becomes of the requests on them.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::task::JoinSet;

use super::echo::{self, Pod};
use super::{Behaviour, Site};

/// What outlives a server that is killed and revived.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) pod: Pod,
    pub(super) requests: AtomicU64,
    pub(super) behaviour: watch::Sender<Behaviour>,
    site: Option<Arc<Site>>,
}

impl Shared {
    pub(super) fn new(pod: Pod, site: Option<Arc<Site>>) -> Self {
        Self { pod, requests: AtomicU64::new(0), behaviour: watch::Sender::new(Behaviour::Answer), site }
    }
}

/// The outcome of a request; an error closes the connection.
pub(super) type Outcome = io::Result<Response<Full<Bytes>>>;

/// Starts the server of a pod.
pub(super) fn pod(listener: TcpListener, shared: &Arc<Shared>) -> Server {
    let shared = Arc::clone(shared);
    Server::start(listener, move |request| respond(request, Arc::clone(&shared)))
}

async fn respond(request: Request<Incoming>, shared: Arc<Shared>) -> Outcome {
    shared.requests.fetch_add(1, Ordering::Relaxed);
    let mut behaviour = shared.behaviour.subscribe();
    let decided = behaviour.wait_for(|&behaviour| behaviour != Behaviour::Pause).await;
    if !decided.is_ok_and(|behaviour| *behaviour == Behaviour::Answer) {
        return Err(io::Error::other("hanging up"));
    }
    if let Some(site) = &shared.site
        && let Some(answer) = site.answer(&request, &shared.pod).await
    {
        return Ok(answer);
    }
    Ok(echo::answer(&request, &shared.pod))
}

/// A listening socket and its connections, all in one task that ends with this.
#[derive(Debug)]
pub(super) struct Server {
    task: JoinSet<()>,
    leave: watch::Sender<bool>,
    left: oneshot::Receiver<()>,
}

impl Server {
    /// Answers the requests of all who connect.
    pub(super) fn start<A, F>(listener: TcpListener, answer: A) -> Self
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (leave, leaving) = watch::channel(false);
        let (gone, left) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            let mut told = leaving.clone();
            loop {
                tokio::select! {
                    accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                        connections.spawn(connection(stream, answer.clone(), leaving.clone()));
                    },
                    _ = told.wait_for(|&leaving| leaving) => break,
                }
                while connections.try_join_next().is_some() {}
            }
            drop((listener, gone));
            while connections.join_next().await.is_some() {}
        });
        Self { task, leave, left }
    }

    /// Closes everything; returns when it is closed.
    pub(super) async fn stop(mut self) {
        self.task.shutdown().await;
    }

    /// Stops listening, and closes each connection when it has had the answer it waits for, if any; returns when nothing
    /// listens.
    pub(super) async fn drain(mut self) {
        self.leave.send_replace(true);
        // The error says that the other end is gone, which is what this waits for.
        let _ = (&mut self.left).await;
        self.task.detach_all();
    }
}

async fn connection<A, F>(stream: TcpStream, answer: A, mut leaving: watch::Receiver<bool>)
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Outcome> + Send + 'static,
{
    let server = auto::Builder::new(TokioExecutor::new());
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service_fn(answer)));
    // The other side went away, or this side hung up on it: neither is anyone's business.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = leaving.wait_for(|&leaving| leaving) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
