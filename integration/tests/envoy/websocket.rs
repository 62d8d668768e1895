//! WebSockets: the upgrade response carries the token.

mod pod;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::{SinkExt, StreamExt};
use integration::harness::manifests::Manifests;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::handshake::client::Response;
use tokio_tungstenite::tungstenite::http::{HeaderName, HeaderValue};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use self::pod::{Manner, WebSocketPod};
use crate::setup::{COOKIE, HEADER, address, route, serve};

fn pods<const N: usize>() -> [WebSocketPod; N] {
    std::array::from_fn(|number| WebSocketPod::start(&format!("pod-{number}"), Manner::Upgrade))
}

/// A rule of these fields, and these pods.
fn manifests(fields: &str, pods: &[WebSocketPod]) -> Manifests {
    let rule = format!("{{backendRefs: [{{name: backend, port: 3000}}], {fields}}}");
    Manifests::gateway().service("backend", pods).with(&route("route", &[rule]))
}

fn with_sessions(persistence: &str, pods: &[WebSocketPod]) -> Manifests {
    manifests(&format!("sessionPersistence: {persistence}"), pods)
}

/// A WebSocket and what came of its handshake.
struct Talk {
    socket: WebSocketStream<TcpStream>,
    pod: String,
    token: Option<String>,
}

impl Talk {
    /// Connects with these headers.
    async fn begin(address: SocketAddr, headers: &[(&str, &str)]) -> Result<Self, Error> {
        let mut request = format!("ws://{address}/chat").into_client_request()?;
        for (name, value) in headers {
            let name: HeaderName = name.parse().unwrap();
            request.headers_mut().append(name, HeaderValue::from_str(value).unwrap());
        }
        let stream = TcpStream::connect(address).await?;
        let (mut socket, answer) = client_async(request, stream).await?;
        assert_eq!(answer.status(), 101);
        let pod = socket.next().await.unwrap()?.into_text()?.to_string();
        Ok(Self { socket, pod, token: token(&answer) })
    }

    /// Continues with a token in the carrier of the rule.
    async fn resume(address: SocketAddr, token: &str) -> Self {
        let cookie = format!("session={token}");
        Self::begin(address, &[("cookie", &cookie), ("session", token)]).await.unwrap()
    }

    /// Says something and hears it again.
    async fn say(&mut self, text: &str) -> Result<(), Error> {
        self.socket.send(Message::from(text)).await?;
        let heard = self.socket.next().await.ok_or(Error::ConnectionClosed)??;
        assert_eq!(heard.into_text()?.as_str(), text);
        Ok(())
    }
}

fn token(answer: &Response) -> Option<String> {
    if let Some(token) = answer.headers().get("session") {
        return Some(token.to_str().unwrap().to_owned());
    }
    let cookie = answer.headers().get("set-cookie")?.to_str().unwrap();
    let (pair, _) = cookie.split_once(';').unwrap_or((cookie, ""));
    Some(pair.strip_prefix("session=").unwrap().to_owned())
}

#[tokio::test]
async fn upgrade_responses_carry_a_token_that_reaches_the_same_pod() {
    for persistence in [COOKIE, HEADER] {
        let pods = pods::<4>();
        let envoy = serve(&with_sessions(persistence, &pods)).await;
        let address = address(&envoy);
        let mut reached = BTreeSet::new();
        for _ in 0..4 {
            let mut first = Talk::begin(address, &[]).await.unwrap();
            first.say("hello").await.unwrap();
            let token = first.token.clone().unwrap();
            for _ in 0..10 {
                let mut again = Talk::resume(address, &token).await;
                assert_eq!((&again.pod, &again.token), (&first.pod, &None));
                again.say("hello again").await.unwrap();
            }
            reached.insert(first.pod);
        }
        assert_eq!(reached.len(), 4, "sessions are spread over the pods");
    }
}

