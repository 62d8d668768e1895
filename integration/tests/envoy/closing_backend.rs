//! Backends that close kept-alive connections just as a request is sent on them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hyper::Method;
use integration::harness::client::{Answer, Client};
use integration::harness::deadline;
use integration::harness::manifests::{Endpoint, EndpointState, Manifests};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::setup::{COOKIE, HEADER, client, pod, route, rule, serve, token};

/// A pod that answers the first request on every connection. The next one makes it close the connection without an answer, as
/// a server does whose keep-alive time ends just then: every connection that Envoy uses again is one of those.
pub(crate) struct ClosingPod {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
    _server: JoinSet<()>,
}

/// What reached a pod.
#[derive(Default)]
struct Seen {
    /// How often each method and path did, answered or not.
    requests: BTreeMap<String, u32>,
    /// Header names of all requests.
    headers: Vec<String>,
    /// Connections that the other side closed.
    closed: u32,
}

impl From<&ClosingPod> for Endpoint {
    fn from(pod: &ClosingPod) -> Self {
        Self { address: pod.address, state: EndpointState::Ready }
    }
}

impl ClosingPod {
    pub(crate) async fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Seen::default()));
        let mut server = JoinSet::new();
        server.spawn(accept(listener, name.to_owned(), Arc::clone(&seen)));
        Self { address, seen, _server: server }
    }

    pub(crate) async fn start_all<const N: usize>() -> Vec<Self> {
        let mut pods = Vec::new();
        for number in 0..N {
            pods.push(Self::start(&format!("pod-{number}")).await);
        }
        pods
    }

    /// How often a request reached it.
    pub(crate) fn count(&self, request: &str) -> u32 {
        self.seen.lock().unwrap().requests.get(request).copied().unwrap_or_default()
    }
}

async fn accept(listener: TcpListener, name: String, seen: Arc<Mutex<Seen>>) {
    let mut connections = JoinSet::new();
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        connections.spawn(converse(stream, name.clone(), Arc::clone(&seen)));
    }
}

async fn converse(stream: TcpStream, name: String, seen: Arc<Mutex<Seen>>) {
    let mut stream = BufReader::new(stream);
    if read(&mut stream, &seen).await.is_some() {
        let body = format!("{{\n \"pod\": \"{name}\"\n}}");
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json";
        let answer = format!("{head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.get_mut().write_all(answer.as_bytes()).await.unwrap();
    }
    if read(&mut stream, &seen).await.is_none() {
        seen.lock().unwrap().closed += 1;
    }
}

/// Reads a request and counts it; none at the end of the connection.
async fn read(stream: &mut BufReader<TcpStream>, seen: &Mutex<Seen>) -> Option<()> {
    let (mut first, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        if stream.read_line(&mut line).await.unwrap_or(0) == 0 {
            return None;
        }
        let line = line.trim_end();
        if line.is_empty() {
            break;
        }
        match line.split_once(": ") {
            _ if first.is_none() => first = line.rsplit_once(' ').map(|(request, _)| request.to_owned()),
            Some((name, value)) => {
                if name == "content-length" {
                    length = value.parse().unwrap();
                }
                seen.lock().unwrap().headers.push(name.to_owned());
            }
            None => {}
        }
    }
    *seen.lock().unwrap().requests.entry(first?).or_default() += 1;
    stream.read_exact(&mut vec![0; length]).await.ok().map(drop)
}

/// Sends a request with a token in whichever carrier the rule has.
async fn ask(client: &Client, method: Method, path: &str, token: &str) -> Answer {
    let cookie = format!("session={token}");
    client.ask(method, path, &[("cookie", &cookie), ("session", token)]).await.unwrap()
}

fn manifests(pods: &[ClosingPod], persistence: Option<&str>) -> Manifests {
    let rule = persistence
        .map_or_else(|| crate::setup::plain_rule("/", "backend"), |it| rule("/", &[("backend", 1)], it));
    Manifests::gateway().service("backend", pods).with(&route("route", &[rule]))
}

#[tokio::test]
async fn sessions_survive_backends_that_close_idle_connections() {
    for persistence in [COOKIE, HEADER] {
        let pods = ClosingPod::start_all::<4>().await;
        let envoy = serve(&manifests(&pods, Some(persistence))).await;
        let client = client(&envoy);
        for _ in 0..8 {
            let answer = ask(&client, Method::GET, "/", "").await;
            let (first, session) = (pod(&answer), token(&answer).unwrap());
            for _ in 0..25 {
                let answer = ask(&client, Method::GET, "/", &session).await;
                assert_eq!((pod(&answer), token(&answer)), (first.clone(), None));
            }
        }
        let retries = envoy.admin().stats("upstream_rq_retry").await.unwrap();
        let retries = retries.iter().find(|(name, _)| name.ends_with("upstream_rq_retry")).unwrap().1;
        assert!(*retries > 90, "{retries} connections were closed with a request on them");
    }
}

#[tokio::test]
async fn only_safe_methods_are_retried_after_a_reset() {
    let pods = ClosingPod::start_all::<1>().await;
    let envoy = serve(&manifests(&pods, None)).await;
    let client = client(&envoy);
    for method in [Method::GET, Method::HEAD, Method::OPTIONS, Method::TRACE] {
        for _ in 0..4 {
            let answer = client.ask(method.clone(), "/safe", &[]).await.unwrap();
            assert_eq!(answer.status, 200, "{method}");
        }
    }
    for method in ["POST", "PUT", "PATCH", "DELETE", "PROPFIND"] {
        let mut statuses = Vec::new();
        for number in 0..6 {
            let answer = client.ask(method.parse().unwrap(), &format!("/{number}"), &[]).await.unwrap();
            statuses.push(answer.status);
            assert_eq!(pods[0].count(&format!("{method} /{number}")), 1, "{method}");
        }
        assert!(statuses.contains(&200) && statuses.contains(&503), "{method}: {statuses:?}");
    }
    let seen = pods[0].seen.lock().unwrap();
    assert!(!seen.headers.iter().any(|name| name == "x-envoy-retry-on"), "{:?}", seen.headers);
}

/// The client cannot know whether the pod has done what it asked for, so it gets the 503; the session stays where it is.
#[tokio::test]
async fn posts_in_a_session_reach_a_backend_once() {
    let pods = ClosingPod::start_all::<4>().await;
    let envoy = serve(&manifests(&pods, Some(COOKIE))).await;
    let client = client(&envoy);
    let answer = ask(&client, Method::GET, "/", "").await;
    let (first, session) = (pod(&answer), token(&answer).unwrap());
    let mut lost = 0;
    for number in 0..100 {
        let path = format!("/{number}");
        let answer = ask(&client, Method::POST, &path, &session).await;
        let reached: u32 = pods.iter().map(|pod| pod.count(&format!("POST {path}"))).sum();
        assert_eq!((reached, token(&answer)), (1, None));
        lost += u32::from(answer.status == 503);
    }
    assert!(lost > 0);
    let answer = ask(&client, Method::GET, "/", &session).await;
    assert_eq!((pod(&answer), token(&answer)), (first, None));
}

#[tokio::test]
async fn envoy_closes_idle_connections_before_its_backends_do() {
    let pods = ClosingPod::start_all::<1>().await;
    let envoy = serve(&manifests(&pods, None)).await;
    assert_eq!(client(&envoy).get("/").await.unwrap().status, 200);
    let closed = async || (pods[0].seen.lock().unwrap().closed == 1).then_some(());
    deadline::until(Duration::from_secs(30), closed).await.unwrap();
}
