//! What tests set up: pods, an Envoy, requests, and sealed tokens of any age. Manifests are built by
//! [`integration::harness::manifests`].

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use envoy_config::model::Listener;
use envoy_config::source::Source;
use integration::backend::{Backend, Pod};
use integration::harness::client::{Answer, Client};
use integration::harness::deployment::{self, DeployError, Deployment};
use integration::harness::envoy::Process;
use integration::harness::manifests::Manifests;
pub(crate) use integration::harness::manifests::{plain_rule, route, rule, rule_matching};
use session_persistence::config::Rule;
use session_persistence::endpoint::Endpoint;
use session_persistence::identity::Identity;
use session_persistence::key::KeyRing;
use session_persistence::time::Timestamp;
use session_persistence::token::{Contents, Opened, Sealer};

/// A session in a cookie named `session` that lasts for an hour.
pub(crate) const COOKIE: &str = "{sessionName: session, type: Cookie, absoluteTimeout: 1h}";

/// A session in the header `session` that lasts for an hour.
pub(crate) const HEADER: &str = "{sessionName: session, type: Header, absoluteTimeout: 1h}";

/// Pods `backend-0`, `backend-1` and so on.
pub(crate) fn pods<const N: usize>() -> [Backend; N] {
    pods_of("backend")
}

/// Pods of this Service, named as it is with a number.
pub(crate) fn pods_of<const N: usize>(service: &str) -> [Backend; N] {
    std::array::from_fn(|number| Backend::start(Pod::new(service, &format!("{service}-{number}"))).unwrap())
}

/// A route with one rule for all requests, and these pods.
pub(crate) fn manifests<'a>(pods: impl IntoIterator<Item = &'a Backend>, persistence: &str) -> Manifests {
    Manifests::gateway()
        .service("backend", pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], persistence)]))
}

/// The deployment of some manifests.
pub(crate) fn deployment(manifests: &Manifests) -> Deployment {
    Deployment::of(manifests).unwrap_or_else(|error| panic!("{error}"))
}

/// Starts an Envoy that serves these manifests with new keys and one worker.
pub(crate) async fn serve(manifests: &Manifests) -> Process {
    start(&deployment(manifests)).await
}

/// Starts an Envoy with this deployment.
pub(crate) async fn start(deployment: &Deployment) -> Process {
    deployment.start().await.unwrap_or_else(|error| panic!("{error}"))
}

/// An Envoy that serves these manifests without the objects that have errors, as with `--keep-going`.
pub(crate) async fn serve_valid_parts(manifests: &Manifests) -> Process {
    start(&Deployment::keep_going(manifests).unwrap_or_else(|error| panic!("{error}"))).await
}

/// The log of an Envoy that must reject this deployment.
pub(crate) async fn refusal(deployment: &Deployment) -> String {
    match deployment.start().await {
        Err(DeployError::Start(integration::harness::envoy::StartError::Refused { log, .. })) => log,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("Envoy started"),
    }
}

/// The address of the Gateway's listener.
pub(crate) fn address(envoy: &Process) -> SocketAddr {
    envoy.listener("default/eg/80").unwrap()
}

/// A client without a cookie jar.
pub(crate) fn client(envoy: &Process) -> Client {
    Client::new(address(envoy))
}

/// A client with a cookie jar.
pub(crate) fn browser(envoy: &Process) -> Client {
    Client::with_jar(address(envoy))
}

/// The pod that answered a request, which must have succeeded.
pub(crate) fn pod(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.pod().unwrap()
}

/// The token of an answer, whichever carrier it has.
pub(crate) fn token(answer: &Answer) -> Option<String> {
    answer.cookie("session").or_else(|| answer.value("session"))
}

/// Gets `/get` with this value of the cookie `session`.
pub(crate) async fn get_with_cookie(client: &Client, token: &str) -> Answer {
    client.get_with("/get", &[("cookie", &format!("session={token}"))]).await.unwrap()
}

/// The pods that answer this number of requests without a session.
pub(crate) async fn pods_of_new_sessions(client: &Client, requests: usize) -> Vec<String> {
    let mut pods = Vec::new();
    for _ in 0..requests {
        pods.push(pod(&client.get("/get").await.unwrap()));
    }
    pods
}

/// Asserts that this token is rejected: the response has a new one.
pub(crate) async fn assert_no_session(client: &Client, bad: &str, why: &str) {
    let answer = get_with_cookie(client, bad).await;
    pod(&answer);
    let new = token(&answer).unwrap_or_else(|| panic!("{why}: no new token"));
    assert_ne!(new, bad, "{why}");
}

/// Seconds since the Unix epoch.
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// Seals and opens tokens of one rule.
pub(crate) struct Mint {
    sealer: Sealer,
}

impl Mint {
    /// For the rule of this Envoy route, with this value of `SESSION_KEYS`.
    pub(crate) fn new(manifests: &Manifests, route: &str, keys: &str) -> Self {
        Self::of(&rule_of(manifests, route), keys)
    }

    /// For this rule.
    pub(crate) fn of(rule: &Rule, keys: &str) -> Self {
        Self { sealer: Sealer::new(&KeyRing::parse(keys).unwrap(), rule.id(), rule.carrier()) }
    }

    /// A token for this endpoint, issued and last seen this number of seconds ago (in the future if negative).
    pub(crate) fn token(&self, issued_ago: i64, seen_ago: i64, endpoint: SocketAddr) -> String {
        self.seal(issued_ago, seen_ago, endpoint, None)
    }

    /// A token of a session on this pod, `namespace/name`, that was issued just now.
    pub(crate) fn of_pod(&self, pod: &str, endpoint: SocketAddr) -> String {
        self.seal(0, 0, endpoint, Some(Identity::of(pod)))
    }

    fn seal(
        &self,
        issued_ago: i64,
        seen_ago: i64,
        endpoint: SocketAddr,
        identity: Option<Identity>,
    ) -> String {
        let at = |ago: i64| Timestamp::from_unix_seconds(now().checked_add_signed(-ago).unwrap());
        let contents = Contents {
            issued: at(issued_ago),
            last_seen: at(seen_ago),
            endpoint: Endpoint::new(endpoint),
            identity,
        };
        let mut nonce = [0; 24];
        getrandom::fill(&mut nonce).unwrap();
        self.sealer.seal(&contents, None, &nonce).unwrap()
    }

    /// A token that was issued just now.
    pub(crate) fn fresh(&self, endpoint: SocketAddr) -> String {
        self.token(0, 0, endpoint)
    }

    /// The contents of a token, if it is valid for this rule.
    pub(crate) fn open(&self, token: &str) -> Option<Opened> {
        self.sealer.open(token.as_bytes()).ok()
    }
}

/// The rule that the Envoy route of this name serves.
pub(crate) fn rule_of(manifests: &Manifests, route: &str) -> Rule {
    let source = Source { name: String::from("test.yaml"), text: manifests.text().to_owned() };
    let model = deployment::compile(&[source], &deployment::options()).unwrap();
    let hosts = model.listeners.iter().flat_map(Listener::virtual_hosts);
    let found = hosts.flat_map(|host| &host.routes).find(|found| found.name == route);
    found.unwrap().persistence.clone().unwrap()
}
