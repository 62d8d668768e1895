//! Clients that send requests all the time, and open a new connection every few requests, so that any member may serve the next one.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1::SendRequest;
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::task::JoinSet;

use super::figures::Figures;
use super::judge::{Seen, Session, judge};
use super::rules::{ENVOY, Rule, Rules, SHORT};
use super::{CLOCKS, PATIENCE};
use crate::live::clients::{Visit, talk};

/// Between two requests of a client.
const PAUSE: Duration = Duration::from_millis(120);

pub(super) struct Visitors {
    clients: Vec<Arc<Mutex<Client>>>,
    stopped: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

/// What a client has and has seen.
struct Client {
    rule: Arc<Rule>,
    visit: Visit,
    /// Where its connections come from: an address of its own, so that no other has the same ports.
    source: Ipv4Addr,
    /// How many requests it sends over one connection.
    requests_per_connection: usize,
    session: Option<Session>,
    /// The members that have answered since somebody wanted to know.
    members: BTreeSet<usize>,
    figures: Figures,
}

impl Visitors {
    /// Starts this number of clients of this address.
    pub(super) fn start(number: usize, rules: &Rules, address: SocketAddr) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let (mut clients, mut tasks) = (Vec::new(), JoinSet::new());
        for number in 0..number {
            let client = Arc::new(Mutex::new(Client::new(number, rules, address)));
            clients.push(Arc::clone(&client));
            tasks.spawn(repeat(client, Arc::clone(&stopped)));
        }
        Self { clients, stopped, tasks }
    }

    /// From now on, every member has to serve each client again.
    pub(super) fn forget_members(&self) {
        self.clients.iter().for_each(|client| client.lock().unwrap().members.clear());
    }

    /// Whether all of these have served each client since.
    pub(super) fn were_served_by(&self, members: &[usize]) -> bool {
        let served = |client: &Arc<Mutex<Client>>| {
            let client = client.lock().unwrap();
            members.iter().all(|member| client.members.contains(member))
        };
        self.clients.iter().all(served)
    }

    /// Whether the token of every client is sealed with the new key.
    pub(super) fn have_new_key(&self) -> bool {
        let has = |client: &Arc<Mutex<Client>>| {
            let client = client.lock().unwrap();
            client.session.as_ref().is_some_and(|session| client.rule.new.open(&session.token).is_some())
        };
        self.clients.iter().all(has)
    }

    /// The first failures so far.
    pub(super) fn failures(&self) -> Vec<String> {
        let failures = self.clients.iter().flat_map(|client| client.lock().unwrap().figures.failures.clone());
        failures.take(5).collect()
    }

    /// Ends their visits.
    pub(super) async fn stop(mut self) -> Figures {
        self.stopped.store(true, Ordering::Relaxed);
        while let Some(ended) = self.tasks.join_next().await {
            ended.unwrap();
        }
        let clients = self.clients.iter().map(|client| client.lock().unwrap().figures.clone());
        clients.fold(Figures::default(), Figures::and)
    }
}

impl Client {
    fn new(number: usize, rules: &Rules, address: SocketAddr) -> Self {
        let rule = &rules.rules[number % rules.rules.len()];
        let [high, low] = u16::try_from(number + 1).unwrap().to_be_bytes();
        // Half of the sessions that end soon began before, so that some end whichever Envoy has issued them.
        let is_older = rule.timeout.is_some() && number % (2 * rules.rules.len()) < rules.rules.len();
        Self {
            rule: Arc::clone(rule),
            visit: Visit { address, tls: false, path: rule.path, cookie: rule.cookie },
            source: Ipv4Addr::new(127, 1, high, low),
            requests_per_connection: 1 + number % 2,
            session: is_older.then(|| older_session(number, rules, rule)),
            members: BTreeSet::new(),
            figures: Figures { clients: 1, sessions: u64::from(is_older), ..Figures::default() },
        }
    }

    /// The error is a broken promise.
    fn receive(
        &mut self,
        status: u16,
        envoy: Option<usize>,
        echo: &[u8],
        token: Option<String>,
        when: [(Instant, u64); 2],
    ) {
        self.figures.requests += 1;
        let pod = serde_json::from_slice::<Value>(echo)
            .ok()
            .and_then(|echo| Some(echo.get("pod")?.as_str()?.to_owned()));
        let (200, Some(envoy), Some(pod)) = (status, envoy, pod) else {
            let text = String::from_utf8_lossy(echo);
            self.figures.failures.push(format!("status {status} from {envoy:?}: {text}"));
            return;
        };
        self.members.insert(envoy);
        let seen = Seen { envoy, pod, token, when: when.map(|(at, _)| at), wall: when.map(|(_, at)| at) };
        let verdict = judge(&self.rule, &mut self.session, &seen);
        self.figures.count(verdict);
    }
}

/// A session as one of the Envoys has begun it up to a minute ago.
fn older_session(number: usize, rules: &Rules, rule: &Rule) -> Session {
    let (member, age) = (number % CLOCKS.len(), number as u64 % (SHORT - 5));
    let (pod, address) = rules.endpoints[number % rules.endpoints.len()].clone();
    let ago = i64::try_from(age).unwrap() - CLOCKS[member];
    let token = rule.mint.token(ago, ago, address);
    let issued = rule.mint.open(&token).unwrap().contents.issued.unix_seconds();
    let began = |earlier| Instant::now().checked_sub(Duration::from_secs(age + earlier)).unwrap();
    // The time of issue is a whole second.
    Session { token, pod, issued, issuer: member, began: [began(1), began(0)] }
}

async fn repeat(client: Arc<Mutex<Client>>, stopped: Arc<AtomicBool>) {
    let (visit, source, requests) = {
        let client = client.lock().unwrap();
        (client.visit, client.source, client.requests_per_connection)
    };
    while !stopped.load(Ordering::Relaxed) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from((source, 0))).unwrap();
        let address = socket.local_addr().unwrap();
        let Ok(mut connection) = connect(socket, visit.address).await else {
            // The member is gone, and the balancer did not know.
            client.lock().unwrap().figures.resets.push(address);
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        client.lock().unwrap().figures.connections += 1;
        for _ in 0..requests {
            let token = client.lock().unwrap().session.as_ref().map(|session| session.token.clone());
            let sent = now();
            let answer = tokio::time::timeout(PATIENCE, visit.ask(&mut connection, token.as_deref())).await;
            let arrived = now();
            let closed = {
                let mut client = client.lock().unwrap();
                match answer {
                    Ok(Ok((head, body))) => {
                        let header = |name| head.headers().get(name).and_then(|value| value.to_str().ok());
                        let envoy = header(ENVOY).and_then(|number| number.parse().ok());
                        let token = visit.token(&head);
                        client.receive(head.status().as_u16(), envoy, &body, token, [sent, arrived]);
                        head.headers().contains_key("connection")
                    }
                    Ok(Err(_)) => {
                        client.figures.resets.push(address);
                        true
                    }
                    Err(elapsed) => {
                        client.figures.failures.push(format!("no answer: {elapsed}"));
                        true
                    }
                }
            };
            tokio::time::sleep(PAUSE).await;
            if closed || stopped.load(Ordering::Relaxed) {
                break;
            }
        }
    }
}

/// Now, and the seconds since the Unix epoch.
fn now() -> (Instant, u64) {
    (Instant::now(), SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs())
}

async fn connect(socket: TcpSocket, to: SocketAddr) -> std::io::Result<SendRequest<Empty<Bytes>>> {
    let stream = socket.connect(to).await?;
    talk(stream).await.map_err(std::io::Error::other)
}
