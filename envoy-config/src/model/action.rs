//! What happens to a request, and how it and its response change.

use std::collections::BTreeMap;
use std::ops::Range;
use std::time::Duration;

use super::retry::{Retry, Timeouts};
use crate::http_value::{RedirectStatus, Scheme};

/// What happens to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is forwarded to a cluster.
    Forward(Forward),
    /// Envoy answers with a redirect.
    Redirect(Redirect),
    /// Envoy answers with this status (500 for a rule without backends).
    Respond(u16),
}

/// How a request is forwarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The name of the cluster.
    pub cluster: String,
    /// Replaces the request's hostname.
    pub hostname: Option<String>,
    /// Changes the path.
    pub path: Option<PathChange>,
    /// How long it may take.
    pub timeouts: Timeouts,
    /// When it is retried.
    pub retry: Option<Box<Retry>>,
    /// What is hashed to choose an endpoint, if the cluster does so.
    pub hash: Vec<HashInput>,
    /// Where copies are sent; their responses are discarded.
    pub mirrors: Vec<Mirror>,
}

/// A part of a request that is hashed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HashInput {
    /// The IP address of the client.
    ClientAddress,
    /// The header with this name, in lower case.
    Header(String),
    /// The query parameter with this name.
    QueryParameter(String),
    /// A cookie.
    Cookie {
        /// The name.
        name: String,
        /// With a lifetime, Envoy sets the cookie if a request does not have it. Zero: until the browser is closed.
        ttl: Option<Duration>,
        /// The attributes of a cookie that Envoy sets.
        attributes: BTreeMap<String, String>,
    },
}

/// Where copies of requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// The name of the cluster.
    pub cluster: String,
    /// Requests whose number is below this are copied (see [`super::RequestSubset::NumberBelow`]).
    pub below: u32,
}

/// The random numbers of requests are below this.
const ALL: u32 = 1_000_000;

const fn width(range: &Range<u32>) -> u32 {
    range.end.saturating_sub(range.start)
}

impl Mirror {
    /// A mirror of this many requests in a million.
    #[must_use]
    pub fn of(cluster: impl Into<String>, millionths: u32) -> Self {
        Self { cluster: cluster.into(), below: millionths }
    }

    /// The same fraction of a route that gets only requests whose number is in this range.
    #[must_use]
    pub fn within(&self, range: &Range<u32>) -> Self {
        let below = range.start.saturating_add(self.fraction_of(width(range)));
        Self { cluster: self.cluster.clone(), below }
    }

    /// The same fraction of a route that gets only requests whose number is outside this range.
    #[must_use]
    pub fn outside(&self, range: &Range<u32>) -> Self {
        let part = self.fraction_of(ALL.saturating_sub(width(range)));
        let below = if part > range.start { part.saturating_add(width(range)) } else { part };
        Self { cluster: self.cluster.clone(), below }
    }

    fn fraction_of(&self, numbers: u32) -> u32 {
        u32::try_from(u64::from(self.below) * u64::from(numbers) / u64::from(ALL)).unwrap_or(numbers)
    }
}

impl Forward {
    /// Forwards to this cluster without changes.
    #[must_use]
    pub fn to(cluster: impl Into<String>) -> Self {
        Self {
            cluster: cluster.into(),
            hostname: None,
            path: None,
            timeouts: Timeouts::default(),
            retry: None,
            hash: Vec::new(),
            mirrors: Vec::new(),
        }
    }
}

/// A redirect; the query does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// The new scheme; by default that of the request.
    pub scheme: Option<Scheme>,
    /// The new hostname; by default that of the request.
    pub hostname: Option<String>,
    /// The new port. The default port of the scheme is omitted.
    pub port: RedirectPort,
    /// Changes the path.
    pub path: Option<PathChange>,
    /// The status of the response.
    pub status: RedirectStatus,
}

/// The port of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedirectPort {
    /// This port.
    Given(u16),
    /// The default port of the scheme.
    OfScheme,
    /// The port of the listener ([`super::Listener::port`]).
    OfListener,
}

/// A change of a path; the query does not change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathChange {
    /// Replaces the whole path.
    Full(String),
    /// Replaces a prefix of whole segments. Neither value has a trailing slash: the prefix that all paths
    /// have is empty, and an empty replacement removes the prefix.
    Prefix {
        /// The matched prefix.
        matched: String,
        /// The replacement.
        replacement: String,
    },
    /// The same as `Prefix`, for a route that matches a part of the paths with this prefix.
    PrefixOfSome {
        /// The prefix.
        matched: String,
        /// The replacement.
        replacement: String,
    },
}

/// Changes to the headers of a message, by name in lower case. Each header has one change, which combines all
/// filters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeaderChanges(pub BTreeMap<String, HeaderChange>);

/// A change of one header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderChange {
    /// Removes the header.
    Remove,
    /// Replaces all values with the first one, and appends the others.
    Set(String, Vec<String>),
    /// Appends these values, at least one.
    Add(Vec<String>),
    /// Replaces all values with what the filter left in this filter state, if there is something, and appends these values.
    FromFilterState(&'static str, Vec<String>),
}

impl HeaderChanges {
    /// Removes a header.
    pub fn remove(&mut self, name: &str) {
        self.0.insert(name.to_owned(), HeaderChange::Remove);
    }

    /// Replaces all values of a header.
    pub fn set(&mut self, name: &str, value: &str) {
        self.0.insert(name.to_owned(), HeaderChange::Set(value.to_owned(), Vec::new()));
    }

    /// Appends a value to a header.
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
            Some(HeaderChange::FromFilterState(key, mut values)) => {
                values.push(value);
                HeaderChange::FromFilterState(key, values)
            }
        };
        self.0.insert(name.to_owned(), change);
    }

    /// Removes the values that a header has before these changes.
    pub fn hide(&mut self, name: &str) {
        let change = match self.0.remove(name) {
            None | Some(HeaderChange::Remove) => HeaderChange::Remove,
            Some(HeaderChange::Add(values)) => {
                let mut values = values.into_iter();
                values.next().map_or(HeaderChange::Remove, |first| HeaderChange::Set(first, values.collect()))
            }
            Some(changed @ (HeaderChange::Set(..) | HeaderChange::FromFilterState(..))) => changed,
        };
        self.0.insert(name.to_owned(), change);
    }

    /// Replaces the values that a header has before these changes with those in a filter state.
    pub fn replace_from(&mut self, key: &'static str, name: &str) {
        let change = match self.0.remove(name) {
            None => HeaderChange::FromFilterState(key, Vec::new()),
            Some(HeaderChange::Add(values)) => HeaderChange::FromFilterState(key, values),
            Some(changed) => changed,
        };
        self.0.insert(name.to_owned(), change);
    }
}
