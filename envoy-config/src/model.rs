//! What a bootstrap is to serve, in this project's words: made by `resolve`, written by `render`.
//!
//! Nothing in it refers to a manifest, and nothing in it can be wrong: a reference that did not resolve is a value here
//! ([`Endpoints::Unresolved`], [`Action::Respond`]), so that `render` cannot fail. Everything is in the order in which it
//! is to be written; equal models render to equal bytes.

mod action;
mod retry;
mod upstream;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use session_persistence::config::Rule;

pub use self::action::{
    Action, Forward, HeaderChange, HeaderChanges, Mirror, PathChange, Redirect, RedirectPort,
};
pub use self::upstream::{Authorities, SubjectName, UpstreamTls};

pub use self::retry::{Limit, Retry, Timeouts};
pub use crate::http_value::{Allowed, Cors, Origin, OriginHost, RedirectStatus, Scheme};
use crate::pem::{CertificateChain, PrivateKey};

/// Everything one Envoy serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// One per address to bind, by address.
    pub listeners: Vec<Listener>,
    /// By name; [`Action::Forward`] names them.
    pub clusters: Vec<Cluster>,
}

/// One bound address: the listeners of a Gateway that share a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Unique: `namespace/gateway/port`.
    pub name: String,
    /// The address to bind.
    pub bind: SocketAddr,
    /// The port that clients know it by: the Gateway's, whatever is bound.
    pub port: u16,
    /// What it speaks, and what it serves in that.
    pub protocol: Protocol,
}

/// What clients of a listener speak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP in the clear.
    Http {
        /// By domain; each domain once.
        virtual_hosts: Vec<VirtualHost>,
    },
    /// HTTP over TLS: at least one site, by domain; each domain once. A client that asks for none of them gets no
    /// connection.
    Https {
        /// What each hostname of a TLS handshake gets.
        sites: Vec<Site>,
    },
}

/// What the clients get that ask for a hostname in their TLS handshake (SNI): a listener of the Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// The hostnames it is for; with [`Domain::Any`] also for clients that ask for none. Envoy prefers exact ones, then the
    /// longest wildcard.
    pub domain: Domain,
    /// At least one, each once; Envoy takes the first that fits the client.
    pub certificates: Vec<Certificate>,
    /// Whom it connects with.
    pub clients: Clients,
    /// By domain; each domain once. Those of other sites are here as well, to answer 421: a client may reuse a connection for
    /// another hostname of the certificate (RFC 9113 section 9.1.1), and must not get there what the other site serves.
    pub virtual_hosts: Vec<VirtualHost>,
}

/// Whom a site connects with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clients {
    /// Anybody: nobody is asked for a certificate.
    Anybody,
    /// Those with a certificate that one of these authorities has signed.
    SignedBy(CertificateChain),
    /// Anybody: they are asked for a certificate of these authorities, and need none.
    AskedFor(CertificateChain),
}

/// A certificate and its private key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Certificate {
    /// The certificate, and those that lead from it to one that clients know.
    pub chain: CertificateChain,
    /// The key of the first one.
    pub key: PrivateKey,
}

impl Model {
    /// Whether there is a private key in it.
    #[must_use]
    pub fn holds_keys(&self) -> bool {
        self.listeners.iter().any(|listener| matches!(listener.protocol, Protocol::Https { .. }))
    }
}

impl Listener {
    /// All virtual hosts, those of one site behind those of another.
    pub fn virtual_hosts(&self) -> impl Iterator<Item = &VirtualHost> {
        let (http, https) = match &self.protocol {
            Protocol::Http { virtual_hosts } => (virtual_hosts.as_slice(), [].as_slice()),
            Protocol::Https { sites } => ([].as_slice(), sites.as_slice()),
        };
        http.iter().chain(https.iter().flat_map(|site| &site.virtual_hosts))
    }

    /// All virtual hosts, to be changed.
    pub fn virtual_hosts_mut(&mut self) -> impl Iterator<Item = &mut VirtualHost> {
        let (http, https) = match &mut self.protocol {
            Protocol::Http { virtual_hosts } => (virtual_hosts.as_mut_slice(), [].as_mut_slice()),
            Protocol::Https { sites } => ([].as_mut_slice(), sites.as_mut_slice()),
        };
        http.iter_mut().chain(https.iter_mut().flat_map(|site| &mut site.virtual_hosts))
    }
}

/// What one hostname serves. A request that none of its routes match is answered 404.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualHost {
    /// The hostnames it is for. Envoy prefers exact ones, then the longest wildcard.
    pub domain: Domain,
    /// In the order of the Gateway API's precedence: the first match wins.
    pub routes: Vec<Route>,
}

