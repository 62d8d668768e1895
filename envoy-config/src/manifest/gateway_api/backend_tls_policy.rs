//! BackendTLSPolicy: how Envoy connects to backends over TLS.

use std::collections::HashMap;

use super::policy_target::{self, TargetRef};
use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::Hostname;
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known, Unsupported};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::syntax::{hostname, names};
use crate::manifest::read::value::{parsed, string, word};
use crate::source::Spanned;

/// A BackendTLSPolicy: how Envoy connects to backends over TLS.
#[derive(Clone, Debug)]
pub struct BackendTlsPolicy {
    /// `targetRefs`: at least one, each once.
    pub targets: Vec<TargetRef>,
    /// `validation`.
    pub validation: Validation,
}

/// The CA certificates that verify a backend's certificate.
#[derive(Clone, Debug)]
pub enum CaCertificates {
    /// Those in the referenced objects: at least one.
    Refs(Vec<CaCertificateRef>),
    /// Those of the system that the Gateway runs on.
    System,
}

/// A reference to CA certificates, in the policy's own namespace.
#[derive(Clone, Debug)]
pub struct CaCertificateRef {
    /// `group`: empty for core.
    pub group: Spanned<String>,
    /// `kind`.
    pub kind: Spanned<String>,
    /// `name`.
    pub name: Spanned<String>,
}

/// A name that the certificate must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SubjectAltName {
    /// `hostname`.
    Hostname(Hostname),
    /// `uri`.
    Uri(String),
}

const POLICY: Known = Known {
    read: &["targetRefs", "validation"],
    unread: &[],
    unsupported: &[Unsupported {
        name: "options",
        consequence: "these TLS settings would not be applied to connections to the backend",
        hint: "remove the field if Envoy's default TLS settings are sufficient",
    }],
};

const VALIDATION: Known = Known {
    read: &["caCertificateRefs", "wellKnownCACertificates", "hostname", "subjectAltNames"],
    unread: &[],
    unsupported: &[],
};

const CA_CERTIFICATE_REF: Known = Known { read: &["group", "kind", "name"], unread: &[], unsupported: &[] };

const SUBJECT_ALT_NAME: Known = Known { read: &["type", "hostname", "uri"], unread: &[], unsupported: &[] };

/// `type` of a subject alternative name.
#[derive(Clone, Copy)]
enum NameKind {
    Hostname,
    Uri,
}

/// `validation`: how a backend's certificate is verified.
#[derive(Clone, Debug)]
pub struct Validation {
    /// `caCertificateRefs` or `wellKnownCACertificates`.
    pub ca_certificates: CaCertificates,
    /// `hostname`.
    pub hostname: String,
    /// `subjectAltNames`; if empty, `hostname` is used.
    pub names: Vec<SubjectAltName>,
}

impl Validation {
    /// With the CA certificates of the system.
    pub(super) const fn of_system(hostname: String) -> Self {
        Self { ca_certificates: CaCertificates::System, hostname, names: Vec::new() }
    }
}

/// `spec` of a BackendTLSPolicy.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<BackendTlsPolicy> {
    let fields = Fields::of(at, &POLICY, findings)?;
    let targets = fields.required("targetRefs", findings, targets);
    let validation = fields.required("validation", findings, validation);
    Some(BackendTlsPolicy { targets: targets?, validation: validation? })
}

fn targets(at: At<'_>, findings: &mut Findings) -> Option<Vec<TargetRef>> {
    let targets = list(at, 1..=16, findings, policy_target::section_ref)?;
    let mut seen: HashMap<_, Vec<&TargetRef>> = HashMap::new();
    for target in &targets {
        let earlier = seen.entry((&target.group.value, &target.kind.value, &target.name.value)).or_default();
        let section = |target: &TargetRef| target.section_name.as_ref().map(|name| name.value.clone());
        let own = section(target);
        if let Some(same) = earlier.iter().find(|same| section(same) == own) {
            let diagnostic = Diagnostic::error(Code::DuplicateValue, target.span, "duplicate target");
            findings.add(at.path.place(diagnostic).label("duplicate").related(same.span, "first occurrence"));
        } else if let Some(whole) = earlier.iter().find(|one| one.section_name.is_none() != own.is_none()) {
            let message = "references to the same object must either all have a `sectionName` or none";
            let diagnostic = Diagnostic::error(Code::AmbiguousReference, target.span, message);
            findings.add(at.path.place(diagnostic).related(whole.span, "the other reference"));
        }
        earlier.push(target);
    }
    Some(targets)
}

