//! Text to typed manifests.
//!
//! Each source becomes documents ([`yaml`]), each document objects (a `List` has several), each object is read by its
//! kind ([`known_kinds`]) with the fields, defaults and rules of its API. Everything that is wrong is said, not only the first;
//! an object with an error in it is left out.
//!
//! The rules are those that the API server keeps: the CRDs of the Gateway API's experimental channel, v1.1 to v1.6 and the
//! main branch of August 2026, with their patterns, lengths and CEL, and the validation of Kubernetes' own kinds as far as
//! it touches what is read. A field that has no bearing on what Envoy serves is accepted unread (`status`, `clusterIPs`);
//! a field that has, but is not rendered yet, is an error that names it, unless it is empty.

pub(in crate::manifest) mod field_path;
pub(in crate::manifest) mod fields;
pub(in crate::manifest) mod findings;
mod known_kinds;
mod kustomize;
pub(in crate::manifest) mod list;
pub(in crate::manifest) mod metadata;
mod object;
pub(in crate::manifest) mod syntax;
pub(in crate::manifest) mod value;
pub(in crate::manifest) mod yaml;

use std::collections::HashMap;

use self::findings::Findings;
use self::known_kinds::Kind;
use super::Manifests;
use super::gateway_api::default_gateways;
use crate::diagnostic::Diagnostic;
use crate::source::{Source, Span};

/// Reads every object of every source. What is invalid is left out of the manifests and told in the diagnostics, which
/// are in the order of reading.
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
    (reader.manifests, reader.findings.into_diagnostics())
}

/// What has been read so far.
#[derive(Default)]
struct Reader {
    manifests: Manifests,
    findings: Findings,
    /// Where each object has its name, by kind, namespace and name.
    names: HashMap<(Kind, String, String), Span>,
}
