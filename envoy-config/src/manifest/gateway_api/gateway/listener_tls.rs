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
    /// HTTP without TLS.
    Http,
    /// HTTP over TLS, terminated at the Gateway.
    Https(Tls),
    /// Another protocol: `TLS`, `TCP`, `UDP`, or one that the API does not define.
    Other(String),
}

/// `tls` of a listener with the mode `Terminate`. If it is omitted, everything is empty, as the API allows.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// `certificateRefs`.
    pub certificates: Vec<CertificateRef>,
    /// `frontendValidation`, a field of releases before 1.5. It overrides `tls.frontend` of the Gateway.
    pub validation: Option<Validation>,
    /// The keys of `options`, which are specific to implementations.
    pub options: Vec<Spanned<String>>,
}

/// A reference to a certificate and its key, or to CA certificates.
#[derive(Clone, Debug)]
pub struct CertificateRef {
    /// `group`; empty for core, the default.
    pub group: Spanned<String>,
    /// `kind`; for a certificate with a key, `Secret` by default.
    pub kind: Spanned<String>,
    /// `namespace`: the Gateway's own by default.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Spanned<String>,
}

impl Protocol {
    /// The protocol as written.
    pub(crate) fn name(&self) -> &str {
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

/// `tls` before it is compared with the protocol.
struct WrittenTls {
    /// `None` if omitted.
    mode: Option<Spanned<Mode>>,
    content: Tls,
}

/// Reads `protocol` and `tls` of a listener, and checks whether the protocol allows `hostname`.
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
    // Errors in the mode have been reported.
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

/// The keys of `options`; the values are not used.
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
