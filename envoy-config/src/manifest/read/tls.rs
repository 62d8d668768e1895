//! The protocol of a listener and its `tls` (Gateway API, `Listener` and `ListenerTLSConfig`): each allows or demands the
//! other.

use super::fields::{Fields, Known, Nulls, list};
use super::log::{At, Log, Path};
use super::names;
use super::value::{parsed, string, word};
use super::yaml::Value;
use crate::diagnostic::Diagnostic;
use crate::manifest::gateway::{CertificateRef, Protocol};
use crate::source::Spanned;

const TLS: Known = Known {
    read: &["mode", "certificateRefs"],
    unread: &[],
    unsupported: &["frontendValidation", "options"],
    nulls: Nulls::Refused,
};

const CERTIFICATE_REF: Known = Known {
    read: &["group", "kind", "name", "namespace"],
    unread: &[],
    unsupported: &[],
    nulls: Nulls::Refused,
};

/// The protocols that are served.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Word {
    Http,
    Https,
}

/// `tls.mode`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Terminate,
    Passthrough,
}

/// `tls` by itself.
struct Tls {
    mode: Spanned<Mode>,
    certificates: Vec<CertificateRef>,
}

/// `protocol` and `tls` of a listener.
pub(super) fn protocol(listener: &Fields<'_>, log: &mut Log) -> Option<Spanned<Protocol>> {
    let protocol = listener.required("protocol", log, protocol_word);
    let tls = listener.optional("tls", log, tls);
    let protocol = protocol?;
    let written = listener.entry("tls").filter(|entry| !entry.value.is_null());
    let outer = listener.at().path;
    let path = Path::Field(&outer, "tls");
    match (protocol.value, written) {
        (Word::Http, None) => Some(protocol.map(|_| Protocol::Http)),
        (Word::Http, Some(entry)) => {
            let message = "`tls` must not be there with the protocol `HTTP`";
            let diagnostic = Diagnostic::error("tls-mismatch", entry.key.span, message);
            let diagnostic = diagnostic.related(protocol.span, "the protocol");
            log.refuse(path.place(diagnostic).hint("write `protocol: HTTPS`, or remove `tls`"))
        }
        (Word::Https, None) => {
            // The one for `tls: null` has been said.
            if listener.entry("tls").is_none() {
                let message = "`tls` is missing: the protocol `HTTPS` needs a certificate";
                let diagnostic = Diagnostic::error("missing-field", protocol.span, message);
                log.add(path.place(diagnostic).hint("add `tls: {certificateRefs: [{name: SECRET}]}`"));
            }
            None
        }
        (Word::Https, Some(_)) => {
            let tls = tls?;
            if tls.mode.value == Mode::Passthrough {
                let message = "the mode must be `Terminate` with the protocol `HTTPS`";
                let diagnostic = Diagnostic::error("tls-mismatch", tls.mode.span, message);
                let diagnostic = diagnostic.related(protocol.span, "the protocol");
                return log.refuse(Path::Field(&path, "mode").place(diagnostic));
            }
            Some(protocol.map(|_| Protocol::Https(tls.certificates)))
        }
    }
}

fn protocol_word(at: At<'_>, log: &mut Log) -> Option<Spanned<Word>> {
    const KNOWN: [&str; 5] = ["HTTP", "HTTPS", "TLS", "TCP", "UDP"];
    let text = string(at, log)?;
    match text.value.as_str() {
        "HTTP" => Some(text.map(|_| Word::Http)),
        "HTTPS" => Some(text.map(|_| Word::Https)),
        other if KNOWN.contains(&other) || other.contains('/') => {
            log.refuse(at.error("not-supported", format!("the protocol `{other}` is not supported yet")))
        }
        other => {
            let message = format!("`{other}` is none of `HTTP`, `HTTPS`, `TLS`, `TCP`, `UDP`");
            log.refuse(at.error("unknown-value", message).did_you_mean(other, KNOWN))
        }
    }
}

fn tls(at: At<'_>, log: &mut Log) -> Option<Tls> {
    let fields = Fields::of(at, &TLS, log)?;
    let modes = [("Terminate", Mode::Terminate), ("Passthrough", Mode::Passthrough)];
    let mode = fields.or("mode", fields.default(Mode::Terminate), log, word(&modes));
    let certificates =
        fields.optional("certificateRefs", log, |at, log| list(at, 0..=64, log, certificate_ref));
    let mode = mode?;
    // What is wrong with certificateRefs that are there has been said.
    let missing = fields.entry("certificateRefs").is_none_or(|entry| match &entry.value.value {
        Value::Sequence(items) => items.is_empty(),
        Value::Scalar(_) | Value::Mapping(_) => false,
    });
    // With `options` the API asks for no certificate; they are not supported, which has been said as well.
    if mode.value == Mode::Terminate && missing && !fields.has("options") {
        let message = "`certificateRefs` is missing: without a certificate no TLS connection can end here";
        let place = fields.entry("certificateRefs").map_or(at.span(), |entry| entry.key.span);
        let diagnostic = Diagnostic::error("missing-field", place, message);
        return log.refuse(Path::Field(&at.path, "certificateRefs").place(diagnostic));
    }
    Some(Tls { mode, certificates: certificates.unwrap_or_default() })
}

fn certificate_ref(at: At<'_>, log: &mut Log) -> Option<CertificateRef> {
    let fields = Fields::of(at, &CERTIFICATE_REF, log)?;
    let group = fields.or("group", fields.default(String::new()), log, parsed("invalid-name", names::group));
    let kind =
        fields.or("kind", fields.default(String::from("Secret")), log, parsed("invalid-name", names::kind));
    let namespace = fields.optional("namespace", log, parsed("invalid-name", names::label));
    let name = fields.required("name", log, parsed("invalid-name", names::reference));
    Some(CertificateRef { group: group?, kind: kind?, namespace, name: name? })
}
