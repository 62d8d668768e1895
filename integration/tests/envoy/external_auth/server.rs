//! An authorization server that speaks HTTP and Envoy's `ext_authz` protocol over gRPC on one port, and records what it is asked.
//!
//! It refuses requests whose path contains `denied`. Otherwise it tells the backend who the user is. Both answers say what of a
//! request it got. Over HTTP, it fails for paths that contain `broken`.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use integration::harness::manifests::{Endpoint, EndpointState};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tonic::Status;
use tonic::body::Body;
use tonic::server::{Grpc, UnaryService};
use tonic_prost::ProstCodec;

/// What the server was asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

/// A running server.
pub(crate) struct AuthServer {
    pub(crate) address: SocketAddr,
    questions: Arc<Mutex<Vec<Question>>>,
    _task: JoinSet<()>,
}

impl From<&AuthServer> for Endpoint {
    fn from(server: &AuthServer) -> Self {
        Self { address: server.address, state: EndpointState::Ready }
    }
}

impl AuthServer {
    /// Starts on a free port of 127.0.0.1.
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let questions = Arc::new(Mutex::new(Vec::new()));
        let mut task = JoinSet::new();
        task.spawn(serve(listener, Arc::clone(&questions)));
        Self { address, questions, _task: task }
    }

    /// What it was asked since the last call.
    pub(crate) fn questions(&self) -> Vec<Question> {
        std::mem::take(&mut *self.questions.lock().unwrap())
    }
}

async fn serve(listener: TcpListener, questions: Arc<Mutex<Vec<Question>>>) {
    // Dropped with this task, and the connections with it.
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let questions = Arc::clone(&questions);
        let service = service_fn(move |request| answer(request, Arc::clone(&questions)));
        connections.spawn(async move {
            let server = auto::Builder::new(TokioExecutor::new());
            // The other side went away.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn answer(
    request: Request<Incoming>,
    questions: Arc<Mutex<Vec<Question>>>,
) -> Result<Response<Body>, Infallible> {
    if request.uri().path() == "/envoy.service.auth.v3.Authorization/Check" {
        let mut grpc = Grpc::new(ProstCodec::<CheckResponse, CheckRequest>::default());
        return Ok(grpc.unary(Check(questions), request).await);
    }
    let (parts, body) = request.into_parts();
    let text = |value: &hyper::header::HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value)));
    let question = Question {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        headers: headers.collect(),
        body: body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default(),
    };
    let decision = question.decide();
    questions.lock().unwrap().push(question);
    let mut response = Response::new(Body::new(Full::new(Bytes::from(decision.body))));
    if decision.denied {
        *response.status_mut() = StatusCode::FORBIDDEN;
    } else if parts.uri.path().contains("broken") {
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
    }
    for (name, value) in decision.headers {
        response.headers_mut().insert(name, value.parse().unwrap());
    }
    Ok(response)
}

/// What the server answers.
struct Decision {
    denied: bool,
    headers: Vec<(&'static str, String)>,
    body: &'static str,
}

/// The body of an answer that refuses a request.
pub(crate) const REFUSAL: &str = "Access denied by external auth server";

impl Question {
    fn decide(&self) -> Decision {
        let denied = self.path.contains("denied");
        let mut headers = vec![("x-auth-received-body-size", self.body.len().to_string())];
        headers.extend(self.headers.get("x-sent").map(|value| ("x-auth-received", value.clone())));
        let own: &[_] = if denied {
            &[("x-reason", "not you")]
        } else {
            // The last two would change what the backend is asked.
            &[
                ("x-user", "alice"),
                ("x-other", "too"),
                ("host", "evil.example"),
                ("x-session-persistence-override-host", "evil"),
            ]
        };
        headers.extend(own.iter().map(|&(name, value)| (name, value.to_owned())));
        Decision { denied, headers, body: if denied { REFUSAL } else { "" } }
    }
}

struct Check(Arc<Mutex<Vec<Question>>>);

/// `google.rpc.Code`
const PERMISSION_DENIED: i32 = 7;

impl UnaryService<CheckRequest> for Check {
    type Response = CheckResponse;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<CheckResponse>, Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<CheckRequest>) -> Self::Future {
        let attributes = request.into_inner().attributes.and_then(|attributes| attributes.request);
        let http = attributes.and_then(|request| request.http).unwrap_or_default();
        let question = Question {
            method: http.method,
            path: http.path,
            headers: http.headers.into_iter().collect(),
            body: http.body.into_bytes(),
        };
        let decision = question.decide();
        self.0.lock().unwrap().push(question);
        let header = |(key, value): (&str, String)| HeaderOption {
            header: Some(HeaderValue { key: key.to_owned(), value }),
        };
        let headers = decision.headers.into_iter().map(header).collect();
        let response = if decision.denied {
            CheckResponse {
                status: Some(RpcStatus { code: PERMISSION_DENIED }),
                denied: Some(Denied {
                    status: Some(HttpStatus { code: 403 }),
                    headers,
                    body: decision.body.to_owned(),
                }),
                ok: None,
            }
        } else {
            CheckResponse { status: Some(RpcStatus { code: 0 }), denied: None, ok: Some(Allowed { headers }) }
        };
        Box::pin(async { Ok(tonic::Response::new(response)) })
    }
}

// The used fields of `envoy.service.auth.v3`.

#[derive(Clone, PartialEq, prost::Message)]
struct CheckRequest {
    #[prost(message, tag = "1")]
    attributes: Option<Attributes>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Attributes {
    #[prost(message, tag = "4")]
    request: Option<AttributesOfRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AttributesOfRequest {
    #[prost(message, tag = "2")]
    http: Option<HttpRequest>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HttpRequest {
    #[prost(string, tag = "2")]
    method: String,
    #[prost(map = "string, string", tag = "3")]
    headers: HashMap<String, String>,
    #[prost(string, tag = "4")]
    path: String,
    #[prost(string, tag = "11")]
    body: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CheckResponse {
    #[prost(message, tag = "1")]
    status: Option<RpcStatus>,
    #[prost(message, tag = "2")]
    denied: Option<Denied>,
    #[prost(message, tag = "3")]
    ok: Option<Allowed>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Denied {
    #[prost(message, tag = "1")]
    status: Option<HttpStatus>,
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderOption>,
    #[prost(string, tag = "3")]
    body: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HttpStatus {
    #[prost(int32, tag = "1")]
    code: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Allowed {
    #[prost(message, repeated, tag = "2")]
    headers: Vec<HeaderOption>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HeaderOption {
    #[prost(message, tag = "1")]
    header: Option<HeaderValue>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct HeaderValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}
