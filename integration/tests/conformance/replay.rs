//! A replay: the manifests of a test and the infrastructure, compiled with `--keep-going` and served by a real Envoy.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use envoy_config::diagnostic::{self, Severity};
use envoy_config::manifest;
use envoy_config::options::{Bind, ListenerName, Options, PortMapping, UsageError};
use envoy_config::source::Source;
use integration::backend::Backend;
use integration::harness::client::{Answer, Client, ClientError, Protocol};
use integration::harness::deployment::{self, Deployment, FREE_PORT, bootstrap};
use integration::harness::envoy::Process;
use integration::harness::{artifact, deadline};

use crate::case::{Ask, Case, get};
use crate::conditions::Statuses;
use crate::infrastructure::{INFRA, Infrastructure, Target, pods};
use crate::tls::{self, Handshake, Identity};

/// The longest that requests may take that nobody waits for.
const PATIENCE: Duration = Duration::from_secs(30);

/// An Envoy, what it serves, and the pods.
pub(crate) struct Replay {
    envoy: Process,
    pub(crate) statuses: Statuses,
    pods: Vec<Backend>,
}

/// The statuses that these documents would have, without serving them.
pub(crate) fn statuses(documents: &[String]) -> Statuses {
    let (sources, options) = input(&Infrastructure::start().manifests, documents);
    let compilation = envoy_config::compile(&sources, &options);
    assert_eq!(compilation.usage_errors, []);
    Statuses::new(&compilation.statuses(&sources))
}

/// What `envoy-config` is called with.
fn input(infrastructure: &str, documents: &[String]) -> ([Source; 2], Options) {
    let source = |name: &str, text| Source { name: name.to_owned(), text };
    let sources = [
        source("infrastructure.yaml", infrastructure.to_owned()),
        source("routes.yaml", documents.join("---\n")),
    ];
    let port_mappings = distinct_binds(&sources);
    let mut options = Options { keep_going: true, port_mappings, ..deployment::options() };
    // A Gateway that is refused has no listeners to move.
    for usage_error in envoy_config::compile(&sources, &options).usage_errors {
        if let UsageError::UnknownListener { wanted, .. } = usage_error {
            options.port_mappings.retain(|mapping| mapping.listener != wanted);
        }
    }
    (sources, options)
}

impl Replay {
    /// Serves these documents, which must have no errors: each route is accepted by its parents.
    pub(crate) async fn start(documents: &[String]) -> Self {
        Self::start_with_errors(&[], documents).await
    }

    /// Serves the valid parts of these documents, in which these objects have errors.
    pub(crate) async fn start_with_errors(faulty: &[&str], documents: &[String]) -> Self {
        Self::start_on(Infrastructure::start(), faulty, documents).await
    }

    /// The same on an infrastructure that is there already.
    pub(crate) async fn start_on(
        Infrastructure { pods, manifests }: Infrastructure,
        faulty: &[&str],
        documents: &[String],
    ) -> Self {
        let (sources, options) = input(&manifests, documents);
        let compilation = envoy_config::compile(&sources, &options);
        let printed = diagnostic::print(&compilation.diagnostics, &sources, false);
        assert_eq!(compilation.usage_errors, [], "{printed}");
        let errors = compilation.diagnostics.iter().filter(|found| found.severity == Severity::Error);
        let found: BTreeSet<_> = errors.map(|found| found.object.as_deref().unwrap_or_default()).collect();
        assert_eq!(found, faulty.iter().copied().collect(), "{printed}");
        let statuses = compilation.statuses(&sources);
        for found in statuses.iter().filter(|found| faulty.is_empty() && !found.kind.ends_with("Policy")) {
            assert!(found.is_fine(), "{found:?}");
        }
        let statuses = Statuses::new(&statuses);
        let mut model = compilation.model.expect("something to serve");
        for listener in &mut model.listeners {
            listener.bind = FREE_PORT;
        }
        let module = artifact::module().unwrap_or_else(|error| panic!("{error}"));
        let deployment = Deployment::of_bootstrap(bootstrap(&model, FREE_PORT, &module).unwrap()).unwrap();
        let envoy = deployment.start().await.unwrap_or_else(|error| panic!("{error}"));
        Self { envoy, statuses, pods }
    }

    /// Where a Gateway's port is.
    pub(crate) fn address(&self, gateway: &str, port: u16) -> SocketAddr {
        self.listener(gateway, port).unwrap_or_else(|| panic!("nothing listens for {gateway}'s port {port}"))
    }

    /// Where a Gateway's port is, if anything listens there.
    pub(crate) fn listener(&self, gateway: &str, port: u16) -> Option<SocketAddr> {
        self.envoy.listener(&format!("{INFRA}/{gateway}/{port}"))
    }

    /// The pods of a Service.
    pub(crate) fn pods(&self, target: Target) -> impl Iterator<Item = &Backend> {
        pods(&self.pods, target)
    }

    /// Waits until Envoy has no pending upstream request.
    pub(crate) async fn settled(&self) {
        let busy = async |gauge| {
            let gauges = self.envoy.admin().stats(gauge).await.unwrap();
            gauges.values().any(|&requests| requests > 0)
        };
        let settled = async || {
            (!busy("upstream_rq_active").await && !busy("upstream_rq_pending_active").await).then_some(())
        };
        deadline::until(PATIENCE, settled).await.unwrap();
    }

