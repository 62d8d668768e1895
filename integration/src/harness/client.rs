//! HTTP clients: with a cookie jar, without one, and one that sends arbitrary bytes.
//!
//! Each request opens a new connection, so any of several workers may serve it.

mod answer;
mod jar;
mod raw;

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::{http1, http2};
use hyper::header::{COOKIE, HOST, HeaderName, HeaderValue};
use hyper::{Method, Request, Uri};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpStream;

pub use answer::Answer;
use jar::Jar;
pub use raw::{parse, raw};

/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// There is no response.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Connecting, reading or writing failed.
    #[error("the connection failed: {0}")]
    Connection(#[from] std::io::Error),
    /// The server does not speak HTTP, or broke the protocol.
    #[error("no HTTP answer: {0}")]
    Http(#[from] hyper::Error),
    /// The request cannot be written as HTTP.
    #[error("no HTTP request: {0}")]
    Request(#[from] hyper::http::Error),
    /// The received bytes are not an HTTP response.
    #[error("no HTTP answer, but {0:?}")]
    Garbage(String),
    /// There was no response in time.
    #[error("no answer within {PATIENCE:?}")]
    Timeout,
}

/// A version of HTTP.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1.
    #[default]
    Http1,
    /// HTTP/2 in the clear, without an upgrade.
    Http2,
}

/// A client for one address.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    host: String,
    protocol: Protocol,
    jar: Option<Jar>,
}

impl Client {
    /// A client without a cookie jar.
    #[must_use]
    pub fn new(address: SocketAddr) -> Self {
        Self { address, host: String::from("localhost"), protocol: Protocol::default(), jar: None }
    }

    /// A client with a cookie jar.
    #[must_use]
    pub fn with_jar(address: SocketAddr) -> Self {
        Self { jar: Some(Jar::default()), ..Self::new(address) }
    }

    /// The same client with another version of HTTP.
    #[must_use]
    pub fn speaking(self, protocol: Protocol) -> Self {
        Self { protocol, ..self }
    }

    /// The same client with another `Host`.
    #[must_use]
    pub fn asking_for(self, host: &str) -> Self {
        Self { host: host.to_owned(), ..self }
    }

    /// The same client, with its cookies, for another address.
    #[must_use]
    pub fn moved_to(self, address: SocketAddr) -> Self {
        Self { address, ..self }
    }

    /// Gets a path.
    ///
    /// # Errors
    /// There is no response. Any status is a response.
    pub async fn get(&self, path: &str) -> Result<Answer, ClientError> {
        self.get_with(path, &[]).await
    }

    /// Gets a path with these headers, each in its own line (HTTP/1) or field (HTTP/2), in this order.
    ///
    /// # Errors
    /// There is no response. Any status is a response.
    pub async fn get_with(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, ClientError> {
        self.ask(Method::GET, path, headers).await
    }

    /// Posts nothing to a path.
    ///
    /// # Errors
    /// There is no response. Any status is a response.
    pub async fn post(&self, path: &str) -> Result<Answer, ClientError> {
        self.post_with(path, &[]).await
    }

    /// Posts nothing to a path, with these headers.
    ///
    /// # Errors
    /// There is no response. Any status is a response.
    pub async fn post_with(&self, path: &str, headers: &[(&str, &str)]) -> Result<Answer, ClientError> {
        self.ask(Method::POST, path, headers).await
    }

    /// Sends a request of any method without a body, with these headers.
    ///
    /// # Errors
    /// There is no response. Any status is a response.
    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Answer, ClientError> {
        self.upload(method, path, headers, Bytes::new()).await
    }

    /// Sends a request of any method with these headers and this body. A response may arrive before the whole body is sent.
    ///
    /// # Errors
    /// There is no response. Any status is a response.
    pub async fn upload(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let url = format!("http://{}{path}", self.host);
        let mut request = Request::builder().method(method);
        if let Some(fields) = request.headers_mut() {
            if let Some(value) = self.jar.as_ref().and_then(|jar| jar.cookies(&url)) {
                fields.append(COOKIE, HeaderValue::try_from(value).map_err(hyper::http::Error::from)?);
            }
            for (name, value) in headers {
                let name = HeaderName::try_from(*name).map_err(hyper::http::Error::from)?;
                fields.append(name, HeaderValue::try_from(*value).map_err(hyper::http::Error::from)?);
            }
        }
        let sent = tokio::time::timeout(PATIENCE, self.send(&url, path, request, body));
        let answer = sent.await.map_err(|_| ClientError::Timeout)??;
        if let Some(jar) = &self.jar {
            jar.keep(&url, answer.values("set-cookie"));
        }
        Ok(answer)
    }

    async fn send(
        &self,
        url: &str,
        path: &str,
        request: hyper::http::request::Builder,
        body: Bytes,
    ) -> Result<Answer, ClientError> {
        let stream = TokioIo::new(TcpStream::connect(self.address).await?);
        let body = Full::new(body);
        let response = match self.protocol {
            Protocol::Http1 => {
                let (mut sender, connection) = http1::handshake(stream).await?;
                tokio::spawn(connection);
                let request = request.uri(Uri::try_from(path).map_err(hyper::http::Error::from)?);
                sender.send_request(request.header(HOST, &self.host).body(body)?).await?
            }
            Protocol::Http2 => {
                let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
                tokio::spawn(connection);
                sender.send_request(request.uri(url).body(body)?).await?
            }
        };
        let (head, body) = response.into_parts();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec()));
        let headers = headers.collect();
        let body = body.collect().await?.to_bytes().to_vec();
        Ok(Answer { status: head.status.as_u16(), headers, body })
    }
}
