//! What becomes of a request, and what changes in it and in its answer on the way.

use std::collections::BTreeMap;

/// What becomes of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It goes to a cluster.
    Forward(Forward),
    /// Envoy answers it with this status (a rule without backends: 500).
    Respond(u16),
}

/// How a request goes to a cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forward {
    /// The name of the cluster.
    pub cluster: String,
}

impl Forward {
    /// To this cluster, without anything else.
    #[must_use]
    pub fn to(cluster: impl Into<String>) -> Self {
        Self { cluster: cluster.into() }
    }
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
