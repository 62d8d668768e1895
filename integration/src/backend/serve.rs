//! The HTTP server of a backend: its connections, and what happens to the requests on them.

use std::fmt::Debug;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONNECTION, HeaderMap, HeaderValue};
use hyper::service::service_fn;
use hyper::{Method, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{broadcast, oneshot, watch};
use tokio::task::JoinSet;

use super::Behaviour;
use super::echo::{self, Pod};
use super::failures::{Failure, Failures};

/// How many requests are buffered for a receiver.
const ARRIVALS: usize = 1000;

/// A request as it reached a backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The method.
    pub method: Method,
    /// The path and the query.
    pub path: String,
    /// The headers, `Host` (of HTTP/1) among them.
    pub headers: HeaderMap,
}

/// Serves some requests instead of the echo.
pub trait Overlay: Debug + Send + Sync {
    /// The response to a request, or `None` if the backend should echo it.
    fn answer<'a>(&'a self, request: &'a Request<Incoming>, pod: &'a Pod) -> Overlaid<'a>;
}

/// The response of an [`Overlay`], once it is known.
pub type Overlaid<'a> = Pin<Box<dyn Future<Output = Option<Response<Full<Bytes>>>> + Send + 'a>>;

/// What outlives a server that is killed and revived.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) pod: Pod,
    pub(super) requests: AtomicU64,
    pub(super) behaviour: watch::Sender<Behaviour>,
    pub(super) arrivals: broadcast::Sender<Arrival>,
    failures: Failures,
    overlay: Option<Arc<dyn Overlay>>,
}

impl Shared {
    pub(super) fn new(pod: Pod, overlay: Option<Arc<dyn Overlay>>) -> Self {
        Self {
            pod,
            requests: AtomicU64::new(0),
            behaviour: watch::Sender::new(Behaviour::Answer),
            arrivals: broadcast::Sender::new(ARRIVALS),
            failures: Failures::default(),
            overlay,
        }
    }

    fn announce(&self, request: &Request<Incoming>) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        if self.arrivals.receiver_count() > 0 {
            let path = request.uri().path_and_query().map(ToString::to_string).unwrap_or_default();
            let headers = request.headers().clone();
            // An error means that the receiver is gone.
            let _ = self.arrivals.send(Arrival { method: request.method().clone(), path, headers });
        }
    }
}

/// The outcome of a request; an error closes the connection.
pub(crate) type Outcome = io::Result<Response<Full<Bytes>>>;

/// Starts the server of a pod.
pub(super) fn pod(listener: TcpListener, shared: &Arc<Shared>) -> Server {
    let shared = Arc::clone(shared);
    Server::start(listener, move |request| respond(request, Arc::clone(&shared)))
}

async fn respond(mut request: Request<Incoming>, shared: Arc<Shared>) -> Outcome {
    shared.announce(&request);
    let mut behaviour = shared.behaviour.subscribe();
    let decided = behaviour.wait_for(|&behaviour| behaviour != Behaviour::Pause).await;
    if !decided.is_ok_and(|behaviour| *behaviour == Behaviour::Answer) {
        return Err(io::Error::other("hanging up"));
    }
    if let Some(overlay) = &shared.overlay
        && let Some(answer) = overlay.answer(&request, &shared.pod).await
    {
        return Ok(answer);
    }
    // A connection that has more of the request to bring than the answer waits for would be closed.
    while let Some(frame) = request.body_mut().frame().await {
        frame.map_err(io::Error::other)?;
    }
    match shared.failures.of(&request).await {
        None => Ok(echo::answer(&request, &shared.pod)),
        Some(Failure::Status(status)) => {
            let mut response = Response::default();
            *response.status_mut() = status;
            Ok(response)
        }
        Some(Failure::HangUp) => Err(io::Error::other("hanging up")),
    }
}

/// How long a server that goes away waits on each idle connection for one more request. Closing it at once would lose the
/// request of a client that is just then sending it: no client knows whether to send that a second time.
const LINGER: Duration = Duration::from_millis(500);

/// A listening socket and its connections, all in one task that ends with this.
#[derive(Debug)]
pub(crate) struct Server {
    task: JoinSet<()>,
    phase: watch::Sender<Phase>,
    refusing: oneshot::Receiver<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// Whoever connects is answered.
    Serving,
    /// Nobody can connect, and each connection ends with its next answer.
    Leaving,
    /// Idle connections are closed.
    Closing,
}

impl Server {
    /// Answers the requests of all who connect.
    pub(crate) fn start<A, F>(listener: TcpListener, answer: A) -> Self
    where
        A: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Outcome> + Send + 'static,
    {
        let (sender, phase) = watch::channel(Phase::Serving);
        let (gone, refusing) = oneshot::channel();
        let mut task = JoinSet::new();
        task.spawn(async move {
            // Dropped with this task, and the connections with it.
            let mut connections = JoinSet::new();
            let mut told = phase.clone();
            loop {
                tokio::select! {
                    accepted = listener.accept() => if let Ok((stream, _)) = accepted {
                        connections.spawn(connection(stream, answer.clone(), phase.clone()));
                    },
                    _ = told.wait_for(|&phase| phase != Phase::Serving) => break,
                }
                while connections.try_join_next().is_some() {}
            }
            drop((listener, gone));
            while connections.join_next().await.is_some() {}
        });
        Self { task, phase: sender, refusing }
    }

    /// Closes everything; returns when it is closed.
    pub(super) async fn stop(mut self) {
        self.task.shutdown().await;
    }

    /// Listens no longer, and ends each connection with its next answer; returns when nobody can connect.
    pub(super) async fn leave(&mut self) {
        self.phase.send_replace(Phase::Leaving);
        // The error says that the other end is gone, which is what this waits for.
        let _ = (&mut self.refusing).await;
    }

    /// Closes what is idle, a while after [`Self::leave`]; what waits for an answer still gets it.
    pub(super) async fn close(mut self) {
        // With the last connection the task ends.
        let _ = tokio::time::timeout(LINGER, self.task.join_next()).await;
        self.phase.send_replace(Phase::Closing);
        self.task.detach_all();
    }
}

async fn connection<A, F>(stream: TcpStream, answer: A, mut phase: watch::Receiver<Phase>)
where
    A: Fn(Request<Incoming>) -> F,
    F: Future<Output = Outcome> + Send + 'static,
{
    let told = phase.clone();
    let service = service_fn(move |request| {
        let last = told.clone();
        let persistent = request.version() == Version::HTTP_11;
        let answered = answer(request);
        async move {
            let mut response = answered.await?;
            if persistent && *last.borrow() != Phase::Serving {
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
            }
            io::Result::Ok(response)
        }
    });
    let server = auto::Builder::new(TokioExecutor::new());
    let mut connection = pin!(server.serve_connection(TokioIo::new(stream), service));
    // The other side went away, or this side hung up on it: neither is anyone's business.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = phase.wait_for(|&phase| phase == Phase::Closing) => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}
