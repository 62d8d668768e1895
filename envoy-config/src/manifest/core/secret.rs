//! Secret (core/v1): the certificate and the private key of the type `kubernetes.io/tls`.
//!
//! `resolve` reports values that are not a certificate or a key, where something refers to the Secret.
//!
//! Messages contain no value, and no name that could be one; each points at the key of its value. `diagnostic` hides
//! the lines around it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::string;
use crate::manifest::read::yaml::{Entry, Scalar, Value};
use crate::pem::{CertificateChain, PemError, PrivateKey};
use crate::source::{Span, Spanned};

/// A Secret (core/v1).
#[derive(Clone, Debug)]
pub enum Secret {
    /// Of the type `kubernetes.io/tls`.
    Tls {
        /// `tls.crt`.
        certificates: CertificateChain,
        /// `tls.key`.
        key: PrivateKey,
    },
    /// Of the type `kubernetes.io/tls`, with values that are not a certificate and a key. The API server accepts it, so
    /// it is an error only if something refers to it.
    Unusable(Vec<UnusableValue>),
    /// Of another type, `Opaque` by default. No listener can use it, so its data is not kept.
    Other(Spanned<String>),
}

/// A value of a Secret that is not the expected certificate or key.
#[derive(Clone, Debug)]
pub struct UnusableValue {
    /// Its key: `tls.crt` or `tls.key`.
    pub key: &'static str,
    /// The field's path.
    pub field: String,
    /// The place of its key.
    pub span: Span,
    /// What is wrong with the value.
    pub problem: PemError,
}

pub(in crate::manifest) const OBJECT: Known = Known {
    read: &["apiVersion", "kind", "metadata", "type", "data", "stringData"],
    unread: &["immutable"],
    unsupported: &[],
};

const TLS: &str = "kubernetes.io/tls";

/// The keys of a Secret of the type `kubernetes.io/tls`.
const NAMES: [&str; 3] = ["tls.crt", "tls.key", "ca.crt"];

/// The values of a Secret by their keys.
type Values = BTreeMap<String, Datum>;

/// A value of a Secret.
struct Datum {
    /// `data` or `stringData`.
    field: &'static str,
    /// The place of its key.
    key: Span,
    /// `None` after an error.
    bytes: Option<Vec<u8>>,
}

/// Reads the fields of a Secret, which has no `spec`.
pub(in crate::manifest) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Option<Secret> {
    let kind = fields.or("type", fields.default(String::from("Opaque")), findings, string);
    let mut values = fields.optional("data", findings, data).unwrap_or_default();
    // As on the API server, `stringData` overrides `data`.
    values.extend(fields.optional("stringData", findings, string_data).unwrap_or_default());
    let kind = kind?;
    if kind.value != TLS {
        return Some(Secret::Other(kind));
    }
    let certificates = value(fields, &values, "tls.crt", CertificateChain::parse, findings);
    let key = value(fields, &values, "tls.key", PrivateKey::parse, findings);
    Some(match (certificates?, key?) {
        (Ok(certificates), Ok(key)) => Secret::Tls { certificates, key },
        (certificates, key) => {
            let problems = [certificates.err(), key.err()];
            Secret::Unusable(problems.into_iter().flatten().collect())
        }
    })
}

fn data(at: At<'_>, findings: &mut Findings) -> Option<Values> {
    values(at, "data", findings)
}

fn string_data(at: At<'_>, findings: &mut Findings) -> Option<Values> {
    values(at, "stringData", findings)
}

fn values(at: At<'_>, field: &'static str, findings: &mut Findings) -> Option<Values> {
    let Value::Mapping(entries) = &at.node.value else {
        // The message does not describe the value: it may be a private key.
        return findings.reject(at.error(Code::WrongType { expected: "an object" }, "expected an object"));
    };
    let datum = |entry: &Entry<'_>| {
        let bytes = bytes(entry, field).map_err(|(code, message)| {
            let own = FieldPath::Field(&at.path, &entry.key.text);
            // Another name could be a line of a private key with wrong indentation.
            let path = if NAMES.contains(&&*entry.key.text) { own } else { at.path };
            findings.add(path.place(Diagnostic::error(code, entry.key.span, message)));
        });
        (entry.key.text.to_string(), Datum { field, key: entry.key.span, bytes: bytes.ok() })
    };
    Some(entries.iter().map(datum).collect())
}

/// The decoded bytes of an entry.
fn bytes(entry: &Entry<'_>, field: &str) -> Result<Vec<u8>, (Code, &'static str)> {
    let text = match &entry.value.value {
        Value::Scalar(Scalar::Text(text)) => text,
        Value::Scalar(Scalar::Null(_)) => return Ok(Vec::new()),
        _ => return Err((Code::WrongType { expected: "a string" }, "expected a string")),
    };
    if field == "stringData" {
        return Ok(text.as_bytes().to_vec());
    }
    // The API server ignores line breaks in base64, but nothing else.
    let joined: String = text.chars().filter(|c| !matches!(c, '\r' | '\n')).collect();
    STANDARD
        .decode(joined)
        .map_err(|_| (Code::InvalidBase64, "values in `data` must be base64; put plain text in `stringData`"))
}

/// Parses the required value of this key. `None` after an error, if it is missing or not base64.
fn value<T>(
    fields: &Fields<'_>,
    values: &Values,
    key: &'static str,
    parse: impl FnOnce(&[u8]) -> Result<T, PemError>,
    findings: &mut Findings,
) -> Option<Result<T, UnusableValue>> {
    let Some(datum) = values.get(key) else {
        let place = fields.entry("data").or_else(|| fields.entry("stringData"));
        let place = place.map_or(fields.at().span(), |entry| entry.key.span);
        let message =
            format!("missing field `{key}`: a Secret of the type `{TLS}` requires `tls.crt` and `tls.key`");
        let path = FieldPath::Field(&FieldPath::Field(&FieldPath::Root, "data"), key)
            .place(Diagnostic::error(Code::MissingField, place, message));
        return findings.reject(path);
    };
    let unusable = |problem| UnusableValue {
        key,
        field: FieldPath::Field(&FieldPath::Field(&FieldPath::Root, datum.field), key).to_string(),
        span: datum.key,
        problem,
    };
    Some(parse(datum.bytes.as_deref()?).map_err(unusable))
}
