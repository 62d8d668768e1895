//! Values by name. In JSON, this is an object.

use serde::{Serialize, Serializer};

/// Values by name, sorted. (A `BTreeMap` adds five kilobytes to the module for each type of values.)
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ByName<T>(Vec<(String, T)>);

impl<T> ByName<T> {
    /// The values with these names, which are sorted and unique.
    pub(super) const fn sorted(values: Vec<(String, T)>) -> Self {
        Self(values)
    }

    /// Whether there are no values.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The names and values, sorted by name.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &T)> {
        self.0.iter().map(|(name, value)| (name, value))
    }

    /// The value of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&T> {
        let position = self.0.binary_search_by(|(known, _)| known.as_str().cmp(name)).ok()?;
        self.0.get(position).map(|(_, value)| value)
    }
}

impl<T> Default for ByName<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

/// Of several values with one name, the last one counts.
impl<T> FromIterator<(String, T)> for ByName<T> {
    fn from_iter<I: IntoIterator<Item = (String, T)>>(values: I) -> Self {
        Self(std::collections::BTreeMap::from_iter(values).into_iter().collect())
    }
}

impl<T> IntoIterator for ByName<T> {
    type Item = (String, T);
    type IntoIter = std::vec::IntoIter<(String, T)>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<T: Serialize> Serialize for ByName<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn values_are_sorted_and_the_last_one_of_a_name_counts() {
        let values = [("b", 1), ("a", 2), ("b", 3)].map(|(name, value)| (String::from(name), value));
        let values = ByName::from_iter(values);
        assert_eq!(serde_json::to_string(&values).unwrap(), r#"{"a":2,"b":3}"#);
        assert_eq!((values.get("a"), values.get("b"), values.get("c")), (Some(&2), Some(&3), None));
        assert!(!values.is_empty() && ByName::<u8>::default().is_empty());
    }
}
