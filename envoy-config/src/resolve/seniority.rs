//! Which of two equal objects goes first: the older one, then the first by `namespace/name` (Gateway API,
//! `HTTPRouteRule.matches`; GEP-713, "Conflict resolution").

use crate::manifest::{Metadata, Object};

/// The place of a route, or of a policy, among those that are equal in all else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seniority {
    age: Age,
    /// `namespace/name`: compared as one text, as the specification has it.
    name: String,
}

/// Oldest first. A manifest without a creation time has not been created yet, so it is the youngest.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    Created(i64),
    Unknown,
}

impl Seniority {
    pub(super) fn of<T>(object: &Object<T>) -> Self {
        let Metadata { name, namespace, created, .. } = &object.metadata;
        Self {
            age: created.map_or(Age::Unknown, Age::Created),
            name: format!("{}/{}", namespace.value, name.value),
        }
    }
}
