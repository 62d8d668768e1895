//! What Envoy serves, in this project's terms: made by `resolve`, written by `render`.
//!
//! It does not refer to manifests, and cannot be invalid: a reference that does not resolve is a value
//! ([`Endpoints::Unresolved`], [`Action::Respond`]), so `render` cannot fail because of it. Everything is in
//! the order in which it is written; equal models render to equal bytes.

mod action;
mod external_auth;
mod health;
mod retry;
mod sessions;
mod settings;
mod upstream;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use session_persistence::config::{OnEndpointLost, Rule};

pub use self::action::{
    Action, Forward, HashInput, HeaderChange, HeaderChanges, Mirror, PathChange, Redirect, RedirectPort,
};
pub use self::external_auth::{AuthProtocol, ExternalAuth};
pub use self::health::{ActiveCheck, Health, OutlierDetection, Probe};
pub use self::upstream::{CaCertificates, SubjectName, UpstreamTls};

pub use self::retry::{Backoff, Limit, Retry, RetryCondition, Timeouts};
pub use self::sessions::{CookieSettings, SecureOn, SessionSettings};
pub use self::settings::{CircuitBreaker, ClusterSettings, LoadBalancing, RetryLimit};
pub use crate::http_value::{Allowed, Cors, Origin, OriginHost, RedirectStatus, Scheme};
use crate::pem::{CertificateChain, PrivateKey};

/// Everything that one Envoy serves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Model {
    /// One for each address to bind, sorted by address.
    pub listeners: Vec<Listener>,
    /// Sorted by name; [`Action::Forward`] refers to them.
    pub clusters: Vec<Cluster>,
}

/// One bound address: the listeners of a Gateway that share a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listener {
    /// Unique: `namespace/gateway/port`.
    pub name: String,
    /// The address to bind.
    pub bind: SocketAddr,
    /// The port that clients know: that of the Gateway, whatever address is bound.
    pub port: u16,
    /// Its protocol, and what it serves.
    pub protocol: Protocol,
}

/// The protocol of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP without TLS.
    Http {
        /// Sorted by domain, without duplicates.
        virtual_hosts: Vec<VirtualHost>,
    },
    /// HTTPS: at least one site, sorted by domain, without duplicates. If a client's handshake names no site,
    /// the connection is closed.
    Https {
        /// What each hostname of a TLS handshake serves.
        sites: Vec<Site>,
    },
}

/// What clients get whose TLS handshake names one of its hostnames (SNI): a listener of the Gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its hostnames; [`Domain::Any`] includes clients that send no hostname. Envoy prefers exact hostnames,
    /// then the longest wildcard.
    pub domain: Domain,
    /// At least one, without duplicates. Envoy uses the first that the client supports.
    pub certificates: Vec<Certificate>,
    /// Which client certificates it requires.
    pub client_certificates: ClientCertificates,
    /// Sorted by domain, without duplicates. Hostnames of other sites are included and answer 421: a client
    /// may reuse a connection for another hostname of the certificate (RFC 9113 section 9.1.1), and must not
    /// reach the other site's routes with it.
    pub virtual_hosts: Vec<VirtualHost>,
}

/// Which client certificates a site requires.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// None: clients are not asked for a certificate.
    NotRequested,
    /// A certificate signed by one of these CA certificates.
    Required(CertificateChain),
    /// None: clients are asked for a certificate of these CAs, but do not need one.
    Optional(CertificateChain),
}

/// A certificate and its private key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Certificate {
    /// Its Secret: `namespace/name`. It stays the same when the certificate is renewed.
    pub secret: String,
    /// The certificate, followed by the intermediate certificates.
    pub chain: CertificateChain,
    /// The key of the first certificate.
    pub key: PrivateKey,
}

impl Model {
    /// Whether it contains a private key.
    #[must_use]
    pub fn holds_keys(&self) -> bool {
        self.listeners.iter().any(|listener| matches!(listener.protocol, Protocol::Https { .. }))
            || self.clusters.iter().any(|cluster| cluster.client_certificates().next().is_some())
    }
}

impl Cluster {
    /// Whether some requests get an error before they are routed to it, instead of endpoints that answer with an error: Envoy
    /// would find those unhealthy, or cannot have them beside DNS names.
    #[must_use]
    pub fn samples_errors(&self) -> bool {
        self.has_dns_names() || self.settings.health.is_judged()
    }

