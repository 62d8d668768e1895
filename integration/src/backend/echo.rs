//! What a backend answers: the JSON of `echo-basic`, the backend of the Gateway API's conformance tests.
//!
//! As in `echo-basic`, `/status/503` answers with that status, and the request header
//! `X-Echo-Set-Header: name: value, name: value` adds response headers. `/bytes/1000` answers with a body of that size, as
//! in httpbin.

use std::collections::BTreeMap;

use http_body_util::Full;
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue};
use hyper::{Request, Response, StatusCode};
use serde::Serialize;
use serde_json::ser::{PrettyFormatter, Serializer};

/// The request header that asks for response headers.
const SET_HEADER: &str = "x-echo-set-header";

/// The largest body of `/bytes/`.
const MOST_BYTES: usize = 16 << 20;

/// The identity of a backend, as Kubernetes gives it to pods.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Pod {
    /// The pod's namespace.
    pub namespace: String,
    /// Always empty: what `echo-basic` prints when nobody sets `INGRESS_NAME`.
    pub ingress: String,
    /// The Service it belongs to.
    pub service: String,
    /// The pod's name.
    pub pod: String,
}

impl Pod {
    /// A pod of a Service in the namespace `default`.
    #[must_use]
    pub fn new(service: &str, pod: &str) -> Self {
        let [service, pod] = [service, pod].map(str::to_owned);
        Self { namespace: String::from("default"), ingress: String::new(), service, pod }
    }
}

/// A request as it arrived, fields in the order in which `echo-basic` prints them.
#[derive(Serialize)]
struct Echo<'a> {
    path: String,
    host: String,
    method: &'a str,
    proto: String,
    headers: BTreeMap<String, Vec<String>>,
    #[serde(flatten)]
    pod: &'a Pod,
}

/// The answer to a request.
pub(super) fn answer<B>(request: &Request<B>, pod: &Pod) -> Response<Full<Bytes>> {
    let path = request.uri().path();
    let mut response = if path == "/health" {
        Response::new(Full::from("OK"))
    } else if let Some(code) = path.strip_prefix("/status/") {
        let mut response = Response::new(Full::default());
        *response.status_mut() = StatusCode::from_bytes(code.as_bytes()).unwrap_or(StatusCode::BAD_REQUEST);
        response
    } else if let Some(size) = path.strip_prefix("/bytes/") {
        body_of(size.parse().ok())
    } else {
        let mut response = Response::new(Full::from(json(request, pod)));
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response
    };
    response.headers_mut().extend(asked_for(request.headers()));
    response
}

/// An answer with a body of this size.
fn body_of(size: Option<usize>) -> Response<Full<Bytes>> {
    let body = size.filter(|&size| size <= MOST_BYTES).map(|size| vec![b'x'; size]);
    let status = if body.is_some() { StatusCode::OK } else { StatusCode::BAD_REQUEST };
    let mut response = Response::new(Full::from(body.unwrap_or_default()));
    *response.status_mut() = status;
    response
}

/// The headers that a request asks for. Each becomes a line of its own: `echo-basic` joins those of one name by commas,
/// which no `Set-Cookie` survives.
fn asked_for(headers: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    let lists = headers.get_all(SET_HEADER).iter().filter_map(|list| list.to_str().ok());
    let pairs = lists.flat_map(|list| list.split(',')).filter_map(|pair| pair.split_once(':'));
    pairs.filter_map(|(name, value)| {
        Some((HeaderName::try_from(name.trim()).ok()?, HeaderValue::try_from(value.trim()).ok()?))
    })
}

/// The request in the format of Go's `json.MarshalIndent` with one space.
fn json<B>(request: &Request<B>, pod: &Pod) -> Vec<u8> {
    let authority = request.uri().authority().map(|authority| authority.as_str().to_owned());
    let host = request.headers().get(HOST).map(|host| String::from_utf8_lossy(host.as_bytes()).into_owned());
    let mut headers = BTreeMap::<_, Vec<_>>::new();
    for (name, value) in request.headers().iter().filter(|(name, _)| *name != HOST) {
        let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
        headers.entry(canonical(name.as_str())).or_default().push(value);
    }
    let echo = Echo {
        path: request.uri().path_and_query().map_or_else(|| String::from("/"), ToString::to_string),
        host: authority.or(host).unwrap_or_default(),
        method: request.method().as_str(),
        proto: proto(request.version()),
        headers,
        pod,
    };
    let mut bytes = Vec::new();
    let mut serializer = Serializer::with_formatter(&mut bytes, PrettyFormatter::with_indent(b" "));
    // Writing maps of strings to memory does not fail.
    let _ = echo.serialize(&mut serializer);
    bytes
}

/// A header name as Go writes it: `X-Request-Id`.
fn canonical(name: &str) -> String {
    let words = name.split('-').map(|word| {
        let mut letters = word.chars();
        letters.next().map(|first| first.to_ascii_uppercase()).into_iter().chain(letters).collect::<String>()
    });
    words.collect::<Vec<_>>().join("-")
}

/// A version as Go writes it: `HTTP/1.1`, `HTTP/2.0`.
fn proto(version: hyper::Version) -> String {
    let text = format!("{version:?}");
    if text.contains('.') { text } else { text + ".0" }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn pod_is_on_its_own_line_without_a_comma() {
        let request = Request::get("/get?q=1").header("x-request-id", "7").body(()).unwrap();
        let answer = answer(&request, &Pod::new("backend", "backend-1"));
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        let text = str::from_utf8(&body).unwrap();
        let expected = "{\n \"path\": \"/get?q=1\",\n \"host\": \"\",\n \"method\": \"GET\",\n \"proto\": \"HTTP/1.1\",\n \
                        \"headers\": {\n  \"X-Request-Id\": [\n   \"7\"\n  ]\n },\n \"namespace\": \"default\",\n \
                        \"ingress\": \"\",\n \"service\": \"backend\",\n \"pod\": \"backend-1\"\n}";
        assert_eq!(text, expected);
    }

    #[test]
    fn requested_headers_are_added_on_separate_lines() {
        let request = Request::get("/")
            .header("X-Echo-Set-Header", "Set-Cookie: a=1, Set-Cookie:b=2; Path=/")
            .body(())
            .unwrap();
        let answer = answer(&request, &Pod::new("backend", "backend-1"));
        let cookies: Vec<_> = answer.headers().get_all("set-cookie").iter().collect();
        assert_eq!(cookies, ["a=1", "b=2; Path=/"]);
    }

    #[tokio::test]
    async fn body_size_is_taken_from_the_path() {
        let ask = |path: &str| answer(&Request::get(path).body(()).unwrap(), &Pod::new("b", "p"));
        let body = ask("/bytes/1000").into_body().collect().await.unwrap().to_bytes();
        assert_eq!(body.len(), 1000);
        for refused in ["/bytes/", "/bytes/-1", "/bytes/99999999"] {
            assert_eq!(ask(refused).status().as_u16(), 400, "{refused}");
        }
    }

    #[test]
    fn status_is_taken_from_the_path() {
        let status = |path: &str| answer(&Request::get(path).body(()).unwrap(), &Pod::new("b", "p")).status();
        assert_eq!(status("/status/503").as_u16(), 503);
        assert_eq!(status("/status/nonsense").as_u16(), 400);
        assert_eq!(status("/get").as_u16(), 200);
    }
}
