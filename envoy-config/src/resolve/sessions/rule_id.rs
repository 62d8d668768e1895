//! The id of a rule, to which its sessions are bound: `namespace/name#RULENAME`, or `namespace/name@` and 16
//! hex digits of the SHA-256 of the matches for a rule without a name. The id of a GRPCRoute starts with
//! `grpc:`, which no namespace can start with: an HTTPRoute may have the same name.
//!
//! Sessions end when the id changes. So the id does not depend on the order of rules, matches, conditions or
//! documents, nor on Gateways, backends and weights. Test vectors freeze the encoding.

use session_persistence::config::{RuleId, RuleIdError};
use sha2::{Digest, Sha256};

use crate::manifest::Object;
use crate::manifest::gateway_api::route::{Route, RouteKind, Rule};
use crate::model::{PathMatch, RouteMatch, TextMatch, ValueMatch};

/// The id of a rule with these matches.
pub(in crate::resolve) fn of(
    route: &Object<Route>,
    rule: &Rule,
    matches: &[RouteMatch],
) -> Result<RuleId, RuleIdError> {
    RuleId::try_from(text(route, rule, matches))
}

/// The id as text, also of a rule without sessions.
pub(in crate::resolve) fn text(route: &Object<Route>, rule: &Rule, matches: &[RouteMatch]) -> String {
    let (namespace, name) = route.metadata.key();
    let prefix = kind_prefix(route.spec.kind);
    match &rule.name {
        Some(rule) => format!("{prefix}{namespace}/{name}#{}", rule.value),
        None => format!("{prefix}{namespace}/{name}@{}", hex(&digest(matches), 16)),
    }
}

/// The prefix of names that routes of several kinds share.
pub(in crate::resolve) const fn kind_prefix(kind: RouteKind) -> &'static str {
    match kind {
        RouteKind::Http => "",
        RouteKind::Grpc => "grpc:",
    }
}

/// The session name of a rule without one: `session-` and 12 hex digits of the SHA-256 of the rule's id.
pub(super) fn session_name(id: &RuleId) -> String {
    format!("session-{}", hex(&Sha256::digest(id.as_str()), 12))
}

/// A match as bytes: equal for matches that select the same requests, whatever the order of their conditions,
/// and different for all matches that are written differently.
pub(in crate::resolve) fn signature(matches: &RouteMatch) -> Vec<u8> {
    let RouteMatch { path, method, headers, query } = matches;
    let (tag, path) = match path {
        PathMatch::Exact(path) => (b'e', path),
        PathMatch::Prefix(path) => (b'p', path),
        PathMatch::Regex(path) => (b'r', path),
    };
    let mut bytes = vec![tag];
    put(&mut bytes, path.as_bytes());
    // No method is encoded as an empty string.
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

/// With the length first, no two sequences of strings have the same bytes.
fn put(bytes: &mut Vec<u8>, text: &[u8]) {
    bytes.extend((text.len() as u64).to_be_bytes());
    bytes.extend(text);
}

fn hex(bytes: &impl AsRef<[u8]>, digits: usize) -> String {
    let nibbles = bytes.as_ref().iter().flat_map(|byte| [byte >> 4, byte & 15]);
    nibbles.take(digits).filter_map(|nibble| char::from_digit(u32::from(nibble), 16)).collect()
}
