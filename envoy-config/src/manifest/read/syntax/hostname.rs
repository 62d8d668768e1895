//! Hostnames of listeners and routes, exact or with a wildcard.

use std::net::IpAddr;

use super::names::{DOTTED, NameError, Parsed, part, sized};

/// A hostname or wildcard hostname, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hostname {
    /// `www.example.com`.
    Exact(String),
    /// `*.example.com`, stored as `example.com`.
    Wildcard(String),
}

/// Parses a hostname or wildcard hostname.
pub(in crate::manifest) fn parse(text: &str) -> Parsed<Hostname> {
    let what = "hostname";
    sized(what, text, 253)?;
    if text.parse::<IpAddr>().is_ok() {
        return Err(NameError::Address { text: text.to_owned() });
    }
    let (rest, wildcard) = match text.strip_prefix("*.") {
        Some(rest) => (rest, true),
        None => (text, false),
    };
    if rest.contains('*') {
        return Err(NameError::Wildcard);
    }
    rest.split('.').try_for_each(|label| part(what, label, DOTTED))?;
    Ok(if wildcard { Hostname::Wildcard(rest.to_owned()) } else { Hostname::Exact(rest.to_owned()) })
}