pub(super) fn validation(at: At<'_>, findings: &mut Findings) -> Option<Validation> {
    let fields = Fields::of(at, &VALIDATION, findings)?;
    let refs = fields.optional("caCertificateRefs", findings, |at, findings| {
        list(at, 0..=8, findings, ca_certificate_ref)
    });
    let system = fields.optional("wellKnownCACertificates", findings, well_known);
    let hostname = fields.required("hostname", findings, parsed(Code::InvalidHostname, precise));
    let names = fields
        .optional("subjectAltNames", findings, |at, findings| list(at, 0..=5, findings, subject_alt_name));
    let written = refs.as_ref().is_some_and(|refs| !refs.is_empty());
    let ca_certificates = match (written, fields.has("wellKnownCACertificates")) {
        (true, true) => {
            let message = "`caCertificateRefs` and `wellKnownCACertificates` cannot both be set";
            return findings.reject(at.error(Code::ConflictingFields, message).hint("remove one of them"));
        }
        (true, false) => refs.map(CaCertificates::Refs),
        (false, true) => system.map(|()| CaCertificates::System),
        // Errors in the references have been reported.
        (false, false) if fields.has("caCertificateRefs") && refs.is_none() => None,
        (false, false) => {
            let message = "no CA certificates are set to verify the backend's certificate";
            let path = FieldPath::Field(&at.path, "caCertificateRefs");
            return findings.reject(
                path.place(Diagnostic::error(Code::MissingField, at.span(), message))
                    .hint("add `caCertificateRefs`, or `wellKnownCACertificates: System`"),
            );
        }
    };
    Some(Validation {
        ca_certificates: ca_certificates?,
        hostname: hostname?.value,
        names: names.unwrap_or_default(),
    })
}

/// Values other than `System` are specific to implementations.
fn well_known(at: At<'_>, findings: &mut Findings) -> Option<()> {
    let text = string(at, findings)?;
    if text.value == "System" {
        return Some(());
    }
    if text.value.contains('/') {
        let message = format!("CA set `{}` is not supported", text.value);
        return findings.reject(at.error(Code::NotSupported, message).hint("write `System`"));
    }
    findings.reject(at.unknown_value(&text.value, ["System"]))
}

fn ca_certificate_ref(at: At<'_>, findings: &mut Findings) -> Option<CaCertificateRef> {
    let fields = Fields::of(at, &CA_CERTIFICATE_REF, findings)?;
    let group = fields.required("group", findings, parsed(Code::InvalidGroup, names::group));
    let kind = fields.required("kind", findings, parsed(Code::InvalidKind, names::kind));
    let name = fields.required("name", findings, parsed(Code::InvalidObjectName, names::reference));
    Some(CaCertificateRef { group: group?, kind: kind?, name: name? })
}

/// A hostname without a wildcard.
pub(super) fn precise(text: &str) -> Result<String, names::NameError> {
    match hostname::parse(text)? {
        Hostname::Exact(name) => Ok(name),
        Hostname::Wildcard(_) => names::subdomain(text),
    }
}

fn subject_alt_name(at: At<'_>, findings: &mut Findings) -> Option<SubjectAltName> {
    let fields = Fields::of(at, &SUBJECT_ALT_NAME, findings)?;
    let words = [("Hostname", NameKind::Hostname), ("URI", NameKind::Uri)];
    let kind = fields.required("type", findings, word(&words));
    let hostname = fields.optional("hostname", findings, parsed(Code::InvalidHostname, hostname::parse));
    let uri = fields.optional("uri", findings, parsed(Code::InvalidUri, absolute_uri));
    let (name, wanted, other) = match kind?.value {
        NameKind::Hostname => ("Hostname", "hostname", "uri"),
        NameKind::Uri => ("URI", "uri", "hostname"),
    };
    if let Some(entry) = fields.entry(other).filter(|_| fields.has(other)) {
        let path = FieldPath::Field(&at.path, other);
        let message = format!("field `{other}` is not allowed with `type: {name}`; expected `{wanted}`");
        return findings.reject(path.place(Diagnostic::error(Code::MisplacedField, entry.key.span, message)));
    }
    // Reports the field if it is missing.
    fields.required(wanted, findings, |_, _| Some(()))?;
    let hostname = hostname.map(|name| SubjectAltName::Hostname(name.value));
    hostname.or_else(|| uri.map(|uri| SubjectAltName::Uri(uri.value)))
}

/// Why a text is not an absolute URI.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
enum UriError {
    #[error("{0:?} is not a URI with a scheme, such as `spiffe://example.com/backend`")]
    Scheme(String),
    #[error("a URI can have at most {URI_LIMIT} characters, but this one has {0}")]
    TooLong(usize),
}

/// The longest `uri`, in characters.
const URI_LIMIT: usize = 253;

fn absolute_uri(text: &str) -> Result<String, UriError> {
    let scheme = text.split_once(':').map(|(scheme, _)| scheme);
    if !scheme.is_some_and(|scheme| !scheme.is_empty() && !scheme.contains(['/', '?', '#'])) {
        return Err(UriError::Scheme(text.to_owned()));
    }
    match text.chars().count() {
        length if length > URI_LIMIT => Err(UriError::TooLong(length)),
        _ => Ok(text.to_owned()),
    }
}
