//! A gRPC client that sends given metadata with its calls.

use std::net::SocketAddr;

use hyper::http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codegen::tokio_stream;
use tonic::metadata::{AsciiMetadataKey, MetadataMap};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use tonic_prost::ProstCodec;

use super::pod::{Call, Reply};

pub(crate) struct Caller {
    channel: Channel,
    metadata: Vec<(String, String)>,
}

impl Caller {
    /// Someone who calls at this address, whatever its name is.
    pub(crate) async fn new(address: SocketAddr) -> Self {
        Self::asking_for(address, "grpc.example.com").await
    }

    /// Someone who asks for this host there.
    pub(crate) async fn asking_for(address: SocketAddr, host: &str) -> Self {
        let endpoint = Endpoint::try_from(format!("http://{address}")).unwrap();
        let origin = format!("http://{host}").parse().unwrap();
        let channel = endpoint.origin(origin).connect().await.unwrap();
        Self { channel, metadata: Vec::new() }
    }

    /// The same with this in the metadata of each call.
    pub(crate) fn with(&self, name: &str, value: &str) -> Self {
        let mut metadata = self.metadata.clone();
        metadata.push((name.to_owned(), value.to_owned()));
        Self { channel: self.channel.clone(), metadata }
    }

    /// One call, one reply.
    pub(crate) async fn call(&self, path: &'static str) -> Result<Response<Reply>, Status> {
        let request = self.request(Call { number: 1 });
        self.ready().await.unary(request, PathAndQuery::from_static(path), ProstCodec::default()).await
    }

    /// One call, several replies.
    pub(crate) async fn stream(
        &self,
        path: &'static str,
        number: u32,
    ) -> Result<Response<Streaming<Reply>>, Status> {
        let request = self.request(Call { number });
        self.ready()
            .await
            .server_streaming(request, PathAndQuery::from_static(path), ProstCodec::default())
            .await
    }

    /// Several calls, one reply.
    pub(crate) async fn all(&self, path: &'static str, numbers: Vec<u32>) -> Result<Response<Reply>, Status> {
        let calls: Vec<Call> = numbers.into_iter().map(|number| Call { number }).collect();
        let request = self.request(tokio_stream::iter(calls));
        self.ready()
            .await
            .client_streaming(request, PathAndQuery::from_static(path), ProstCodec::default())
            .await
    }

    async fn ready(&self) -> Grpc<Channel> {
        let mut grpc = Grpc::new(self.channel.clone());
        grpc.ready().await.unwrap();
        grpc
    }

    fn request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        for (name, value) in &self.metadata {
            let name: AsciiMetadataKey = name.parse().unwrap();
            request.metadata_mut().append(name, value.parse().unwrap());
        }
        request
    }
}

/// The pod of a reply.
pub(crate) fn pod(response: &Response<Reply>) -> &str {
    &response.get_ref().pod
}

/// The token in the metadata of an answer: in the header `session`, or in the cookie `session`.
pub(crate) fn token(metadata: &MetadataMap) -> Option<String> {
    if let Some(token) = metadata.get("session") {
        return Some(token.to_str().unwrap().to_owned());
    }
    let cookie = metadata.get("set-cookie")?.to_str().unwrap();
    let (pair, _) = cookie.split_once(';').unwrap_or((cookie, ""));
    Some(pair.strip_prefix("session=").unwrap().to_owned())
}
