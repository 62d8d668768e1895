//! Who a rule is, so that its sessions stay its own: `namespace/name#RULENAME`, or for a rule without a name
//! `namespace/name@` and 16 hex digits of the SHA-256 of its matches. A GRPCRoute's id has `grpc:` in front, which no
//! namespace can begin with: an HTTPRoute may have its name.
//!
//! Sessions end when an id changes, so nothing that may change under them has a part in it: not the order of rules,
//! matches, conditions or documents, nor Gateways, backends and weights. The encoding is frozen by test vectors.

use session_persistence::config::{RuleId, RuleIdError};
use sha2::{Digest, Sha256};

use crate::manifest::Object;
use crate::manifest::gateway_api::route::{Route, RouteKind, Rule};
use crate::model::{PathMatch, RouteMatch, TextMatch, ValueMatch};

/// The id of a rule, whose matches are these.
pub(in crate::resolve) fn of(
    route: &Object<Route>,
    rule: &Rule,
    matches: &[RouteMatch],
) -> Result<RuleId, RuleIdError> {
    let (namespace, name) = route.metadata.key();
    let prefix = kind_prefix(route.spec.kind);
    RuleId::try_from(match &rule.name {
        Some(rule) => format!("{prefix}{namespace}/{name}#{}", rule.value),
        None => format!("{prefix}{namespace}/{name}@{}", hex(&digest(matches), 16)),
    })
}

/// What stands in front of a route's name where routes of several kinds are named.
pub(in crate::resolve) const fn kind_prefix(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Http => "",
        RouteKind::Grpc => "grpc:",
    }
}

/// A name for the sessions of a rule that gives them none: `session-` and 12 hex digits of the SHA-256 of the rule's id.
pub(in crate::resolve) fn session_name(id: &RuleId) -> String {
    format!("session-{}", hex(&Sha256::digest(id.as_str()), 12))
}

/// What a match asks for, as bytes: equal for matches that are for the same requests, whatever the order of their
/// conditions, and different for all others that are written differently.
pub(in crate::resolve) fn signature(matches: &RouteMatch) -> Vec<u8> {
    let RouteMatch { path, method, headers, query } = matches;
    let (tag, path) = match path {
        PathMatch::Exact(path) => (b'e', path),
        PathMatch::Prefix(path) => (b'p', path),
        PathMatch::Regex(path) => (b'r', path),
    };
    let mut bytes = vec![tag];
    put(&mut bytes, path.as_bytes());
    // No method is the empty text.
    put(&mut bytes, method.as_deref().unwrap_or_default().as_bytes());
    put_values(&mut bytes, headers);
    put_values(&mut bytes, query);
    bytes
}

fn digest(matches: &[RouteMatch]) -> impl AsRef<[u8]> {
    let mut signatures: Vec<Vec<u8>> = matches.iter().map(signature).collect();
    signatures.sort_unstable();
    signatures.dedup();
    let mut bytes = Vec::new();
    for signature in signatures {
        put(&mut bytes, &signature);
    }
    Sha256::digest(bytes)
}

fn put_values(bytes: &mut Vec<u8>, values: &[ValueMatch]) {
    let mut sorted: Vec<_> = values
        .iter()
        .map(|value| match &value.value {
            TextMatch::Exact(text) => (value.name.as_str(), b'e', text),
            TextMatch::Regex(text) => (value.name.as_str(), b'r', text),
        })
        .collect();
    sorted.sort_unstable();
    bytes.extend((sorted.len() as u64).to_be_bytes());
    for (name, tag, text) in sorted {
        put(bytes, name.as_bytes());
        bytes.push(tag);
        put(bytes, text.as_bytes());
    }
}

/// The length goes first, so that no two sequences of texts have the same bytes.
fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend((text.len() as u64).to_be_bytes());
    bytes.extend(text);
}

fn hex(bytes: &impl AsRef<[u8]>, digits: usize) -> String {
    let nibbles = bytes.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.take(digits).filter_map(|nibble| char::from_digit(u32::from(nibble), 16)).collect()
}
