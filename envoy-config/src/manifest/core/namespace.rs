//! Namespace (core/v1).

use crate::manifest::Object;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;

/// A Namespace: only its labels are used, including `kubernetes.io/metadata.name`, which the API server adds.
#[derive(Clone, Debug)]
pub struct Namespace;

const SPEC: Known = Known { read: &[], unread: &["finalizers"], unsupported: &[] };

/// Checks the fields of a Namespace. Its `spec` is not used.
pub(in crate::manifest) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Namespace {
    fields.optional("spec", findings, |at, findings| Fields::of(at, &SPEC, findings).map(|_| ()));
    Namespace
}

/// Adds the label that the API server gives to every Namespace.
pub(in crate::manifest) fn with_name_label(mut namespace: Object<Namespace>) -> Object<Namespace> {
    let name = namespace.metadata.name.clone();
    namespace.metadata.labels.insert(String::from("kubernetes.io/metadata.name"), name);
    namespace
}
