//! Which of two otherwise equal objects takes precedence: the older one, then the first by `namespace/name`
//! (Gateway API, `HTTPRouteRule.matches`; GEP-713, "Conflict resolution").

use crate::manifest::{Metadata, Object};

/// The rank of a route or policy among otherwise equal ones.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Seniority {
    age: Age,
    /// `namespace/name`, compared as one string, as the specification says.
    name: String,
}

/// Oldest first. A manifest without a creation time was not created yet, so it is the youngest.
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
