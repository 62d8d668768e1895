//! From text to typed manifests.
//!
//! A source becomes documents ([`yaml`]), a document becomes objects (a `List` has several), and an object is read by
//! the module of its kind ([`known_kinds`]). All errors are reported, not only the first one. An object with an error
//! is left out.
//!
//! The rules are those of an API server: the CRDs of the Gateway API's experimental channel (v1.1 to v1.6, and the main
//! branch of August 2026) with their patterns, lengths and CEL, and the validation of Kubernetes' own kinds for the
//! fields that are used. A field without influence on what Envoy serves is accepted but not read (`status`,
//! `clusterIPs`). A field with influence that is not supported is an error, unless it is empty.

pub(in crate::manifest) mod field_path;
pub(in crate::manifest) mod fields;
pub(in crate::manifest) mod findings;
mod known_kinds;
mod kustomize;
pub(in crate::manifest) mod list;
pub(in crate::manifest) mod metadata;
mod object;
pub(in crate::manifest) mod original;
pub(in crate::manifest) mod syntax;
mod unread;
pub(in crate::manifest) mod value;
pub(in crate::manifest) mod yaml;

use std::collections::HashMap;

use self::findings::Findings;
use self::known_kinds::Kind;
use self::original::Original;
use super::Manifests;
use super::gateway_api::default_gateways;
use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};

/// Reads all objects of all sources. Invalid objects are left out and reported. Diagnostics are in the order of
/// reading.
#[must_use]
pub fn read(sources: &[Source]) -> (Manifests, Vec<Diagnostic>) {
    let mut reader = Reader::default();
    let mut copied = yaml::Copied::default();
    for (index, source) in sources.iter().enumerate() {
        if let Some(found) = kustomize::source(index, source) {
            reader.findings.add(found);
            continue;
        }
        yaml::documents(index, &source.text, &mut copied, &mut reader);
    }
    default_gateways::add(&mut reader.manifests);
    if !reader.manifests.xbackends.is_empty() {
        reader.manifests.ignored.forget("Pod");
    }
    (reader.manifests, reader.findings.into_diagnostics())
}

/// The manifests and findings so far.
#[derive(Default)]
struct Reader {
    manifests: Manifests,
    findings: Findings,
    /// The place of the name of each object, by kind, namespace and name.
    names: HashMap<(Kind, String, String), Span>,
    /// Gateways and routes as they are written, if somebody wants them.
    originals: Option<Vec<Original>>,
}
