//! `externalAuth` (`HTTPExternalAuthFilter`, GEP-1494).

use crate::diagnostic::{Code, Diagnostic};
use crate::manifest::gateway_api::route::backend_ref::{BackendRef, object_reference};
use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::{names, path};
use crate::manifest::read::value::{integer, string, word};
use crate::source::Spanned;

/// Asks a server whether a request may pass.
#[derive(Clone, Debug)]
pub struct ExternalAuth {
    /// `protocol`, with `http` or `grpc`.
    pub protocol: AuthProtocol,
    /// `backendRef`; its weight is not used.
    pub backend: BackendRef,
    /// `forwardBody.maxSize` in bytes; 0, the default, forwards no body.
    pub max_body: u32,
}

/// How the server is asked. Names of headers are in lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AuthProtocol {
    /// Envoy's `ext_authz` protocol.
    Grpc {
        /// `allowedHeaders`: those that the server gets; if empty, all.
        request_headers: Vec<String>,
    },
    /// Plain HTTP: 200 lets a request pass.
    Http {
        /// `path`, with a slash at its begin and none at its end: goes before the path of the request. Or why it cannot.
        path: Result<String, Spanned<String>>,
        /// `allowedHeaders`: those that the server gets beside those that it always gets.
        request_headers: Vec<String>,
        /// `allowedResponseHeaders`: those of its answer that the backend gets; if empty, all.
        response_headers: Vec<String>,
    },
}

/// The values of `protocol`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http,
    Grpc,
}

const EXTERNAL_AUTH: Known =
    Known { read: &["protocol", "backendRef", "grpc", "http", "forwardBody"], unread: &[], unsupported: &[] };

const GRPC: Known = Known { read: &["allowedHeaders"], unread: &[], unsupported: &[] };

const HTTP: Known =
    Known { read: &["path", "allowedHeaders", "allowedResponseHeaders"], unread: &[], unsupported: &[] };

const FORWARD_BODY: Known = Known { read: &["maxSize"], unread: &[], unsupported: &[] };

pub(in crate::manifest) fn read(at: At<'_>, findings: &mut Findings) -> Option<ExternalAuth> {
    let fields = Fields::of(at, &EXTERNAL_AUTH, findings)?;
    let protocols = [("HTTP", Protocol::Http), ("GRPC", Protocol::Grpc)];
    let protocol = fields.required("protocol", findings, word(&protocols));
    let backend = fields.required("backendRef", findings, object_reference);
    let max_body = fields.optional("forwardBody", findings, |at, findings| {
        let fields = Fields::of(at, &FORWARD_BODY, findings)?;
        fields.optional("maxSize", findings, integer(0..=i32::MAX.unsigned_abs()))
    });
    let protocol = protocol?;
    let (own, other) = match protocol.value {
        Protocol::Http => ("http", "grpc"),
        Protocol::Grpc => ("grpc", "http"),
    };
    if let Some(entry) = fields.entry(other) {
        let message = format!("field `{other}` is not allowed with this `protocol`; expected `{own}`");
        let error = Diagnostic::error(Code::MisplacedField, entry.key.span, message);
        let path = FieldPath::Field(&at.path, other);
        return findings.reject(path.place(error).related(protocol.span, "the protocol is set here"));
    }
    let protocol = match protocol.value {
        Protocol::Http => fields.required("http", findings, http),
        Protocol::Grpc => fields.required("grpc", findings, |at, findings| {
            let fields = Fields::of(at, &GRPC, findings)?;
            let request_headers = headers(&fields, "allowedHeaders", findings);
            Some(AuthProtocol::Grpc { request_headers })
        }),
    };
    Some(ExternalAuth {
        protocol: protocol?,
        backend: backend?,
        max_body: max_body.map_or(0, |size| size.value),
    })
}

fn http(at: At<'_>, findings: &mut Findings) -> Option<AuthProtocol> {
    let fields = Fields::of(at, &HTTP, findings)?;
    Some(AuthProtocol::Http {
        path: fields.optional("path", findings, path).unwrap_or_else(|| Ok(String::new())),
        request_headers: headers(&fields, "allowedHeaders", findings),
        response_headers: headers(&fields, "allowedResponseHeaders", findings),
    })
}

/// If the path cannot be used, the rule is served, but its requests get an error: without the rule, they might go to one without
/// authorization.
fn path(at: At<'_>, findings: &mut Findings) -> Option<Result<String, Spanned<String>>> {
    let written = string(at, findings)?;
    // The API does not require the first slash.
    let parsed = path::parse(&format!("/{}", written.value.strip_prefix('/').unwrap_or(&written.value)));
    let prefix = parsed.map(|path| path.strip_suffix('/').map(str::to_owned).unwrap_or(path));
    Some(prefix.map_err(|error| Spanned { value: error.to_string(), span: written.span }))
}

fn headers(fields: &Fields<'_>, name: &str, findings: &mut Findings) -> Vec<String> {
    let read = fields.optional(name, findings, |at, findings| {
        let names = list(at, 0..=64, findings, header)?;
        unique(&at, "header", names.iter().map(|name| (&name.value, name.span)), findings);
        Some(names.into_iter().map(|name| name.value.to_ascii_lowercase()).collect())
    });
    read.unwrap_or_default()
}

/// A name that no header can have stays in the list, for an empty list means all headers.
fn header(at: At<'_>, findings: &mut Findings) -> Option<Spanned<String>> {
    let name = string(at, findings)?;
    if let Err(error) = names::token(&name.value) {
        let message = format!("no header can have this name: {error}");
        let warning = Diagnostic::warning(Code::InvalidHeaderName, name.span, message);
        findings.add(at.path.place(warning));
    }
    Some(name)
}