    /// The certificates that Envoy presents to its endpoints.
    pub fn client_certificates(&self) -> impl Iterator<Item = &Certificate> {
        let tls = self.localities.iter().filter_map(|locality| locality.tls.as_ref());
        tls.filter_map(|tls| tls.client_certificate.as_deref())
    }

    /// Whether some of its endpoints are DNS names.
    #[must_use]
    pub fn has_dns_names(&self) -> bool {
        self.localities.iter().any(|locality| matches!(locality.endpoints, Endpoints::Names(_)))
    }
}

impl Listener {
    /// All virtual hosts, site by site.
    pub fn virtual_hosts(&self) -> impl Iterator<Item = &VirtualHost> {
        let (http, https) = match &self.protocol {
            Protocol::Http { virtual_hosts } => (virtual_hosts.as_slice(), [].as_slice()),
            Protocol::Https { sites } => ([].as_slice(), sites.as_slice()),
        };
        http.iter().chain(https.iter().flat_map(|site| &site.virtual_hosts))
    }

    /// All virtual hosts, mutable.
    pub fn virtual_hosts_mut(&mut self) -> impl Iterator<Item = &mut VirtualHost> {
        let (http, https) = match &mut self.protocol {
            Protocol::Http { virtual_hosts } => (virtual_hosts.as_mut_slice(), [].as_mut_slice()),
            Protocol::Https { sites } => ([].as_mut_slice(), sites.as_mut_slice()),
        };
        http.iter_mut().chain(https.iter_mut().flat_map(|site| &mut site.virtual_hosts))
    }
}

/// What a hostname serves. A request that matches none of its routes gets 404.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VirtualHost {
    /// Its hostnames. Envoy prefers exact hostnames, then the longest wildcard.
    pub domain: Domain,
    /// In the Gateway API's order of precedence: the first match applies.
    pub routes: Vec<Route>,
}

/// The hostnames of a virtual host, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Domain {
    /// One hostname.
    Exact(String),
    /// `*.example.com`, stored as `example.com`: any number of labels before it, at least one.
    Wildcard(String),
    /// Every hostname.
    Any,
}

impl fmt::Display for Domain {
    /// The form in manifests and in Envoy's configuration: `*` is every hostname.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exact(name) => f.write_str(name),
            Self::Wildcard(suffix) => write!(f, "*.{suffix}"),
            Self::Any => f.write_str("*"),
        }
    }
}

/// One match of one rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// `namespace/name/rule index/match index`, with the prefix `grpc:` for a GRPCRoute: the key of the
    /// plugin's table. Routes of a split rule end with the index of the backendRef. `misdirected` for
    /// hostnames of another site. In one listener, routes with equal names have the same rule and share: one
    /// route in several virtual hosts, or one for new and one for existing sessions.
    pub name: String,
    /// The requests that it matches.
    pub matches: RouteMatch,
    /// Which of these requests it takes.
    pub subset: RequestSubset,
    /// What happens to them.
    pub action: Action,
    /// Changes to the headers of the request before it is forwarded.
    pub request_headers: HeaderChanges,
    /// Changes to the headers of the response, including those of Envoy's own.
    pub response_headers: HeaderChanges,
    /// The CORS policy, if the rule has one.
    pub cors: Option<Cors>,
    /// On which listeners the session cookie of the rule is `Secure`, if it has one.
    pub secure_cookie: SecureOn,
    /// The servers that must let a request pass, in their order, before it gets a session.
    pub external_auth: Vec<ExternalAuth>,
    /// The session persistence of the rule, with [`Action::Forward`] or if another share of the rule
    /// forwards.
    pub persistence: Option<Rule>,
    /// Without session persistence, for requests that sessions ignore: the rule whose session cookie backends do not see.
    pub hidden: Option<Rule>,
}

/// The subset of the matching requests that a route takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestSubset {
    /// All that earlier routes did not take.
    All,
    /// Those whose random number is below this. Each request has one random number below a million, for all routes.
    NumberBelow(u32),
    /// Those with a session on this share of a split rule ([`Rule::share`]); or, if the rule is strict and not split, with any
    /// session ([`UNSPLIT_SHARE`](session_persistence::names::UNSPLIT_SHARE)).
    SessionsOf(String),
}

