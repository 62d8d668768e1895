//! A pod that serves gRPC: every service, with the methods `Say`, `Count`, `Sum` and `Refuse`; and the health service, which says
//! that a pod is healthy unless its name is [`SICK`].

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use integration::harness::manifests::{Endpoint, EndpointState};
use tokio::net::{TcpListener, TcpSocket};
use tokio::task::JoinSet;
use tonic::body::Body;
use tonic::codegen::tokio_stream::{self, Stream, StreamExt};
use tonic::metadata::MetadataMap;
use tonic::server::{ClientStreamingService, Grpc, ServerStreamingService, UnaryService};
use tonic::{Code, Status, Streaming};
use tonic_prost::ProstCodec;

/// What a client says.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Call {
    /// Any number: how many answers `Count` gives, what `Sum` adds up.
    #[prost(uint32, tag = "1")]
    pub(crate) number: u32,
}

/// What a pod answers.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Reply {
    /// The pod's name.
    #[prost(string, tag = "1")]
    pub(crate) pod: String,
    /// A number of the call.
    #[prost(uint32, tag = "2")]
    pub(crate) number: u32,
    /// The metadata of the call, as `name: value`.
    #[prost(string, repeated, tag = "3")]
    pub(crate) metadata: Vec<String>,
}

/// The name of pods that are not healthy.
pub(crate) const SICK: &str = "sick";

/// One pod. It has its address for as long as it lives, alive or killed.
pub(crate) struct GrpcPod {
    name: Arc<str>,
    address: SocketAddr,
    server: JoinSet<()>,
    calls: Arc<AtomicU64>,
    /// The socket keeps the address of a killed pod from others; since it does not listen, connections are refused.
    kept: Option<TcpSocket>,
}

impl From<&GrpcPod> for Endpoint {
    fn from(pod: &GrpcPod) -> Self {
        Self { address: pod.address, state: EndpointState::Ready }
    }
}

impl GrpcPod {
    /// Starts a pod of this name on a free port of 127.0.0.1.
    pub(crate) fn start(name: &str) -> Self {
        let listener = bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0))).unwrap().listen(64).unwrap();
        let (name, address) = (Arc::from(name), listener.local_addr().unwrap());
        let calls = Arc::new(AtomicU64::new(0));
        let mut server = JoinSet::new();
        server.spawn(serve(listener, Arc::clone(&name), Arc::clone(&calls)));
        Self { name, address, server, calls, kept: None }
    }

    /// Its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// How many calls have reached it.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Closes every connection and refuses new ones.
    pub(crate) async fn kill(&mut self) {
        self.server.shutdown().await;
        self.kept = Some(bind(self.address).unwrap());
    }

    /// Listens again, on the same address.
    pub(crate) fn revive(&mut self) {
        let listener = self.kept.take().unwrap().listen(64).unwrap();
        self.server.spawn(serve(listener, Arc::clone(&self.name), Arc::clone(&self.calls)));
    }
}

fn bind(address: SocketAddr) -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    Ok(socket)
}

async fn serve(listener: TcpListener, pod: Arc<str>, calls: Arc<AtomicU64>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (pod, calls) = (Arc::clone(&pod), Arc::clone(&calls));
        let service = service_fn(move |request| {
            calls.fetch_add(1, Ordering::Relaxed);
            answer(request, Arc::clone(&pod))
        });
        connections.spawn(async move {
            let server = http2::Builder::new(TokioExecutor::new());
            // The other side went away.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(request: Request<Incoming>, pod: Arc<str>) -> Result<Response<Body>, Infallible> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    if method == "Check" {
        return Ok(Grpc::new(ProstCodec::<Call, Call>::default()).unary(Check(pod), request).await);
    }
    let mut grpc = Grpc::new(ProstCodec::<Reply, Call>::default());
    let methods = Methods(pod);
    Ok(match method.as_str() {
        "Say" | "SayMore" => grpc.unary(Say(methods), request).await,
        "Count" => grpc.server_streaming(Count(methods), request).await,
        "Sum" => grpc.client_streaming(Sum(methods), request).await,
        "Refuse" => grpc.unary(Refuse, request).await,
        _ => Status::unimplemented("no such method").into_http(),
    })
}

struct Methods(Arc<str>);

impl Methods {
    fn reply(&self, number: u32, metadata: &MetadataMap) -> Reply {
        let lines = metadata.clone().into_headers();
        let lines =
            lines.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap_or_default()));
        Reply { pod: self.0.to_string(), number, metadata: lines.collect() }
    }
}

type Answering<T> = Pin<Box<dyn Future<Output = Result<tonic::Response<T>, Status>> + Send>>;

/// One reply for one call.
struct Say(Methods);

impl UnaryService<Call> for Say {
    type Response = Reply;
    type Future = Answering<Reply>;

    fn call(&mut self, request: tonic::Request<Call>) -> Self::Future {
        let reply = self.0.reply(request.get_ref().number, request.metadata());
        Box::pin(async { Ok(tonic::Response::new(reply)) })
    }
}

/// `grpc.health.v1.Health/Check`: the number is the status, 1 for `SERVING` and 2 for `NOT_SERVING`.
struct Check(Arc<str>);

impl UnaryService<Call> for Check {
    type Response = Call;
    type Future = Answering<Call>;

    fn call(&mut self, _: tonic::Request<Call>) -> Self::Future {
        let number = if &*self.0 == SICK { 2 } else { 1 };
        Box::pin(async move { Ok(tonic::Response::new(Call { number })) })
    }
}

/// As many replies as the call asks for, then the status `OUT_OF_RANGE` in the trailers.
struct Count(Methods);

impl ServerStreamingService<Call> for Count {
    type Response = Reply;
    type ResponseStream = Pin<Box<dyn Stream<Item = Result<Reply, Status>> + Send>>;
    type Future = Answering<Self::ResponseStream>;

    fn call(&mut self, request: tonic::Request<Call>) -> Self::Future {
        let replies = (1..=request.get_ref().number).map(|number| self.0.reply(number, request.metadata()));
        let replies: Vec<_> = replies.map(Ok).chain([Err(Status::out_of_range("no more"))]).collect();
        Box::pin(async { Ok(tonic::Response::new(Box::pin(tokio_stream::iter(replies)) as _)) })
    }
}

/// One reply with the sum of all calls.
struct Sum(Methods);

impl ClientStreamingService<Call> for Sum {
    type Response = Reply;
    type Future = Answering<Reply>;

    fn call(&mut self, request: tonic::Request<Streaming<Call>>) -> Self::Future {
        let reply = self.0.reply(0, request.metadata());
        Box::pin(async move {
            let mut calls = request.into_inner();
            let mut number = 0;
            while let Some(call) = calls.next().await {
                number += call?.number;
            }
            Ok(tonic::Response::new(Reply { number, ..reply }))
        })
    }
}

/// The status `FAILED_PRECONDITION`, with metadata of its own.
struct Refuse;

impl UnaryService<Call> for Refuse {
    type Response = Reply;
    type Future = Answering<Reply>;

    fn call(&mut self, _: tonic::Request<Call>) -> Self::Future {
        let mut metadata = MetadataMap::new();
        metadata.insert("x-why", "not yet".parse().unwrap());
        let status = Status::with_metadata(Code::FailedPrecondition, "the cart is empty", metadata);
        Box::pin(async { Err(status) })
    }
}