    /// Sends requests to a Gateway's port over HTTP/1.1 and HTTP/2 and checks the responses.
    pub(crate) async fn check(&self, gateway: &str, port: u16, cases: &[Case]) {
        self.check_over(&[Protocol::Http1, Protocol::Http2], gateway, port, cases).await;
    }

    /// Sends requests to a Gateway's port over these versions of HTTP and checks the responses.
    pub(crate) async fn check_over(&self, protocols: &[Protocol], gateway: &str, port: u16, cases: &[Case]) {
        let mut problems = Vec::new();
        for case in cases {
            for &protocol in protocols {
                problems.extend(self.problem(gateway, port, case, protocol).await);
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// Sends requests to a Gateway's HTTPS port, each with its own SNI, and checks the responses.
    pub(crate) async fn check_tls(&self, gateway: &str, port: u16, cases: &[(&str, Case)]) {
        self.check_tls_as(None, gateway, port, cases).await;
    }

    /// The same for a client with a certificate.
    pub(crate) async fn check_tls_as(
        &self,
        identity: Option<&Identity>,
        gateway: &str,
        port: u16,
        cases: &[(&str, Case)],
    ) {
        let address = self.address(gateway, port);
        let mut problems = Vec::new();
        for &(hostname, ref case) in cases {
            let host = case.ask.host.as_deref().unwrap_or(hostname);
            for version in ["--http1.1", "--http2"] {
                let handshake = Handshake { address, hostname, identity, version };
                let found = match tls::ask(handshake, host, &case.ask).await {
                    Ok(answer) => case.problems(&answer, "https", host),
                    Err(problem) => vec![problem],
                };
                if !found.is_empty() {
                    problems.push(format!("{:?} to {hostname} {version}: {}", case.ask, found.join("; ")));
                }
            }
        }
        assert!(problems.is_empty(), "{}", problems.join("\n"));
    }

    /// Asserts that a Gateway's HTTPS port rejects the connection of a client.
    pub(crate) async fn check_refused(
        &self,
        identity: Option<&Identity>,
        gateway: &str,
        port: u16,
        hostname: &str,
    ) {
        let address = self.address(gateway, port);
        let handshake = Handshake { address, hostname, identity, version: "--http1.1" };
        let answer = tls::ask(handshake, hostname, &get("/")).await;
        assert!(answer.is_err(), "{identity:?} at {hostname}: {answer:?}");
    }

    /// What is wrong with the answer to one request.
    pub(crate) async fn problem(
        &self,
        gateway: &str,
        port: u16,
        case: &Case,
        protocol: Protocol,
    ) -> Option<String> {
        let case = case.made_unique();
        let host = case.ask.host.clone().unwrap_or_else(|| default_host(port));
        let problems = match self.answer(gateway, port, &case.ask, protocol).await {
            Ok(answer) => case.problems(&answer, "http", &host),
            Err(error) => vec![error.to_string()],
        };
        (!problems.is_empty()).then(|| format!("{:?} over {protocol:?}: {}", case.ask, problems.join("; ")))
    }

    /// The answer to one request.
    pub(crate) async fn answer(
        &self,
        gateway: &str,
        port: u16,
        ask: &Ask,
        protocol: Protocol,
    ) -> Result<Answer, ClientError> {
        let host = ask.host.clone().unwrap_or_else(|| default_host(port));
        let client = Client::new(self.address(gateway, port)).asking_for(&host).speaking(protocol);
        let headers: Vec<_> =
            ask.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        client.ask(ask.method.clone(), &ask.path, &headers).await
    }
}

/// The `Host` of a client that was told the Gateway's address.
fn default_host(port: u16) -> String {
    match port {
        80 => String::from("gateway.example"),
        port => format!("gateway.example:{port}"),
    }
}

/// Several Gateways have a port 80: each port of each Gateway is moved to a number of its own.
fn distinct_binds(sources: &[Source]) -> Vec<PortMapping> {
    let (manifests, _) = manifest::read(sources);
    let mut first_listeners = BTreeMap::new();
    for gateway in &manifests.gateways {
        let (namespace, name) = (&gateway.metadata.namespace.value, &gateway.metadata.name.value);
        for listener in &gateway.spec.listeners {
            let port = (namespace.clone(), name.clone(), listener.port.value);
            let own = (namespace.clone(), name.clone(), listener.name.value.clone());
            first_listeners.entry(port).or_insert(own);
        }
    }
    // A port that only a ListenerSet has is named by that.
    for set in &manifests.listener_sets {
        let (namespace, name) = (&set.metadata.namespace.value, &set.metadata.name.value);
        let parent = &set.spec.parent;
        let of_gateway = parent.namespace.as_ref().map_or(namespace, |namespace| &namespace.value);
        for listener in &set.spec.listeners {
            let port = (of_gateway.clone(), parent.name.value.clone(), listener.port.value);
            let own = (namespace.clone(), name.clone(), listener.name.value.clone());
            first_listeners.entry(port).or_insert(own);
        }
    }
    let mapping = |((_, (namespace, owner, listener)), bind): ((_, _), u16)| PortMapping {
        listener: ListenerName { namespace: Some(namespace), gateway: Some(owner), listener },
        bind: Bind::Port(bind.try_into().unwrap()),
    };
    first_listeners.into_iter().zip(1000..).map(mapping).collect()
}
