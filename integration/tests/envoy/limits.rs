//! Limits: one client cannot exhaust resources of the others.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use envoy_config::limits::Limits;
use hyper::Request;
use hyper::body::{Body, Bytes, Frame};
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use integration::harness::deadline;
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use integration::harness::keys;
use integration::harness::manifests::{Endpoint, Manifests};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::closing_backend::ClosingPod;
use crate::setup::{COOKIE, Mint, address, client, manifests, pod, pods, route, rule, start};

const PATIENCE: Duration = Duration::from_secs(30);

fn limits(settings: &[&str]) -> Limits {
    let settings: Vec<_> = settings.iter().map(|text| text.parse().unwrap()).collect();
    Limits::with(&settings).unwrap()
}

async fn within(manifests: &Manifests, settings: &[&str]) -> Process {
    start(&Deployment::within(manifests, &limits(settings)).unwrap()).await
}

/// The requests that the backends of the rule have and have not answered.
async fn active(envoy: &Process) -> u64 {
    let stats = envoy.admin().stats("cluster.default/route/0.upstream_rq_active").await.unwrap();
    stats.values().sum()
}

async fn until_active(envoy: &Process, wanted: u64) {
    let reached = async || (active(envoy).await == wanted).then_some(());
    let outcome = deadline::until(PATIENCE, reached).await;
    assert!(outcome.is_ok(), "{} requests, not {wanted}", active(envoy).await);
}

async fn until_counted(envoy: &Process, counter: &str, wanted: u64) {
    let reached = async || {
        let stats = envoy.admin().stats(counter).await.unwrap();
        (stats.get(counter) == Some(&wanted)).then_some(())
    };
    deadline::until(PATIENCE, reached).await.unwrap();
}

/// A body that begins and never ends.
struct Unfinished(Option<Bytes>);

impl Body for Unfinished {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.0.take().map_or(Poll::Pending, |bytes| Poll::Ready(Some(Ok(Frame::data(bytes)))))
    }
}

/// Starts this number of requests that never end on one HTTP/2 connection, which ends with the tasks.
async fn attack(address: SocketAddr, requests: usize) -> JoinSet<()> {
    let stream = TokioIo::new(TcpStream::connect(address).await.unwrap());
    let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let _ = connection.await;
    });
    for _ in 0..requests {
        let mut sender = sender.clone();
        tasks.spawn(async move {
            let body = Unfinished(Some(Bytes::from_static(b"a")));
            let request = Request::post(WAITS).body(body).unwrap();
            let _ = sender.send_request(request).await;
            std::future::pending::<()>().await;
        });
    }
    tasks
}

/// Where a request waits for longer than any test takes.
const WAITS: &str = "http://localhost/get?delay=3600s";

#[tokio::test]
async fn unfinished_requests_do_not_exhaust_a_rule() {
    let pods = pods::<2>();
    let settings = ["requests-per-rule=40", "streams-per-connection=10"];
    let envoy = within(&manifests(&pods, COOKIE), &settings).await;
    let mut attackers = Vec::new();
    for _ in 0..3 {
        attackers.push(attack(address(&envoy), 100).await);
    }
    until_active(&envoy, 30).await;
    for _ in 0..10 {
        pod(&client(&envoy).get("/get").await.unwrap());
    }
    assert_eq!(active(&envoy).await, 30);
    drop(attackers);
    until_active(&envoy, 0).await;
}

#[tokio::test]
async fn unfinished_requests_end_at_the_idle_timeout() {
    let pods = pods::<1>();
    let settings = ["streams-per-connection=10", "stream-idle-timeout=500ms"];
    let envoy = within(&manifests(&pods, COOKIE), &settings).await;
    let attacker = attack(address(&envoy), 10).await;
    until_counted(&envoy, "http.default/eg/80.downstream_rq_idle_timeout", 10).await;
    until_active(&envoy, 0).await;
    drop(attacker);
}

