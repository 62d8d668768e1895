//! XBackend (gateway.networking.x-k8s.io/v1alpha1): pods that a label selector selects, or an external hostname, with
//! the settings of connections to them and of the sessions of rules that use them (GEP-4894).

use std::collections::BTreeMap;

use super::backend_tls_policy::{self, Validation};
use super::gateway::{CertificateRef, certificate_ref};
use super::session_persistence::{self, SessionPersistence};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{parsed, port, strings, word};
use crate::source::{Span, Spanned};

/// The API group of the Gateway API's experimental kinds.
pub(crate) const GROUP: &str = "gateway.networking.x-k8s.io";

/// An XBackend.
#[derive(Clone, Debug)]
pub struct XBackend {
    /// `type`, with `endpointSelector` or `externalHostname`.
    pub destination: Destination,
    /// `port.number`: the port of the endpoints or of the external host.
    pub port: Spanned<u16>,
    /// `protocol`; by default, that of the route.
    pub protocol: Option<Spanned<Protocol>>,
    /// `tls`; `None` also if `tls.mode` is `None`.
    pub tls: Option<BackendTls>,
    /// `sessionPersistence`.
    pub session_persistence: Option<SessionPersistence>,
}

/// Where requests go.
#[derive(Clone, Debug)]
pub enum Destination {
    /// `endpointSelector.matchLabels`: at least one. A pod must have all of these labels.
    Selector(BTreeMap<String, String>),
    /// `externalHostname.hostname`.
    Hostname(Spanned<String>),
}

/// `tls`: how connections are encrypted.
#[derive(Clone, Debug)]
pub struct BackendTls {
    /// `validation`.
    pub validation: Validation,
    /// `clientCertificateRef`, which only `mode: ClientAndServer` has.
    pub client_certificate: Option<CertificateRef>,
}

/// `protocol`, as far as it is supported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// `HTTP`, or `MCP`, which uses HTTP: the version of the route.
    Http,
    /// `HTTP11`, or `WSS`, which starts as an upgrade of HTTP/1.1.
    Http1,
    /// `HTTP2`, `H2C` or `GRPC`.
    Http2,
}

const BACKEND: Known = Known {
    read: &["type", "port", "externalHostname", "endpointSelector", "protocol", "tls", "sessionPersistence"],
    unread: &[],
    unsupported: &[],
};

const PORT: Known = Known { read: &["number"], unread: &[], unsupported: &[] };

const EXTERNAL_HOSTNAME: Known = Known { read: &["hostname"], unread: &[], unsupported: &[] };

const ENDPOINT_SELECTOR: Known = Known { read: &["matchLabels"], unread: &[], unsupported: &[] };

const TLS: Known =
    Known { read: &["mode", "validation", "clientCertificateRef"], unread: &[], unsupported: &[] };

/// `tls.mode`.
#[derive(Clone, Copy, PartialEq)]
enum Mode {
    None,
    ServerOnly,
    ClientAndServer,
}

/// `spec` of an XBackend.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<XBackend> {
    let fields = Fields::of(at, &BACKEND, findings)?;
    let types = [("EndpointSelector", true), ("ExternalHostname", false)];
    let selects = fields.required("type", findings, word(&types)).map(|kind| kind.value);
    let port = fields.required("port", findings, |at, findings| {
        Fields::of(at, &PORT, findings)?.required("number", findings, port)
    });
    let destination = selects.and_then(|selects| destination(&fields, selects, findings));
    let protocol = fields.optional("protocol", findings, protocol);
    let tls = fields.optional("tls", findings, |at, findings| tls(at, destination.as_ref(), findings));
    if let Some(encrypted) =
        tls.as_ref().map_or((!fields.has("tls")).then_some(false), |tls| Some(tls.is_some()))
    {
        check_protocol(&fields, protocol.as_ref(), encrypted, findings);
    }
    let session_persistence =
        fields.optional("sessionPersistence", findings, session_persistence::read_newer);
    if session_persistence.is_some() && selects == Some(false) {
        misplaced(&fields, "sessionPersistence", "EndpointSelector", findings);
    }
    Some(XBackend {
        destination: destination?,
        port: port?,
        protocol: protocol.map(|(protocol, _)| protocol),
        tls: tls.flatten(),
        session_persistence,
    })
}

fn destination(fields: &Fields<'_>, selects: bool, findings: &mut Findings) -> Option<Destination> {
    if selects {
        misplaced(fields, "externalHostname", "ExternalHostname", findings);
        return fields.required("endpointSelector", findings, selector).map(Destination::Selector);
    }
    misplaced(fields, "endpointSelector", "EndpointSelector", findings);
    let hostname = fields.required("externalHostname", findings, |at, findings| {
        Fields::of(at, &EXTERNAL_HOSTNAME, findings)?.required("hostname", findings, hostname)
    });
    hostname.map(Destination::Hostname)
}

/// Reports a field that belongs to the other `type`.
fn misplaced(fields: &Fields<'_>, field: &str, kind: &str, findings: &mut Findings) {
    if let Some(entry) = fields.entry(field) {
        let message = format!("field `{field}` requires `type: {kind}`");
        add(fields, field, Code::MisplacedField, entry.key.span, message, findings);
    }
}

