//! Models for the tests, and functions to build them.

use std::net::SocketAddr;
use std::time::Duration;

use envoy_config::limits::Limits;
use envoy_config::model::{
    Action, ActiveCheck, Allowed, Backoff, Certificate, CircuitBreaker, ClientCertificates, Cluster,
    ClusterSettings, Cors, Domain, Endpoint, EndpointState, Endpoints, Forward, HashInput, HeaderChanges,
    Health, HttpVersion, Limit, Listener, LoadBalancing, Locality, Mirror, Model, Name, Origin, OriginHost,
    OutlierDetection, PathChange, PathMatch, Probe, Protocol, Redirect, RedirectPort, RedirectStatus,
    RequestSubset, Retry, RetryCondition, RetryLimit, Route, RouteMatch, Scheme, SecureOn, Site, TextMatch,
    Timeouts, Traffic, ValueMatch, VirtualHost,
};
use envoy_config::options::AccessLog;
use envoy_config::pem::{CertificateChain, PrivateKey};
use envoy_config::render::Options;
use session_persistence::config::{OnEndpointLost, Pin, PluginConfig, Rule};

pub(crate) fn options() -> Options {
    Options {
        admin: address("127.0.0.1:9901").into(),
        module: String::from("session_persistence.wasm"),
        system_authorities: String::from("/etc/ssl/certs/ca-certificates.crt"),
        limits: Limits::default(),
        pin: Pin::default(),
        access_log: AccessLog::default(),
    }
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// A rule by its JSON.
pub(crate) fn rule(json: &str) -> Rule {
    let document = format!(r#"{{"rule": {json}}}"#);
    match PluginConfig::parse(document.as_bytes()).unwrap() {
        PluginConfig::Route(config) => config.rule,
        PluginConfig::Table(table) => panic!("{table:?}"),
    }
}

pub(crate) fn cookie_rule() -> Rule {
    rule(
        r#"{"id": "default/cookie@4f2a9c0d71b6e835", "absolute_timeout": "10s",
            "cookie": {"name": "Session-A", "path": "/", "lifetime": "permanent", "secure": false}}"#,
    )
}

pub(crate) fn header_rule() -> Rule {
    rule(
        r#"{"id": "default/header@4f2a9c0d71b6e835", "header": {"name": "session-a"}, "idle_timeout": "5s"}"#,
    )
}

pub(crate) fn route(name: &str, path: PathMatch, action: Action, persistence: Option<Rule>) -> Route {
    let matches = RouteMatch { path, method: None, headers: Vec::new(), query: Vec::new() };
    Route {
        name: name.to_owned(),
        matches,
        action,
        request_headers: HeaderChanges::default(),
        response_headers: HeaderChanges::default(),
        cors: None,
        external_auth: Vec::new(),
        subset: RequestSubset::All,
        secure_cookie: SecureOn::default(),
        hidden: None,
        persistence,
    }
}

pub(crate) fn forward(cluster: &str) -> Action {
    Action::Forward(Forward::to(cluster))
}

pub(crate) fn prefix(path: &str) -> PathMatch {
    PathMatch::Prefix(path.to_owned())
}

pub(crate) fn listener(port: u16, virtual_hosts: Vec<VirtualHost>) -> Listener {
    Listener {
        name: format!("default/eg/{port}"),
        bind: SocketAddr::from(([127, 0, 0, 1], port)),
        port,
        protocol: Protocol::Http { virtual_hosts },
    }
}

pub(crate) fn https(port: u16, sites: Vec<Site>) -> Listener {
    Listener { protocol: Protocol::Https { sites }, ..listener(port, Vec::new()) }
}

pub(crate) fn site(domain: Domain, virtual_hosts: Vec<VirtualHost>) -> Site {
    Site {
        domain,
        certificates: vec![certificate("MAMCAQE=")],
        client_certificates: ClientCertificates::NotRequested,
        virtual_hosts,
    }
}

/// A certificate and a key with this base64: a DER sequence.
pub(crate) fn certificate(body: &str) -> Certificate {
    let block = |label| format!("-----BEGIN {label}-----\n{body}\n-----END {label}-----\n");
    Certificate {
        secret: String::from("default/certificate"),
        chain: CertificateChain::parse(block("CERTIFICATE").as_bytes()).unwrap(),
        key: PrivateKey::parse(block("PRIVATE KEY").as_bytes()).unwrap(),
    }
}

pub(crate) fn host(domain: Domain, routes: Vec<Route>) -> VirtualHost {
    VirtualHost { domain, routes }
}

pub(crate) fn serving(text: &str) -> Endpoint {
    Endpoint { address: address(text), state: EndpointState::Serving, pod: None }
}

pub(crate) fn draining(text: &str) -> Endpoint {
    Endpoint { address: address(text), state: EndpointState::Draining, pod: None }
}

pub(crate) fn locality(name: &str, weight: u32, endpoints: Endpoints) -> Locality {
    Locality { name: name.to_owned(), weight, endpoints, tls: None }
}

pub(crate) fn cluster(name: &str, localities: Vec<Locality>) -> Cluster {
    Cluster {
        name: name.to_owned(),
        identity: name.to_owned(),
        persistent: true,
        on_endpoint_lost: OnEndpointLost::default(),
        traffic: Traffic::Http,
        version: HttpVersion::Http1,
        within: None,
        settings: ClusterSettings::default(),
        localities,
    }
}

fn http_probe() -> Probe {
    Probe::Http {
        host: String::from("a"),
        path: String::from("/?"),
        method: "POST",
        expected: vec![200, 201, 599],
        retriable: vec![503],
        body: Some(vec![0]),
        contains: Some(vec![255]),
    }
}

pub(crate) fn outlier_detection() -> OutlierDetection {
    OutlierDetection {
        split_local_origin: true,
        interval: Duration::from_millis(1),
        local_origin_failures: 0,
        gateway_errors: Some(1),
        server_errors: u32::MAX,
        base_ejection_time: Duration::from_millis(1),
        max_ejection_percent: 100,
        failure_percentage: Some(0),
        always_eject_one: true,
    }
}

/// Settings of every kind.
fn settings(load_balancing: LoadBalancing, probe: Probe) -> ClusterSettings {
    ClusterSettings {
        circuit_breaker: Some(CircuitBreaker {
            connections: 0,
            pending_requests: 1,
            requests: 2,
            retries: RetryLimit::Budget { millionths: 125_000, least: 3 },
            requests_per_connection: Some(u32::MAX),
            connections_per_endpoint: Some(4),
        }),
        connect_timeout: Some(Duration::from_millis(1)),
        connection_idle_timeout: Some(Limit::Never),
        connection_duration: Some(Duration::from_hours(4 * 99_999)),
        connection_buffer: Some(1),
        load_balancing,
        health: Health {
            active: Some(ActiveCheck {
                timeout: Duration::from_millis(1),
                interval: Duration::from_millis(1),
                initial_jitter: Some(Duration::from_millis(1)),
                unhealthy_threshold: 1,
                healthy_threshold: u32::MAX,
                probe,
                port: Some(1),
            }),
            outliers: Some(outlier_detection()),
            panic_percent: Some(0),
        },
        preconnect_percent: Some(105),
    }
}

pub(crate) fn hostname(host: &str, port: u16) -> Endpoints {
    Endpoints::Names(vec![Name { host: host.to_owned(), port }])
}

pub(crate) fn exact(name: &str, value: &str) -> ValueMatch {
    ValueMatch { name: name.to_owned(), value: TextMatch::Exact(value.to_owned()) }
}

pub(crate) fn regex(name: &str, value: &str) -> ValueMatch {
    ValueMatch { name: name.to_owned(), value: TextMatch::Regex(value.to_owned()) }
}

/// One listener with one route to one cluster.
pub(crate) fn single(cluster: Cluster) -> Model {
    let persistence = cluster.persistent.then(cookie_rule);
    let route = route("default/cookie/0/0", prefix("/"), forward(&cluster.name), persistence);
    Model { listeners: vec![listener(8888, vec![host(Domain::Any, vec![route])])], clusters: vec![cluster] }
}

/// A CORS policy with every kind of origin.
pub(crate) fn cors() -> Cors {
    let site = |host, port| Origin::Site { scheme: Scheme::Https, host, port };
    Cors {
        origins: vec![
            Origin::Any,
            site(OriginHost::Any, Some(443)),
            site(OriginHost::Exact(String::from("a.example")), None),
            site(OriginHost::Within(String::from("example")), Some(8443)),
        ],
        credentials: true,
        methods: Allowed::All,
        request_headers: Allowed::Names(vec![String::from("a"), String::from("b")]),
        response_headers: Allowed::Names(Vec::new()),
        max_age: 5,
    }
}

/// Routes with all effects of filters.
fn filtered() -> Vec<Route> {
    let mut headers = HeaderChanges::default();
    headers.set("x-set", "100%");
    headers.add("x-set", "more");
    headers.add("x-add", "one");
    headers.remove("x-gone");
    let changes = [
        PathChange::Full(String::from("/full%20")),
        PathChange::Prefix { matched: String::from("/a"), replacement: String::new() },
        PathChange::Prefix { matched: String::new(), replacement: String::from("/a") },
        PathChange::PrefixOfSome { matched: String::from("/a.b"), replacement: String::from(r"/\1") },
        PathChange::PrefixOfSome { matched: String::new(), replacement: String::from("/a") },
    ];
    let cors = cors();
    let mut routes = Vec::new();
    for (number, change) in changes.into_iter().enumerate() {
        let redirect = Redirect {
            scheme: None,
            hostname: None,
            port: RedirectPort::OfScheme,
            path: Some(change.clone()),
            status: RedirectStatus::PermanentRedirect,
        };
        let rewrite = Forward {
            hostname: Some(String::from("example.org")),
            path: Some(change),
            mirrors: vec![Mirror::of("default/b/0", 200_000)],
            ..Forward::to("default/a/0")
        };
        for action in [Action::Redirect(redirect), Action::Forward(rewrite)] {
            routes.push(Route {
                request_headers: headers.clone(),
                response_headers: headers.clone(),
                cors: Some(cors.clone()),
                ..route(&format!("default/f/0/{number}"), prefix("/a"), action, None)
            });
        }
    }
    for route in &mut routes {
        route.matches.method = Some(String::from("GET"));
    }
    routes
}

/// Every part of a request that can be hashed.
fn hash_inputs() -> Vec<HashInput> {
    let cookie = |ttl| HashInput::Cookie {
        name: String::from("a"),
        ttl,
        attributes: [(String::from("Path"), String::from("/"))].into(),
    };
    vec![
        HashInput::ClientAddress,
        HashInput::Header(String::from("x-user")),
        HashInput::QueryParameter(String::from("user")),
        cookie(None),
        cookie(Some(Duration::ZERO)),
    ]
}

/// Routes with every kind of timeout and retry.
fn with_timeouts_and_retries() -> Vec<Route> {
    let limits = [None, Some(Limit::Never), Some(Limit::After(Duration::from_millis(1500)))];
    let longest = Some(Limit::After(Duration::from_hours(4 * 99_999)));
    let timeouts = limits.into_iter().flat_map(|request| {
        limits.into_iter().chain([longest]).map(move |attempt| Timeouts {
            request,
            attempt,
            idle: attempt,
            stream: Some(Duration::from_millis(1)),
        })
    });
    let retries = [
        None,
        Some(Retry {
            conditions: vec![RetryCondition::Reset],
            statuses: Vec::new(),
            attempts: 1,
            backoff: Some(Backoff::Average(Duration::ZERO)),
        }),
        Some(Retry {
            conditions: vec![RetryCondition::Reset],
            statuses: vec![429, 500],
            attempts: u32::MAX,
            backoff: Some(Backoff::Average(Duration::from_hours(4 * 99_999))),
        }),
        Some(Retry {
            conditions: vec![
                RetryCondition::ServerError,
                RetryCondition::GatewayError,
                RetryCondition::Conflict,
                RetryCondition::Cancelled,
                RetryCondition::DeadlineExceeded,
                RetryCondition::Internal,
                RetryCondition::ResourceExhausted,
                RetryCondition::Unavailable,
            ],
            statuses: Vec::new(),
            attempts: 0,
            backoff: Some(Backoff::Within {
                base: Duration::from_millis(1),
                longest: Duration::from_hours(4 * 99_999),
            }),
        }),
    ];
    let mut routes = Vec::new();
    for (number, timeouts) in timeouts.enumerate() {
        for (other, retry) in retries.iter().enumerate() {
            let forward = Forward {
                timeouts,
                retry: retry.clone().map(Box::new),
                hash: hash_inputs(),
                ..Forward::to("default/a/0")
            };
            let name = format!("default/p/{number}/{other}");
            let persistence = (number % 2 == 0).then(cookie_rule);
            routes.push(route(&name, prefix("/timeouts"), Action::Forward(forward), persistence));
        }
    }
    routes
}

/// A model with all features.
pub(crate) fn everything() -> Model {
    let matches = RouteMatch {
        path: PathMatch::Exact(String::from("/login")),
        method: Some(String::from("POST")),
        headers: vec![exact("x-version", "2"), regex("user-agent", ".*curl/[0-9]+.*")],
        query: vec![exact("debug", "yes"), regex("page", "[0-9]{1,3}")],
    };
    let particular =
        Route { matches, ..route("default/a/0/0", prefix("/"), forward("default/a/0"), Some(header_rule())) };
    let routes = vec![
        particular,
        route("default/a/0/1", prefix("/shop"), forward("default/a/0"), Some(cookie_rule())),
        route("default/a/1/0", PathMatch::Regex(String::from("/v[0-9]+/.*")), forward("default/a/1"), None),
        route("default/a/2/0", prefix("/"), Action::Respond(500), None),
    ];
    let weighted = vec![
        locality(
            "default/v1:80",
            70,
            Endpoints::Addresses(vec![serving("10.0.0.1:8080"), draining("10.0.0.2:8080")]),
        ),
        locality("default/v2:80", 30, Endpoints::Unresolved),
        locality("default/v3:80", 0, Endpoints::Addresses(vec![serving("[fd00::1]:8080")])),
        locality("default/v4:80", 1, Endpoints::Addresses(Vec::new())),
    ];
    let named = vec![
        locality("default/web:80", 1, hostname("web.default.svc.cluster.local", 80)),
        locality("default/v1:80", 1, Endpoints::Addresses(vec![serving("10.0.0.1:8080")])),
    ];
    let retired = vec![locality("default/v3:80", 0, Endpoints::Addresses(vec![serving("10.0.0.3:8080")]))];
    let empty = vec![
        locality("default/v4:80", 1, Endpoints::Addresses(Vec::new())),
        locality("default/v3:80", 0, Endpoints::Addresses(vec![serving("10.0.0.3:8080")])),
    ];
    let hosts = |routes: &[Route]| {
        vec![
            host(Domain::Exact(String::from("example.com")), routes.to_vec()),
            host(Domain::Wildcard(String::from("example.com")), routes.to_vec()),
            host(
                Domain::Any,
                [filtered(), vec![route("default/b/0/0", prefix("/"), forward("default/b/0"), None)]]
                    .concat(),
            ),
        ]
    };
    let sites = vec![
        site(Domain::Exact(String::from("example.com")), hosts(&routes)),
        site(Domain::Wildcard(String::from("example.com")), Vec::new()),
        site(Domain::Any, Vec::new()),
    ];
    Model {
        listeners: vec![
            listener(8888, hosts(&routes)),
            listener(8889, Vec::new()),
            listener(8890, vec![host(Domain::Any, with_timeouts_and_retries())]),
            https(8443, sites),
        ],
        clusters: vec![
            cluster("default/a/0", weighted),
            Cluster {
                persistent: false,
                version: HttpVersion::Http2,
                traffic: Traffic::Grpc,
                ..cluster("default/a/1", named)
            },
            cluster("default/b/0", retired),
            Cluster { within: Some(Duration::from_millis(1)), ..cluster("default/b/1", empty) },
            Cluster {
                settings: settings(LoadBalancing::Random, http_probe()),
                ..cluster("default/b/2", Vec::new())
            },
            Cluster {
                settings: settings(
                    LoadBalancing::LeastRequest { slow_start: Some(Duration::from_millis(1)) },
                    Probe::Tcp { send: Some(b"PING".to_vec()), receive: Some(b"PONG".to_vec()) },
                ),
                ..cluster("default/b/3", Vec::new())
            },
            Cluster {
                persistent: false,
                version: HttpVersion::Http2,
                settings: settings(
                    LoadBalancing::ConsistentHash { table_size: 2 },
                    Probe::Grpc { host: String::from("a"), service: String::new() },
                ),
                ..cluster("default/b/4", Vec::new())
            },
        ],
    }
}
