//! `active` (`ActiveHealthCheck`): Envoy asks endpoints whether they are healthy, over HTTP, TCP or gRPC.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::unsupported;
use crate::diagnostic::Code;
use crate::manifest::backend_traffic_policy::retry::statuses;
use crate::manifest::backend_traffic_policy::{positive_time, time};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{integer, parsed, port, string, word};
use crate::source::{Span, Spanned};

/// `active`, with the defaults of the API.
#[derive(Clone, Debug)]
pub struct ActiveHealthCheck {
    /// `timeout` of a check: 1 second by default.
    pub timeout: Duration,
    /// `interval` between checks: 3 seconds by default.
    pub interval: Duration,
    /// `initialJitter`: the longest random wait before the first check.
    pub initial_jitter: Option<Duration>,
    /// `unhealthyThreshold`: failed checks that make an endpoint unhealthy, 3 by default.
    pub unhealthy_threshold: u32,
    /// `healthyThreshold`: passed checks that make an endpoint healthy, 1 by default.
    pub healthy_threshold: u32,
    /// `type`, with `http`, `tcp` or `grpc`.
    pub checker: Checker,
    /// The place of `type`.
    pub type_span: Span,
    /// `overrides.port`; by default the port of the endpoint.
    pub port: Option<u16>,
}

/// What is asked.
#[derive(Clone, Debug)]
pub enum Checker {
    /// `http`.
    Http(HttpChecker),
    /// `tcp`: without payloads, that a connection can be made.
    Tcp {
        /// `send`.
        send: Option<Vec<u8>>,
        /// `receive`.
        receive: Option<Vec<u8>>,
    },
    /// `grpc`: the standard health service.
    Grpc {
        /// `service`; empty for the whole server.
        service: String,
    },
}

/// `http`.
#[derive(Clone, Debug)]
pub struct HttpChecker {
    /// `hostname`; by default that of the route.
    pub hostname: Option<String>,
    /// `path`.
    pub path: String,
    /// `method`, in capitals: `GET` by default.
    pub method: &'static str,
    /// `expectedStatuses`, sorted, without duplicates: 200 by default.
    pub expected_statuses: Vec<u16>,
    /// `retriableStatuses`, sorted, without duplicates: they count towards `unhealthyThreshold`.
    pub retriable_statuses: Vec<u16>,
    /// `expectedResponse`: what the body contains.
    pub expected_response: Option<Vec<u8>>,
    /// `requestBody`, with `POST` or `PUT`.
    pub request_body: Option<Vec<u8>>,
}

/// `type`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    Tcp,
    Grpc,
}

const ACTIVE: Known = Known {
    read: &[
        "timeout",
        "interval",
        "initialJitter",
        "unhealthyThreshold",
        "healthyThreshold",
        "type",
        "http",
        "tcp",
        "grpc",
        "overrides",
    ],
    unread: &[],
    unsupported: &[unsupported("healthCheckLog", "the results of health checks would not be logged")],
};

const HTTP: Known = Known {
    read: &[
        "hostname",
        "path",
        "method",
        "expectedStatuses",
        "retriableStatuses",
        "expectedResponse",
        "requestBody",
    ],
    unread: &[],
    unsupported: &[],
};

const TCP: Known = Known { read: &["send", "receive"], unread: &[], unsupported: &[] };

const GRPC: Known = Known { read: &["service"], unread: &[], unsupported: &[] };

const OVERRIDES: Known = Known { read: &["port"], unread: &[], unsupported: &[] };

const PAYLOAD: Known = Known { read: &["type", "text", "binary"], unread: &[], unsupported: &[] };

/// Envoy's health checks have no `CONNECT`.
const METHODS: [&str; 8] = ["GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"];

pub(super) fn read(at: At<'_>, findings: &mut Findings) -> Option<ActiveHealthCheck> {
    let fields = Fields::of(at, &ACTIVE, findings)?;
    let timeout = fields.or("timeout", Duration::from_secs(1), findings, positive_time);
    let interval = fields.or("interval", Duration::from_secs(3), findings, positive_time);
    let initial_jitter = fields.optional("initialJitter", findings, time);
    let unhealthy_threshold = fields.or("unhealthyThreshold", 3, findings, threshold);
    let healthy_threshold = fields.or("healthyThreshold", 1, findings, threshold);
    let kinds = [("HTTP", Kind::Http), ("TCP", Kind::Tcp), ("GRPC", Kind::Grpc)];
    let kind = fields.required("type", findings, word(&kinds));
    let http = fields.optional("http", findings, http);
    let tcp = fields.optional("tcp", findings, tcp);
    let grpc = fields.optional("grpc", findings, grpc);
    let port = fields.optional("overrides", findings, |at, findings| {
        Fields::of(at, &OVERRIDES, findings)?.optional("port", findings, port)
    });
    let Spanned { value: kind, span: type_span } = kind?;
    for (field, own) in [("http", Kind::Http), ("tcp", Kind::Tcp), ("grpc", Kind::Grpc)] {
        if fields.has(field) && kind != own {
            let message = format!("field `{field}` does not belong to this `type`");
            findings.add(at.error(Code::MisplacedField, message));
        } else if !fields.has(field) && kind == own && own != Kind::Grpc {
            let message = format!("missing field `{field}`, which this `type` requires");
            findings.add(at.error(Code::MissingField, message));
        }
    }
    let checker = match kind {
        Kind::Http => Checker::Http(http?),
        Kind::Tcp => tcp?,
        Kind::Grpc => Checker::Grpc { service: grpc.unwrap_or_default() },
    };
    Some(ActiveHealthCheck {
        timeout: timeout?,
        interval: interval?,
        initial_jitter: initial_jitter.filter(|time| !time.is_zero()),
        unhealthy_threshold: unhealthy_threshold?,
        healthy_threshold: healthy_threshold?,
        checker,
        type_span,
        port: port.map(|port| port.value),
    })
}