fn add(fields: &Fields<'_>, field: &str, code: Code, span: Span, message: String, findings: &mut Findings) {
    let outer = fields.at().path;
    findings.add(FieldPath::Field(&outer, field).place(Diagnostic::error(code, span, message)));
}

fn selector(at: At<'_>, findings: &mut Findings) -> Option<BTreeMap<String, String>> {
    const LIMIT: usize = 64;
    Fields::of(at, &ENDPOINT_SELECTOR, findings)?.required("matchLabels", findings, |at, findings| {
        let labels = strings(at, findings)?;
        if labels.is_empty() || labels.len() > LIMIT {
            let message = format!("`matchLabels` must have 1 to {LIMIT} labels, but it has {}", labels.len());
            return findings.reject(at.wrong_length(labels.len(), LIMIT, message));
        }
        for (key, value) in &labels {
            if let Err(error) = names::label_key(key).and_then(|_| names::label_value(value)) {
                let path = FieldPath::Field(&at.path, key);
                findings.add(path.place(Diagnostic::error(Code::InvalidLabel, at.span(), error.to_string())));
            }
        }
        Some(labels)
    })
}

fn hostname(at: At<'_>, findings: &mut Findings) -> Option<Spanned<String>> {
    let name = parsed(Code::InvalidHostname, backend_tls_policy::precise)(at, findings)?;
    if name.value.ends_with(".cluster.local") {
        let message = "an external hostname must not be an address or end with `.cluster.local`";
        let error = at.error(Code::InvalidHostname, message);
        return findings.reject(error.hint("write `type: EndpointSelector` for pods of the cluster"));
    }
    Some(name)
}

type WrittenProtocol = (Spanned<Protocol>, &'static str);

fn protocol(at: At<'_>, findings: &mut Findings) -> Option<WrittenProtocol> {
    let words = [
        ("HTTP", ("HTTP", Some(Protocol::Http))),
        ("HTTP2", ("HTTP2", Some(Protocol::Http2))),
        ("HTTP11", ("HTTP11", Some(Protocol::Http1))),
        ("H2C", ("H2C", Some(Protocol::Http2))),
        ("GRPC", ("GRPC", Some(Protocol::Http2))),
        ("WSS", ("WSS", Some(Protocol::Http1))),
        ("MCP", ("MCP", Some(Protocol::Http))),
        ("TCP", ("TCP", None)),
    ];
    let written = word(&words)(at, findings)?;
    let (name, supported) = written.value;
    let Some(value) = supported else {
        let message = format!("`protocol: {name}` is not supported");
        let hint = "use HTTP for requests that an HTTPRoute or GRPCRoute forwards";
        return findings.reject(at.error(Code::NotSupported, message).hint(hint));
    };
    Some((Spanned { value, span: written.span }, name))
}

/// The CEL rules of the CRD about `protocol` and `tls`. With `mode: None`, connections are not encrypted.
fn check_protocol(
    fields: &Fields<'_>,
    protocol: Option<&WrittenProtocol>,
    encrypted: bool,
    findings: &mut Findings,
) {
    let Some((Spanned { span, .. }, name)) = protocol else { return };
    let message = match (*name, encrypted) {
        ("H2C", true) => "`protocol: H2C` is HTTP/2 without TLS: use `HTTP2`, or remove `tls`",
        ("HTTP2", false) => "`protocol: HTTP2` requires `tls`: use `H2C` for HTTP/2 without TLS",
        ("WSS", false) => "`protocol: WSS` requires `tls`: use `HTTP11` for WebSockets without TLS",
        _ => return,
    };
    add(fields, "protocol", Code::ConflictingFields, *span, message.to_owned(), findings);
}

/// The settings of encrypted connections; `None` inside if connections are not encrypted.
#[expect(clippy::option_option, reason = "the outer one is an error, the inner one a mode")]
fn tls(at: At<'_>, destination: Option<&Destination>, findings: &mut Findings) -> Option<Option<BackendTls>> {
    let fields = Fields::of(at, &TLS, findings)?;
    let modes =
        [("None", Mode::None), ("ServerOnly", Mode::ServerOnly), ("ClientAndServer", Mode::ClientAndServer)];
    let mode = fields.required("mode", findings, word(&modes))?;
    let validation = fields.optional("validation", findings, backend_tls_policy::validation);
    let client_certificate = if mode.value == Mode::ClientAndServer {
        Some(fields.required("clientCertificateRef", findings, certificate_ref)?)
    } else {
        if let Some(entry) = fields.entry("clientCertificateRef") {
            let (field, message) =
                ("clientCertificateRef", "field `clientCertificateRef` requires `mode: ClientAndServer`");
            add(&fields, field, Code::MisplacedField, entry.key.span, message.to_owned(), findings);
        }
        None
    };
    if mode.value == Mode::None {
        return Some(None);
    }
    let validation = match (validation, destination) {
        (None, _) if fields.has("validation") => return None,
        (Some(validation), _) => validation,
        (None, Some(Destination::Hostname(name))) => Validation::of_system(name.value.clone()),
        (None, _) => {
            let message = "`tls` needs `validation`: the certificate of a pod has no known hostname";
            return findings.reject(at.error(Code::MissingField, message).hint("add `validation.hostname`"));
        }
    };
    Some(Some(BackendTls { validation, client_certificate }))
}
