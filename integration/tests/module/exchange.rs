//! Builds requests and reads responses.

use std::collections::BTreeMap;

use crate::headers::HeaderMap;
use crate::proxy::{Call, Stream};

/// The private header that pins, as the filter leaves it for `header_to_metadata`.
pub(crate) const PIN: &[u8] = b"x-session-persistence-override-host";

/// A request on its way to the filter.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    route: Option<Vec<u8>>,
    headers: HeaderMap,
    /// Whether a body follows the headers.
    pub(crate) body: bool,
}

impl Request {
    /// A request that Envoy's route table gave this route.
    pub(crate) fn to(route: impl AsRef<[u8]>) -> Self {
        let mut headers = HeaderMap::default();
        headers.add(b":method", b"GET");
        headers.add(b":path", b"/");
        headers.add(b":authority", b"localhost");
        Self { route: Some(route.as_ref().to_vec()), headers, body: false }
    }

    /// A request that matched no route.
    pub(crate) fn without_route() -> Self {
        Self { route: None, ..Self::to("") }
    }

    /// With one more header.
    pub(crate) fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.add(name.as_ref(), value.as_ref());
        self
    }

    /// With a body.
    pub(crate) fn with_body(self) -> Self {
        Self { body: true, ..self }
    }

    /// The stream as it is before any filter ran.
    pub(crate) fn into_stream(self) -> Stream {
        let route = self.route.map(|route| (String::from("xds.route_name"), route));
        Stream { request: self.headers, properties: route.into_iter().collect(), ..Stream::default() }
    }
}

/// A response on its way to the filter.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    /// Its headers.
    pub(crate) headers: HeaderMap,
    /// The endpoint Envoy chose, if it chose one.
    upstream: Option<Vec<u8>>,
    /// Whether that endpoint has its address in its metadata, as `envoy-config` renders it if it is not a DNS name.
    has_metadata: bool,
    /// `response.code_details`: `via_upstream` if the endpoint itself answered.
    details: &'static str,
}

impl Response {
    /// An answer of the endpoint with this `ip:port`.
    pub(crate) fn from_endpoint(address: impl AsRef<[u8]>) -> Self {
        Self::new("200", Some(address.as_ref().to_vec()), "via_upstream")
    }

    /// An answer of Envoy itself: there was no endpoint.
    pub(crate) fn local() -> Self {
        Self::new("503", None, "no_healthy_upstream")
    }

    /// An answer of Envoy itself: the endpoint it chose did not give one.
    pub(crate) fn local_after(address: impl AsRef<[u8]>) -> Self {
        Self::new("503", Some(address.as_ref().to_vec()), "upstream_reset_before_response_started")
    }

    /// An answer of Envoy itself: the endpoint it chose takes no connections.
    pub(crate) fn unreachable(address: impl AsRef<[u8]>) -> Self {
        let details = "upstream_reset_before_response_started{remote_connection_failure|Connection_refused}";
        Self::new("503", Some(address.as_ref().to_vec()), details)
    }

    fn new(status: &str, upstream: Option<Vec<u8>>, details: &'static str) -> Self {
        let mut headers = HeaderMap::default();
        headers.add(b":status", status.as_bytes());
        Self { headers, upstream, has_metadata: true, details }
    }

    /// Whose endpoint has no metadata.
    pub(crate) fn without_metadata(self) -> Self {
        Self { has_metadata: false, ..self }
    }

    /// With one more header.
    pub(crate) fn header(mut self, name: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Self {
        self.headers.add(name.as_ref(), value.as_ref());
        self
    }

    /// Makes the response that of a stream.
    pub(crate) fn arrive(self, stream: &mut Stream) {
        stream.properties.insert(String::from("response.code_details"), self.details.into());
        if let Some(address) = self.upstream {
            if self.has_metadata {
                let address = String::from_utf8_lossy(&address);
                let key = format!("xds.upstream_host_metadata.filter_metadata.session-persistence.{address}");
                stream.properties.insert(key, Vec::new());
            }
            stream.properties.insert(String::from("upstream.address"), address);
        }
        stream.response = Some(self.headers);
    }
}

/// What the filter took for one direction.
#[derive(Debug)]
pub(crate) struct Costs {
    /// Every host call, in order.
    pub(crate) calls: Vec<Call>,
    /// The module's instructions, by wasmi's count: the same in every run.
    pub(crate) fuel: u64,
}

/// A request behind the filter.
#[derive(Debug)]
pub(crate) struct Forwarded {
    /// Its stream's context.
    pub(crate) context: u32,
    /// The request headers as the filter left them.
    pub(crate) headers: HeaderMap,
    /// What this took, with the stream's creation.
    pub(crate) costs: Costs,
}

impl Forwarded {
    /// The endpoint that the request is pinned to.
    pub(crate) fn pin(&self) -> Option<String> {
        self.header(PIN)
    }

    /// The first value of a request header.
    pub(crate) fn header(&self, name: impl AsRef<[u8]>) -> Option<String> {
        Some(self.headers.first(name.as_ref())?.escape_ascii().to_string())
    }
}

/// A response behind the filter, its stream ended.
#[derive(Debug)]
pub(crate) struct Answer {
    /// The response headers as the filter left them.
    pub(crate) headers: HeaderMap,
    /// What the filter stored for the access log.
    pub(crate) filter_state: BTreeMap<String, Vec<u8>>,
    /// What this took, with the stream's end.
    pub(crate) costs: Costs,
}

impl Answer {
    /// The values of a response header.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        self.headers.all(name.as_bytes()).map(|value| value.escape_ascii().to_string()).collect()
    }
}
