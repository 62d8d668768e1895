//! The protocol of a listener and its `tls` (`Listener` and `ListenerTLSConfig`): each allows or requires the other.

use super::tls::{Validation, validation};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{parsed, strings, word};
use crate::manifest::read::yaml::{Entry, Value};
use crate::source::{Span, Spanned};

/// The protocol of a listener.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS that ends at the Gateway.
    Https(Tls),
    /// Another one: `TLS`, `TCP`, `UDP`, or a word that the API does not know.
    Other(String),
}

/// `tls` of a listener, with the mode `Terminate`. All is empty when it is left out, which the API allows.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// `certificateRefs`.
    pub certificates: Vec<CertificateRef>,
    /// `frontendValidation`, of releases before 1.5: goes before what the Gateway says of all listeners.
    pub validation: Option<Validation>,
    /// The names in `options`, which are every implementation's own.
    pub options: Vec<Spanned<String>>,
}

/// A reference to a certificate and its key, or to certificates of authorities.
#[derive(Clone, Debug)]
pub struct CertificateRef {
    /// `group`: empty by default, for Kubernetes' own.
    pub group: Spanned<String>,
    /// `kind`: `Secret` by default where a key belongs to it.
    pub kind: Spanned<String>,
    /// `namespace`: the Gateway's own by default.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Spanned<String>,
}

impl Protocol {
    /// The protocol as it is written.
    pub(in crate::manifest) fn name(&self) -> &str {
        match self {
            Self::Http => "HTTP",
            Self::Https(_) => "HTTPS",
            Self::Other(word) => word,
        }
    }
}

const TLS: Known = Known {
    read: &["mode", "certificateRefs", "frontendValidation", "options"],
    unread: &[],
    unsupported: &[],
};

const CERTIFICATE_REF: Known =
    Known { read: &["group", "kind", "name", "namespace"], unread: &[], unsupported: &[] };

/// `tls.mode`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Terminate,
    Passthrough,
}

/// `tls` by itself.
struct WrittenTls {
    /// None when it was left out.
    mode: Option<Spanned<Mode>>,
    content: Tls,
}

/// `protocol` and `tls` of a listener, and its `hostname` as far as the protocol forbids one.
pub(in crate::manifest) fn protocol(
    listener: &Fields<'_>,
    findings: &mut Findings,
) -> Option<Spanned<Protocol>> {
    let protocol =
        listener.required("protocol", findings, parsed(Code::InvalidProtocolName, names::protocol));
    let tls = listener.optional("tls", findings, tls);
    let protocol = protocol?;
    let Some(entry) = listener.entry("tls") else {
        return without_tls(listener, protocol, findings);
    };
    let outer = listener.at().path;
    let path = FieldPath::Field(&outer, "tls");
    let mismatch = |path: &FieldPath<'_>, span: Span, message: String| {
        path.place(Diagnostic::error(Code::TlsMismatch, span, message).related(protocol.span, "the protocol"))
    };
    match protocol.value.as_str() {
        word @ ("HTTP" | "TCP" | "UDP") => {
            let message = format!("field `tls` is not allowed with `protocol: {word}`");
            let diagnostic = mismatch(&path, entry.key.span, message);
            let instead = if word == "HTTP" { "HTTPS" } else { "TLS" };
            findings.reject(diagnostic.hint(format!("write `protocol: {instead}`, or remove `tls`")))
        }
        "HTTPS" => {
            let WrittenTls { mode, content } = tls?;
            if let Some(mode) = mode.filter(|mode| mode.value == Mode::Passthrough) {
                let message = String::from("`protocol: HTTPS` requires `mode: Terminate`");
                return findings.reject(mismatch(&FieldPath::Field(&path, "mode"), mode.span, message));
            }
            Some(protocol.map(|_| Protocol::Https(content)))
        }
        _ => tls.map(|_| protocol.map(Protocol::Other)),
    }
}

/// The protocol of a listener that has no `tls`.
fn without_tls(
    listener: &Fields<'_>,
    protocol: Spanned<String>,
    findings: &mut Findings,
) -> Option<Spanned<Protocol>> {
    let outer = listener.at().path;
    match protocol.value.as_str() {
        "HTTP" => Some(protocol.map(|_| Protocol::Http)),
        "HTTPS" => Some(protocol.map(|_| Protocol::Https(Tls::default()))),
        "TLS" => {
            let message = "missing field `tls.mode`, which `protocol: TLS` requires";
            let diagnostic = Diagnostic::error(Code::MissingField, protocol.span, message);
            findings.reject(FieldPath::Field(&outer, "tls").place(diagnostic))
        }
        word @ ("TCP" | "UDP") if listener.has("hostname") => {
            let message = format!("field `hostname` is not allowed with `protocol: {word}`");
            let span = listener.entry("hostname").map_or(protocol.span, |entry| entry.key.span);
            let diagnostic = Diagnostic::error(Code::MisplacedField, span, message);
            findings.reject(FieldPath::Field(&outer, "hostname").place(diagnostic))
        }
        _ => Some(protocol.map(Protocol::Other)),
    }
}

fn tls(at: At<'_>, findings: &mut Findings) -> Option<WrittenTls> {
    let fields = Fields::of(at, &TLS, findings)?;
    let modes = [("Terminate", Mode::Terminate), ("Passthrough", Mode::Passthrough)];
    let mode = fields.optional("mode", findings, word(&modes));
    let certificates = fields
        .optional("certificateRefs", findings, |at, findings| list(at, 0..=64, findings, certificate_ref));
    let validation = fields.optional("frontendValidation", findings, validation);
    let options = fields.optional("options", findings, options).unwrap_or_default();
    // What is wrong with a mode or with certificateRefs that are there has been said.
    if fields.has("mode") && mode.is_none() {
        return None;
    }
    let missing = fields.entry("certificateRefs").is_none_or(|entry| match &entry.value.value {
        Value::Sequence(items) => items.is_empty(),
        Value::Scalar(_) | Value::Mapping(_) => false,
    });
    let terminates = mode.as_ref().is_none_or(|mode| mode.value == Mode::Terminate);
    if terminates && missing && options.is_empty() {
        let message = "missing field `certificateRefs`: terminating TLS requires a certificate";
        let place = fields.entry("certificateRefs").map_or(at.span(), |entry| entry.key.span);
        let diagnostic = Diagnostic::error(Code::MissingField, place, message);
        return findings.reject(FieldPath::Field(&at.path, "certificateRefs").place(diagnostic));
    }
    Some(WrittenTls {
        mode,
        content: Tls { certificates: certificates.unwrap_or_default(), validation, options },
    })
}

/// The names of options; their values mean nothing here.
fn options(at: At<'_>, findings: &mut Findings) -> Option<Vec<Spanned<String>>> {
    strings(at, findings)?;
    let Value::Mapping(entries) = &at.node.value else { return None };
    let name = |entry: &Entry<'_>| Spanned { value: entry.key.text.to_string(), span: entry.key.span };
    Some(entries.iter().map(name).collect())
}

/// A reference to a certificate and its key.
pub(in crate::manifest) fn certificate_ref(at: At<'_>, findings: &mut Findings) -> Option<CertificateRef> {
    let fields = Fields::of(at, &CERTIFICATE_REF, findings)?;
    let group =
        fields.or("group", fields.default(String::new()), findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.or(
        "kind",
        fields.default(String::from("Secret")),
        findings,
        parsed(Code::InvalidKind, names::kind),
    );
    let namespace = fields.optional("namespace", findings, parsed(Code::InvalidNamespace, names::label));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    Some(CertificateRef { group: group?, kind: kind?, namespace, name: name? })
}
