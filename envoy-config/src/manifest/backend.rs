//! Backend, a kind of Envoy Gateway (gateway.envoyproxy.io/v1alpha1): addresses and hostnames without a Service.

use std::net::{IpAddr, SocketAddr};

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known, Unsupported};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{boolean, parsed, port, string, word};
use crate::source::Spanned;

/// The API group of Envoy Gateway.
pub(crate) const GROUP: &str = "gateway.envoyproxy.io";

/// A Backend of the type `Endpoints`. `tls` and `fallback` are not supported.
#[derive(Clone, Debug)]
pub struct Backend {
    /// `endpoints`: at least one.
    pub endpoints: Vec<Spanned<BackendEndpoint>>,
    /// `appProtocols`.
    pub app_protocols: Vec<Spanned<AppProtocol>>,
}

/// An endpoint of a Backend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BackendEndpoint {
    /// `ip`.
    Ip(SocketAddr),
    /// `fqdn`.
    Fqdn {
        /// `hostname`.
        hostname: String,
        /// `port`.
        port: u16,
    },
}

/// The protocol of a Backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AppProtocol {
    /// `gateway.envoyproxy.io/h2c`: HTTP/2 without TLS.
    H2c,
    /// `gateway.envoyproxy.io/ws`: WebSocket over HTTP/1.1.
    Ws,
    /// `gateway.envoyproxy.io/wss`: WebSocket over HTTP/1.1 with TLS.
    Wss,
}

const BACKEND: Known = Known {
    read: &["type", "endpoints", "appProtocols", "fallback"],
    unread: &[],
    unsupported: &[Unsupported {
        name: "tls",
        consequence: "connections to the backend would not be encrypted",
        hint: "remove the field, and attach a BackendTLSPolicy to the Backend",
    }],
};

const ENDPOINT: Known = Known {
    read: &["ip", "fqdn", "unix"],
    unread: &["zone"],
    unsupported: &[Unsupported {
        name: "hostname",
        consequence: "the certificate of the endpoint would not be checked against it",
        hint: "remove the field, and set the hostname in a BackendTLSPolicy",
    }],
};

const IP: Known = Known { read: &["address", "port"], unread: &[], unsupported: &[] };

const FQDN: Known = Known { read: &["hostname", "port"], unread: &[], unsupported: &[] };

const APP_PROTOCOLS: [(&str, AppProtocol); 3] = [
    ("gateway.envoyproxy.io/h2c", AppProtocol::H2c),
    ("gateway.envoyproxy.io/ws", AppProtocol::Ws),
    ("gateway.envoyproxy.io/wss", AppProtocol::Wss),
];

/// `spec` of a Backend.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<Backend> {
    let fields = Fields::of(at, &BACKEND, findings)?;
    let resolves =
        fields.optional("type", findings, word(&[("Endpoints", false), ("DynamicResolver", true)]));
    if resolves.is_some_and(|resolves| resolves.value) {
        let path = FieldPath::Field(&at.path, "type");
        let message =
            "`type: DynamicResolver` is not supported: requests would go to any host that a client names";
        let span = fields.entry("type").map_or(at.span(), |entry| entry.value.span);
        return findings.reject(
            path.place(Diagnostic::error(Code::NotSupported, span, message))
                .hint("write `type: Endpoints`, and list the endpoints"),
        );
    }
    fields.optional("fallback", findings, |at, findings| {
        let fallback = boolean(at, findings)?;
        fallback.then(|| findings.add(at.error(Code::NotSupported, "field `fallback` is not supported: the backend would also get requests while other backends are healthy")))
    });
    let endpoints = fields.required("endpoints", findings, endpoints);
    let app_protocol = |at: At<'_>, findings: &mut Findings| word(&APP_PROTOCOLS)(at, findings);
    let app_protocols = fields
        .optional("appProtocols", findings, |at, findings| list(at, 0..=usize::MAX, findings, app_protocol));
    Some(Backend { endpoints: endpoints?, app_protocols: app_protocols.unwrap_or_default() })
}

fn endpoints(at: At<'_>, findings: &mut Findings) -> Option<Vec<Spanned<BackendEndpoint>>> {
    let endpoints = list(at, 1..=64, findings, endpoint)?;
    let named = |endpoint: &Spanned<BackendEndpoint>| matches!(endpoint.value, BackendEndpoint::Fqdn { .. });
    if endpoints.iter().any(named) && !endpoints.iter().all(named) {
        return findings.reject(
            at.error(Code::ConflictingFields, "a Backend cannot have both `fqdn` and `ip` endpoints"),
        );
    }
    Some(endpoints)
}

fn endpoint(at: At<'_>, findings: &mut Findings) -> Option<Spanned<BackendEndpoint>> {
    let fields = Fields::of(at, &ENDPOINT, findings)?;
    let written = ["ip", "fqdn", "unix"].into_iter().filter(|name| fields.has(name)).count();
    if written != 1 {
        let code = if written == 0 { Code::MissingField } else { Code::ConflictingFields };
        return findings
            .reject(at.error(code, "an endpoint must have exactly one of `ip`, `fqdn` and `unix`"));
    }
    if let Some(entry) = fields.entry("unix") {
        let path = FieldPath::Field(&at.path, "unix");
        let message = "Unix sockets are not supported as endpoints: sessions cannot be pinned to them";
        let error = Diagnostic::error(Code::NotSupported, entry.key.span, message);
        return findings.reject(path.place(error));
    }
    let value = fields.optional("ip", findings, ip).or_else(|| fields.optional("fqdn", findings, fqdn))?;
    Some(Spanned { value, span: at.span() })
}

fn ip(at: At<'_>, findings: &mut Findings) -> Option<BackendEndpoint> {
    let fields = Fields::of(at, &IP, findings)?;
    let address = fields.required("address", findings, |at, findings| {
        let text = string(at, findings)?;
        text.value.parse::<IpAddr>().ok().or_else(|| {
            findings
                .reject(at.error(Code::InvalidIpAddress, format!("{:?} is not an IP address", text.value)))
        })
    });
    let port = fields.required("port", findings, port);
    Some(BackendEndpoint::Ip(SocketAddr::new(address?, port?.value)))
}

fn fqdn(at: At<'_>, findings: &mut Findings) -> Option<BackendEndpoint> {
    let fields = Fields::of(at, &FQDN, findings)?;
    let hostname: Option<Spanned<String>> =
        fields.required("hostname", findings, parsed(Code::InvalidHostname, names::subdomain));
    let port = fields.required("port", findings, port);
    Some(BackendEndpoint::Fqdn { hostname: hostname?.value, port: port?.value })
}
