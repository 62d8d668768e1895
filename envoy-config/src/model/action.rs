//! What becomes of a request, and what changes in it and in its answer on the way.

use std::collections::BTreeMap;
use std::ops::Range;

use super::retry::{Retry, Timeouts};
use crate::http_value::{RedirectStatus, Scheme};

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes to a cluster.
    Forward(Forward),
    /// Envoy answers it with another address to ask at.
    Redirect(Redirect),
    /// Envoy answers it with this status (a rule without backends: 500).
    Respond(u16),
}

/// How a request goes to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The name of the cluster.
    pub cluster: String,
    /// What takes the place of the request's hostname, if anything.
    pub hostname: Option<String>,
    /// What changes in its path.
    pub path: Option<PathChange>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// When it is tried again.
    pub retry: Option<Retry>,
    /// Who else gets a copy, whose answers nobody reads.
    pub mirrors: Vec<Mirror>,
}

/// Where copies of requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The name of the cluster.
    pub cluster: String,
    /// Requests whose number is below this are copied: the number of [`super::Portion::Below`].
    pub below: u32,
}

/// How many numbers there are.
const ALL: u32 = 1_000_000;

const fn width(range: &Range<u32>) -> u32 {
    range.end.saturating_sub(range.start)
}

impl Mirror {
    /// A mirror of so many of a million requests.
    #[must_use]
    pub fn of(cluster: impl Into<String>, millionths: u32) -> Self {
        Self { cluster: cluster.into(), below: millionths }
    }

    /// The same part of the requests of a route that gets those alone whose number is in this range.
    #[must_use]
    pub fn within(&self, range: &Range<u32>) -> Self {
        let below = range.start.saturating_add(self.part_of(width(range)));
        Self { cluster: self.cluster.clone(), below }
    }

    /// The same part of the requests of a route that gets those alone whose number is outside this range.
    #[must_use]
    pub fn outside(&self, range: &Range<u32>) -> Self {
        let part = self.part_of(ALL.saturating_sub(width(range)));
        let below = if part > range.start { part.saturating_add(width(range)) } else { part };
        Self { cluster: self.cluster.clone(), below }
    }

    fn part_of(&self, numbers: u32) -> u32 {
        u32::try_from(u64::from(self.below) * u64::from(numbers) / u64::from(ALL)).unwrap_or(numbers)
    }
}

impl Forward {
    /// To this cluster, without anything else.
    #[must_use]
    pub fn to(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            hostname: None,
            path: None,
            timeouts: Timeouts::default(),
            retry: None,
            mirrors: Vec::new(),
        }
    }
}

/// Where a request is sent instead; its query stays as it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The scheme of the new address: the request's own if there is none.
    pub scheme: Option<Scheme>,
    /// Its hostname: the request's own if there is none.
    pub hostname: Option<String>,
    /// Its port. The one that its scheme has by itself is not written.
    pub port: RedirectPort,
    /// What changes in its path.
    pub path: Option<PathChange>,
    /// How it is said.
    pub status: RedirectStatus,
}

/// The port of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectPort {
    /// This one.
    Given(u16),
    /// The one that the scheme has by itself.
    OfScheme,
    /// The one of the listener ([`super::Listener::port`]).
    OfListener,
}

/// What changes in a path; the query stays.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathChange {
    /// This takes the place of all of it.
    Full(String),
    /// A prefix of whole segments gives place to another. Neither has a slash at its end: the prefix of every path is
    /// empty, and an empty replacement takes the prefix away.
    Prefix {
        /// What the path was matched by.
        matched: String,
        /// What takes its place.
        replacement: String,
    },
}

/// What changes in the headers of a message, by name in lower case. Each header has one change, so that the order of the
/// filters that asked for them is behind us.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderChanges(pub BTreeMap<String, HeaderChange>);

/// What changes in one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    /// It goes.
    Remove,
    /// The first value takes the place of all that it has, and the others stand behind it.
    Set(String, Vec<String>),
    /// These values stand behind those that it has: at least one.
    Add(Vec<String>),
}

impl HeaderChanges {
    /// Takes a header away.
    pub fn remove(&mut self, name: &str) {
        self.0.insert(name.to_owned(), HeaderChange::Remove);
    }

    /// Gives a header this value alone.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), HeaderChange::Set(value.to_owned(), Vec::new()));
    }

    /// Gives a header one more value.
    pub fn add(&mut self, name: &str, value: &str) {
        let value = value.to_owned();
        let change = match self.0.remove(name) {
            None => HeaderChange::Add(vec![value]),
            Some(HeaderChange::Remove) => HeaderChange::Set(value, Vec::new()),
            Some(HeaderChange::Set(first, mut others)) => {
                others.push(value);
                HeaderChange::Set(first, others)
            }
            Some(HeaderChange::Add(mut values)) => {
                values.push(value);
                HeaderChange::Add(values)
            }
        };
        self.0.insert(name.to_owned(), change);
    }
}
