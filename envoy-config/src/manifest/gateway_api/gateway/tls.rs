//! `tls` of a Gateway (`GatewayTLSConfig`): how client certificates are verified, and the certificate for backends.

use super::listener_tls::{CertificateRef, certificate_ref};
use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{parsed, port, word};
use crate::source::Spanned;

/// How HTTPS listeners verify client certificates (`tls.frontend`); by default they do not.
#[derive(Clone, Debug, Default)]
pub struct Frontend {
    /// `default.validation`.
    pub default: Option<Validation>,
    /// `perPort`, with unique ports. Listeners on these ports use only this setting; `None` does not verify.
    pub per_port: Vec<(u16, Option<Validation>)>,
}

/// How client certificates are verified.
#[derive(Clone, Debug)]
pub struct Validation {
    /// `caCertificateRefs`: at least one.
    pub ca_certificates: Vec<CertificateRef>,
    /// `mode`: `AllowValidOnly` by default.
    pub mode: ValidationMode,
}

/// What happens to clients without a valid certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidationMode {
    /// The connection is rejected.
    AllowValidOnly,
    /// They are served like other clients.
    AllowInsecureFallback,
}

/// `tls` of a Gateway.
#[derive(Default)]
pub(in crate::manifest) struct GatewayTls {
    pub(in crate::manifest) frontend: Frontend,
    pub(in crate::manifest) client_certificate: Option<Spanned<CertificateRef>>,
}

const TLS: Known = Known { read: &["frontend", "backend"], unread: &[], unsupported: &[] };

const FRONTEND: Known = Known { read: &["default", "perPort"], unread: &[], unsupported: &[] };

const PER_PORT: Known = Known { read: &["port", "tls"], unread: &[], unsupported: &[] };

const CONFIG: Known = Known { read: &["validation"], unread: &[], unsupported: &[] };

const VALIDATION: Known = Known { read: &["caCertificateRefs", "mode"], unread: &[], unsupported: &[] };

const BACKEND: Known = Known { read: &["clientCertificateRef"], unread: &[], unsupported: &[] };

const CA_CERTIFICATE_REF: Known =
    Known { read: &["group", "kind", "name", "namespace"], unread: &[], unsupported: &[] };

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<GatewayTls> {
    let fields = Fields::of(at, &TLS, findings)?;
    let frontend = fields.optional("frontend", findings, frontend).unwrap_or_default();
    let client_certificate = fields.optional("backend", findings, |at, findings| {
        let fields = Fields::of(at, &BACKEND, findings)?;
        let span = fields.entry("clientCertificateRef").map_or(at.span(), |entry| entry.key.span);
        fields.optional("clientCertificateRef", findings, |at, findings| {
            certificate_ref(at, findings).map(|value| Spanned { value, span })
        })
    });
    Some(GatewayTls { frontend, client_certificate })
}

fn frontend(at: At<'_>, findings: &mut Findings) -> Option<Frontend> {
    let fields = Fields::of(at, &FRONTEND, findings)?;
    fields.required("default", findings, |_, _| Some(()));
    let default = fields.optional("default", findings, config);
    let per_port = fields.optional("perPort", findings, |at, findings| {
        let ports = list(at, 0..=64, findings, per_port)?;
        unique(&at, "port", ports.iter().map(|(port, _)| (&port.value, port.span)), findings);
        Some(ports)
    });
    let per_port = per_port.unwrap_or_default().into_iter();
    Some(Frontend { default, per_port: per_port.map(|(port, config)| (port.value, config)).collect() })
}

fn per_port(at: At<'_>, findings: &mut Findings) -> Option<(Spanned<u16>, Option<Validation>)> {
    let fields = Fields::of(at, &PER_PORT, findings)?;
    let port = fields.required("port", findings, port);
    fields.required("tls", findings, |_, _| Some(()));
    let config = fields.optional("tls", findings, config);
    Some((port?, config))
}

/// `None` without `validation`, or after an error.
fn config(at: At<'_>, findings: &mut Findings) -> Option<Validation> {
    Fields::of(at, &CONFIG, findings)?.optional("validation", findings, validation)
}

/// `validation` in `tls` of a Gateway, or `frontendValidation` in `tls` of a listener.
pub(in crate::manifest) fn validation(at: At<'_>, findings: &mut Findings) -> Option<Validation> {
    let fields = Fields::of(at, &VALIDATION, findings)?;
    let ca_certificates = fields.required("caCertificateRefs", findings, |at, findings| {
        list(at, 1..=16, findings, ca_certificate_ref)
    });
    let modes = [
        ("AllowValidOnly", ValidationMode::AllowValidOnly),
        ("AllowInsecureFallback", ValidationMode::AllowInsecureFallback),
    ];
    let mode = fields.or("mode", fields.default(ValidationMode::AllowValidOnly), findings, word(&modes));
    Some(Validation { ca_certificates: ca_certificates?, mode: mode?.value })
}

fn ca_certificate_ref(at: At<'_>, findings: &mut Findings) -> Option<CertificateRef> {
    let fields = Fields::of(at, &CA_CERTIFICATE_REF, findings)?;
    let group = fields.required("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    let namespace = fields.optional("namespace", findings, parsed(Code::InvalidNamespace, names::label));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    Some(CertificateRef { group: group?, kind: kind?, namespace, name: name? })
}
