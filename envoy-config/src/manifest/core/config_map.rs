//! ConfigMap (core/v1): only CA certificates are used.

use crate::manifest::read::field_path::{At, FieldPath};
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::{string, strings};
use crate::source::Spanned;

/// A ConfigMap (core/v1): only CA certificates are used.
#[derive(Clone, Debug)]
pub struct ConfigMap {
    /// `data["ca.crt"]`.
    pub ca_certificates: Option<Spanned<String>>,
}

pub(in crate::manifest) const OBJECT: Known = Known {
    read: &["apiVersion", "kind", "metadata", "data"],
    unread: &["binaryData", "immutable"],
    unsupported: &[],
};

/// Reads the fields of a ConfigMap, which has no `spec`.
pub(in crate::manifest) fn read(fields: &Fields<'_>, findings: &mut Findings) -> ConfigMap {
    let ca_certificates = fields.optional("data", findings, |at, findings| {
        strings(at, findings)?;
        let entry = at.node.get("ca.crt").filter(|entry| !entry.value.is_null())?;
        string(At { node: &entry.value, path: FieldPath::Field(&at.path, "ca.crt") }, findings)
    });
    ConfigMap { ca_certificates }
}