#[tokio::test]
async fn unfinished_headers_end_at_their_timeout() {
    let pods = pods::<1>();
    let envoy = within(&manifests(&pods, COOKIE), &["request-headers-timeout=300ms"]).await;
    let mut stream = TcpStream::connect(address(&envoy)).await.unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nhost: localhost\r\n").await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer)).await.unwrap().unwrap();
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_except_for_admin() {
    let pods = pods::<1>();
    let envoy = within(&manifests(&pods, COOKIE), &["connections=5"]).await;
    let mut connections = Vec::new();
    for _ in 0..5 {
        let mut connection = TcpStream::connect(address(&envoy)).await.unwrap();
        assert!(talk(&mut connection).await.starts_with("HTTP/1.1 200 "));
        connections.push(connection);
    }
    let mut more = TcpStream::connect(address(&envoy)).await.unwrap();
    assert_eq!(talk(&mut more).await, "", "there is no answer");
    assert!(envoy.admin().ready().await);
    let first = connections.first_mut().unwrap();
    assert!(talk(first).await.starts_with("HTTP/1.1 200 "), "those that are there are served");
    connections.pop();
    let served = async || {
        let mut next = TcpStream::connect(address(&envoy)).await.unwrap();
        (!talk(&mut next).await.is_empty()).then_some(())
    };
    deadline::until(PATIENCE, served).await.unwrap();
}

/// What a connection answers to one request; nothing where it is closed.
async fn talk(connection: &mut TcpStream) -> String {
    let request = b"GET /get HTTP/1.1\r\nhost: localhost\r\n\r\n";
    if connection.write_all(request).await.is_err() {
        return String::new();
    }
    let mut answer = vec![0; 4096];
    let length = timeout(PATIENCE, connection.read(&mut answer)).await.unwrap().unwrap_or(0);
    String::from_utf8_lossy(&answer[..length]).into_owned()
}

/// Missing backends are answered by a listener inside Envoy, whose connections must not count as those of clients.
#[tokio::test]
async fn internal_listeners_are_exempt_from_the_connection_limit() {
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: route}\n\
                 spec:\n  parentRefs: [{name: eg}]\n  rules:\n  - backendRefs: [{name: backend, port: 3000}]\n";
    let manifests = Manifests::gateway().service("backend", Vec::<Endpoint>::new()).with(route);
    let envoy = within(&manifests, &["connections=1"]).await;
    let mut connection = TcpStream::connect(address(&envoy)).await.unwrap();
    for _ in 0..3 {
        let answer = talk(&mut connection).await;
        assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    }
}

#[tokio::test]
async fn uploads_within_the_retry_buffer_survive_failover() {
    for (settings, survives) in [(&["retry-buffer=4MiB"][..], true), (&[], false)] {
        let mut dead = pods::<1>();
        let live = ClosingPod::start("live").await;
        let endpoints = [Endpoint::from(&dead[0]), Endpoint::from(&live)];
        let rules = [rule("/", &[("backend", 1)], COOKIE)];
        let manifests = Manifests::gateway().service("backend", endpoints).with(&route("route", &rules));
        let keys = keys::fresh().unwrap();
        let deployment = Deployment::within(&manifests, &limits(settings)).unwrap();
        let envoy = start(&deployment.with_keys(&keys)).await;
        let session = Mint::new(&manifests, "default/route/0/0", &keys).fresh(dead[0].address());
        dead[0].kill().await.unwrap();
        let mut stream = TcpStream::connect(address(&envoy)).await.unwrap();
        let (mut reading, mut writing) = stream.split();
        let head =
            format!("host: localhost\r\ncookie: session={session}\r\ncontent-length: {UPLOAD}\r\n\r\n");
        let request = [format!("POST /upload HTTP/1.1\r\n{head}").into_bytes(), vec![b'a'; UPLOAD]].concat();
        let mut answer = vec![0; 4096];
        // A refusal comes before the end of the body.
        let (_, length) = tokio::join!(writing.write_all(&request), reading.read(&mut answer));
        let answer = String::from_utf8_lossy(&answer[..length.unwrap_or(0)]).into_owned();
        assert_eq!(answer.starts_with("HTTP/1.1 200 "), survives, "{answer}");
        // Without the buffer the session ends: its cookie is cleared, or stays as it was.
        let issued = answer.contains("set-cookie: session=") && !answer.contains("set-cookie: session=;");
        assert_eq!(issued, survives, "{answer}");
        assert_eq!(live.count("POST /upload"), u32::from(survives), "{answer}");
    }
}

/// More than the buffer that is the default, and less than the other.
const UPLOAD: usize = 3 << 20;