/// A match: all conditions must hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteMatch {
    /// The path, without the query.
    pub path: PathMatch,
    /// The method; `None` matches any.
    pub method: Option<String>,
    /// Conditions on headers, with names in lower case, each name once.
    pub headers: Vec<ValueMatch>,
    /// Conditions on query parameters, each name once.
    pub query: Vec<ValueMatch>,
}

/// A condition on the path of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// The whole path.
    Exact(String),
    /// A prefix of whole segments, without a trailing slash; `/` matches every path.
    Prefix(String),
    /// An RE2 expression that must match the whole path.
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

/// A condition on a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TextMatch {
    /// The whole value.
    Exact(String),
    /// An RE2 expression that must match the whole value.
    Regex(String),
}

/// Endpoints between which Envoy balances requests: those of all backendRefs of one rule, because Envoy
/// chooses the cluster before it looks at the session (with weighted clusters, it would choose one at random
/// for each request of a session); or those of one backendRef of a split rule ([`RequestSubset`]), or of a mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cluster {
    /// Unique: `namespace/name/rule index`, with the prefix `grpc:` for a GRPCRoute; followed by the index of
    /// the backendRef in a split rule, and by `mirror` or `auth` and its index for a mirror or an authorization server. If listeners of a route have
    /// different policies, `@` and a policy follow the rule index.
    pub name: String,
    /// Unique, and independent of the order of rules and backendRefs, unlike the name: the id of its rule, followed by
    /// that backendRef or by `mirror` and its index.
    pub identity: String,
    /// Whether requests can be pinned to one of its endpoints.
    pub persistent: bool,
    /// What happens to them if that endpoint cannot serve.
    pub on_endpoint_lost: OnEndpointLost,
    /// The kind of its requests.
    pub traffic: Traffic,
    /// The version of HTTP that its endpoints use.
    pub version: HttpVersion,
    /// The limit for a request, if there is one: a failover must fit in.
    pub within: Option<Duration>,
    /// How Envoy treats the endpoints.
    pub settings: ClusterSettings,
    /// One for each backendRef, in the order of the manifest.
    pub localities: Vec<Locality>,
}

/// The kind of requests to a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Traffic {
    /// HTTP: requests that cannot be forwarded get 500.
    Http,
    /// gRPC: requests that cannot be forwarded get `UNAVAILABLE`, which Envoy makes from 503.
    Grpc,
}

/// The version of HTTP of endpoints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HttpVersion {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2, without an upgrade if there is no TLS.
    Http2,
}

/// One backendRef.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Locality {
    /// Unique in its cluster: `namespace/service:port`, with the suffix `#2` and so on for repeated ones.
    pub name: String,
    /// The weight for new sessions; with 0, existing sessions continue.
    pub weight: u32,
    /// The endpoints.
    pub endpoints: Endpoints,
    /// The TLS settings; `None` for plaintext.
    pub tls: Option<Arc<UpstreamTls>>,
}

/// The endpoints of a backendRef.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoints {
    /// These addresses, sorted, without duplicates. If there are none, requests for this backendRef get 503.
    Addresses(Vec<Endpoint>),
    /// All addresses that these DNS names resolve to: at least one name, sorted, without duplicates.
    Names(Vec<Name>),
    /// The reference did not resolve: requests for this backendRef get the error of the cluster's [`Traffic`]
    /// (Gateway API, `HTTPBackendRef`, `GRPCBackendRef`).
    Unresolved,
}

/// One address of a backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Endpoint {
    /// The address.
    pub address: SocketAddr,
    /// Which requests it gets.
    pub state: EndpointState,
    /// `namespace/name` of the pod that has the address, if it is known.
    pub pod: Option<String>,
}

/// Which requests an endpoint gets. All endpoints keep existing sessions; only `Serving` ones get new ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EndpointState {
    /// New and existing sessions.
    Serving,
    /// It is terminating but still serves.
    Draining,
    /// Another address of a pod that is among the endpoints. With new sessions, that pod would get twice as many
    /// as others.
    Alternative,
}

/// A DNS name to resolve.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Name {
    /// The hostname, without a trailing dot.
    pub host: String,
    /// The port.
    pub port: u16,
}
