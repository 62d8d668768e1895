//! How hostnames cover each other, and where they overlap (Gateway API, `HTTPRouteSpec.hostnames` and
//! `GatewaySpec.listeners`).
//!
//! Of two sets of hostnames, either one contains the other, or they are disjoint. All sets that contain a
//! given one form a chain.

use std::iter;

use crate::manifest::Hostname;
use crate::model::Domain;
use crate::source::Spanned;

impl Domain {
    /// The hostname of a listener or route; `None` matches every hostname.
    pub(super) fn of(hostname: Option<&Spanned<Hostname>>) -> Self {
        match hostname.map(|hostname| &hostname.value) {
            None => Self::Any,
            Some(Hostname::Exact(name)) => Self::Exact(name.clone()),
            Some(Hostname::Wildcard(suffix)) => Self::Wildcard(suffix.clone()),
        }
    }

    /// Whether this contains every hostname of `other`.
    pub(super) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Any, _) => true,
            (Self::Exact(name), Self::Exact(other)) => name == other,
            (Self::Wildcard(suffix), Self::Exact(name)) => is_below(name, suffix),
            (Self::Wildcard(suffix), Self::Wildcard(other)) => other == suffix || is_below(other, suffix),
            (Self::Exact(_) | Self::Wildcard(_), _) => false,
        }
    }

    /// The hostnames that are in both.
    pub(super) fn intersection<'d>(&'d self, other: &'d Self) -> Option<&'d Self> {
        if self.covers(other) {
            Some(other)
        } else if other.covers(self) {
            Some(self)
        } else {
            None
        }
    }

    /// All sets that contain this one, starting with itself; each is contained in the next.
    pub(super) fn chain(&self) -> impl Iterator<Item = Self> {
        let first = match self {
            Self::Exact(name) => name.split_once('.').map(|(_, suffix)| suffix),
            Self::Wildcard(suffix) => Some(suffix.as_str()),
            Self::Any => None,
        };
        let wildcards = iter::successors(first, |suffix| suffix.split_once('.').map(|(_, shorter)| shorter))
            .map(Self::wildcard);
        let itself = matches!(self, Self::Exact(_)).then(|| self.clone());
        itself.into_iter().chain(wildcards).chain([Self::Any])
    }

    /// The specification's measure: the length of a hostname without a wildcard, then the length of any.
    pub(super) fn specificity(&self) -> (usize, usize) {
        match self {
            Self::Exact(name) => (name.len(), name.len()),
            Self::Wildcard(suffix) => (0, "*.".len() + suffix.len()),
            Self::Any => (0, 0),
        }
    }

    /// As written in a manifest.
    pub(super) fn written(&self) -> String {
        match self {
            Self::Exact(name) => format!("`{name}`"),
            Self::Wildcard(suffix) => format!("`*.{suffix}`"),
            Self::Any => String::from("every hostname"),
        }
    }

    fn wildcard(suffix: &str) -> Self {
        Self::Wildcard(suffix.to_owned())
    }
}

/// Whether there is at least one label before the suffix.
fn is_below(name: &str, suffix: &str) -> bool {
    name.strip_suffix(suffix).and_then(|front| front.strip_suffix('.')).is_some_and(|label| !label.is_empty())
}