/// Envoy's own limit is 1,024 requests to the backends of one rule.
#[tokio::test]
async fn rules_serve_more_websockets_than_envoys_default_limit() {
    const SOCKETS: usize = 1100;
    // Each has an end of a connection at the client and one at the pod, both in this process.
    allow_files(4 * SOCKETS as u64);
    let pods = pods::<2>();
    let envoy = serve(&with_sessions(COOKIE, &pods)).await;
    let mut talks = Vec::new();
    for number in 0..SOCKETS {
        let talk = timeout(Duration::from_secs(30), Talk::begin(address(&envoy), &[])).await;
        talks.push(talk.unwrap_or_else(|_| panic!("no answer to WebSocket {number}")).unwrap());
    }
    for talk in &mut talks {
        talk.say("all of them").await.unwrap();
    }
}

/// Sees to it that this process, and those it starts, may have so many files open.
fn allow_files(wanted: u64) {
    let limit = getrlimit(Resource::Nofile);
    if limit.current.is_some_and(|current| current < wanted) {
        let raised =
            Rlimit { current: limit.maximum.map_or(Some(wanted), |most| Some(most.min(wanted))), ..limit };
        setrlimit(Resource::Nofile, raised).unwrap();
    }
    let current = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
    assert!(
        current >= wanted,
        "this test needs {wanted} open files, and {current} are allowed: raise `ulimit -Hn`"
    );
}

#[tokio::test]
async fn reconnects_after_a_pod_died_reach_another_with_a_new_token() {
    let mut pods = pods::<3>();
    let envoy = serve(&with_sessions(COOKIE, &pods)).await;
    let address = address(&envoy);
    let mut first = Talk::begin(address, &[]).await.unwrap();
    pods.iter_mut().find(|pod| pod.name() == first.pod).unwrap().kill().await;
    assert!(first.say("hello").await.is_err(), "the connection ends with its pod");
    let second = Talk::resume(address, &first.token.unwrap()).await;
    assert_ne!(second.pod, first.pod);
    let third = Talk::resume(address, &second.token.unwrap()).await;
    assert_eq!((third.pod, third.token), (second.pod, None));
}

#[tokio::test]
async fn websocket_app_protocol_keeps_sessions() {
    for protocol in ["kubernetes.io/ws", "http"] {
        let pods = pods::<2>();
        let with_protocol = with_sessions(COOKIE, &pods)
            .text()
            .replace("targetPort: http}", &format!("targetPort: http, appProtocol: {protocol}}}"));
        assert!(with_protocol.contains(protocol));
        let envoy = serve(&Manifests::default().with(&with_protocol)).await;
        let first = Talk::begin(address(&envoy), &[]).await.unwrap();
        let again = Talk::resume(address(&envoy), &first.token.unwrap()).await;
        assert_eq!(again.pod, first.pod);
    }
}

/// The time is for an answer: the one that upgrades the connection is there.
#[tokio::test]
async fn timeouts_do_not_end_established_websockets() {
    for timeouts in ["request: 300ms", "backendRequest: 300ms", "request: 300ms, backendRequest: 200ms"] {
        let pods = pods::<1>();
        let fields = format!("timeouts: {{{timeouts}}}, sessionPersistence: {COOKIE}");
        let envoy = serve(&manifests(&fields, &pods)).await;
        let mut talk = Talk::begin(address(&envoy), &[]).await.unwrap();
        let start = Instant::now();
        let mut said = 0;
        while start.elapsed() < Duration::from_millis(1200) {
            let heard = talk.say("still there").await;
            heard.unwrap_or_else(|error| panic!("{timeouts}: {error} after {:?}", start.elapsed()));
            said += 1;
        }
        assert!(said > 0);
    }
}

#[tokio::test]
async fn timeouts_apply_to_the_upgrade_response() {
    for timeouts in ["request: 300ms", "backendRequest: 300ms"] {
        let pods = [WebSocketPod::start("pod", Manner::Silent)];
        let envoy = serve(&manifests(&format!("timeouts: {{{timeouts}}}"), &pods)).await;
        match Talk::begin(address(&envoy), &[]).await.map(|talk| talk.pod) {
            Err(Error::Http(answer)) => assert_eq!(answer.status(), 504, "{timeouts}"),
            other => panic!("{timeouts}: {other:?}"),
        }
    }
}