/// The hostnames of a virtual host, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Domain {
    /// One hostname.
    Exact(String),
    /// `*.example.com`, held as `example.com`: any number of labels in front of it, at least one.
    Wildcard(String),
    /// Every hostname.
    Any,
}

/// One match of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `namespace/name/rule index/match index`, of a GRPCRoute with `grpc:` in front: the key of the plugin's table; `misdirected` for what belongs to another
    /// site. Where backends are told apart, the backendRef's index stands behind that. Equal names in one listener mean
    /// the same rule and share: one route in several virtual hosts, or one for new sessions and one for old.
    pub name: String,
    /// Which requests it is for.
    pub matches: RouteMatch,
    /// Which of those it takes.
    pub portion: Portion,
    /// What becomes of them.
    pub action: Action,
    /// What changes in the headers of the request on its way to the endpoint.
    pub request_headers: HeaderChanges,
    /// What changes in the headers of the answer, whoever gave it.
    pub response_headers: HeaderChanges,
    /// What scripts of other sites may do, if anybody asked for an answer to that.
    pub cors: Option<Cors>,
    /// The rule's session persistence, if it has any: with [`Action::Forward`], or where another share forwards.
    pub persistence: Option<Rule>,
}

/// Which of the requests that match it a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Portion {
    /// All that no route in front took.
    All,
    /// Those whose number is below this. Each request has one number below a million, at random, for all routes.
    Below(u32),
    /// Those whose session belongs to this share ([`Rule::share`]).
    Sessions(String),
}

/// Which requests a route is for: all conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMatch {
    /// The path, without the query.
    pub path: PathMatch,
    /// The method, if it matters.
    pub method: Option<String>,
    /// Conditions on headers, names in lower case, each name once.
    pub headers: Vec<ValueMatch>,
    /// Conditions on query parameters, each name once.
    pub query: Vec<ValueMatch>,
}

/// A condition on the path of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// Whole segments from the front, without a slash at the end; `/` stands for every path.
    Prefix(String),
    /// An RE2 expression for the whole path.
    Regex(String),
}

/// A condition on a named value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueMatch {
    /// The name of the header or query parameter.
    pub name: String,
    /// The condition.
    pub value: TextMatch,
}

/// A condition on a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// The whole text.
    Exact(String),
    /// An RE2 expression for the whole text.
    Regex(String),
}

/// Endpoints that requests are spread over: those of one rule, however many backends it has, since a cluster is chosen before
/// the session is looked at, and weighted clusters would throw their die on every request of a session; or those of one
/// backendRef where they are told apart ([`Portion`]); or those of a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Unique: `namespace/name/rule index`, of a GRPCRoute with `grpc:` in front; behind that the backendRef's index where they
    /// are told apart, and `mirror` and its index.
    pub name: String,
    /// Whether requests can be pinned to one of its endpoints.
    pub persistent: bool,
    /// What its requests are.
    pub traffic: Traffic,
    /// What its endpoints speak.
    pub version: HttpVersion,
    /// How long a request to it may take, if that has a bound: a failover must fit in.
    pub within: Option<Duration>,
    /// One per backendRef, in the manifest's order.
    pub localities: Vec<Locality>,
}

/// What the requests to a cluster are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// Any requests: those that cannot be sent for want of a backend are answered 500.
    Http,
    /// Calls of gRPC: the same are `UNAVAILABLE`, which Envoy makes of 503.
    Grpc,
}

/// A version of HTTP that endpoints speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, in the clear without an upgrade.
    Http2,
}

/// One backendRef.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locality {
    /// Unique in its cluster: `namespace/service:port`, with `#2` and so on behind a repeated one.
    pub name: String,
    /// Its share of the new sessions; with 0 it keeps those it has.
    pub weight: u32,
    /// Where its requests go.
    pub endpoints: Endpoints,
    /// How they get there: in the clear, if there is nothing.
    pub tls: Option<Arc<UpstreamTls>>,
}

/// Where the requests of a backendRef go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// To these addresses, sorted, each once; none: its share of the requests is answered 503.
    Addresses(Vec<Endpoint>),
    /// To every address that these names resolve to: at least one, sorted, each once.
    Names(Vec<Name>),
    /// The reference did not resolve: its share of the requests is refused as the cluster's [`Traffic`] wants (Gateway API,
    /// `HTTPBackendRef`, `GRPCBackendRef`).
    Unresolved,
}

/// One address of a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// What it serves.
    pub state: EndpointState,
}

/// What an endpoint serves. All keep their sessions; the first alone gets new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointState {
    /// Everything.
    Serving,
    /// It terminates but still serves.
    Draining,
    /// It is another address of a pod that is among the endpoints: were it given new sessions, that pod would get twice
    /// its share.
    Alternative,
}

/// A name to look up.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The hostname, without a dot at the end.
    pub host: String,
    /// The port.
    pub port: u16,
}