fn threshold(at: At<'_>, findings: &mut Findings) -> Option<u32> {
    integer(1..=u32::MAX)(at, findings).map(|threshold| threshold.value)
}

fn http(at: At<'_>, findings: &mut Findings) -> Option<HttpChecker> {
    let fields = Fields::of(at, &HTTP, findings)?;
    let hostname = fields.optional("hostname", findings, parsed(Code::InvalidHostname, names::subdomain));
    let path = fields.required("path", findings, path);
    let method = fields.or("method", "GET", findings, method);
    let expected = fields.optional("expectedStatuses", findings, statuses);
    let retriable = fields.optional("retriableStatuses", findings, statuses);
    let expected_response = fields.optional("expectedResponse", findings, payload);
    let request_body = fields.optional("requestBody", findings, payload);
    let method = method?;
    if fields.has("requestBody") && !matches!(method, "POST" | "PUT") {
        let message = "`requestBody` is allowed only with `method: POST` and `method: PUT`";
        findings.add(at.error(Code::MisplacedField, message));
    }
    Some(HttpChecker {
        hostname: hostname.map(|hostname| hostname.value),
        path: path?,
        method,
        expected_statuses: expected.filter(|statuses| !statuses.is_empty()).unwrap_or_else(|| vec![200]),
        retriable_statuses: retriable.unwrap_or_default(),
        expected_response,
        request_body,
    })
}

fn path(at: At<'_>, findings: &mut Findings) -> Option<String> {
    const LONGEST: usize = 1024;
    let path = string(at, findings)?.value;
    if path.chars().count() > LONGEST {
        let found = path.chars().count();
        return findings.reject(at.wrong_length(found, LONGEST, "a path can have at most 1024 characters"));
    }
    if !path.starts_with('/') || path.contains(|c: char| !c.is_ascii_graphic()) {
        let message = "expected a path that starts with `/`, without spaces";
        return findings.reject(at.error(Code::InvalidPath, message));
    }
    Some(path)
}

fn method(at: At<'_>, findings: &mut Findings) -> Option<&'static str> {
    let written = string(at, findings)?.value;
    let known = METHODS.iter().find(|method| method.eq_ignore_ascii_case(&written)).copied();
    known.or_else(|| findings.reject(at.unknown_value(&written, METHODS)))
}

fn tcp(at: At<'_>, findings: &mut Findings) -> Option<Checker> {
    let fields = Fields::of(at, &TCP, findings)?;
    let send = fields.optional("send", findings, payload);
    let receive = fields.optional("receive", findings, payload);
    Some(Checker::Tcp { send, receive })
}

fn grpc(at: At<'_>, findings: &mut Findings) -> Option<String> {
    let fields = Fields::of(at, &GRPC, findings)?;
    Some(fields.optional("service", findings, string).map(|service| service.value).unwrap_or_default())
}

/// The bytes of an `ActiveHealthCheckPayload`: at least one.
fn payload(at: At<'_>, findings: &mut Findings) -> Option<Vec<u8>> {
    let fields = Fields::of(at, &PAYLOAD, findings)?;
    let kinds = [("Text", ("text", "binary")), ("Binary", ("binary", "text"))];
    let kind = fields.required("type", findings, word(&kinds));
    let text = fields.optional("text", findings, string);
    let binary = fields.optional("binary", findings, |at, findings| {
        let decode = |text: &str| STANDARD.decode(text).map_err(|_| "the payload is not base64");
        parsed(Code::InvalidBase64, decode)(at, findings)
    });
    let (own, other) = kind?.value;
    if fields.has(other) {
        let message = format!("field `{other}` does not belong to this `type`");
        findings.add(at.error(Code::MisplacedField, message));
    }
    if !fields.has(own) {
        let message = format!("missing field `{own}`, which this `type` requires");
        return findings.reject(at.error(Code::MissingField, message));
    }
    let bytes = if own == "text" { text?.value.into_bytes() } else { binary?.value };
    if bytes.is_empty() {
        return findings.reject(at.wrong_length(0, 1, "the payload is empty"));
    }
    Some(bytes)
}
