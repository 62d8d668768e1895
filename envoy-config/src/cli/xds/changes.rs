//! What a new version of the configuration changes, in one line for the operator: `added cluster default/shop#cart; changed …`.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::resources::Resources;

/// The kinds of resources, in the order in which they are listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Listeners,
    Routes,
    Clusters,
    Endpoints,
    Secrets,
}

/// What becomes different.
#[derive(Debug, Default)]
pub(in crate::cli) struct Changes {
    added: Names,
    changed: Names,
    removed: Names,
    /// Whether Envoy must be restarted to see a part of it: the bootstrap is read once.
    pub(in crate::cli) needs_restart: bool,
}

#[derive(Debug, Default)]
struct Names(BTreeMap<Kind, Vec<String>>);

/// How many names of a kind are listed.
const LISTED: usize = 3;

impl Changes {
    pub(super) fn compare(&mut self, kind: Kind, old: &BTreeMap<String, Value>, new: &Resources) {
        for (name, value) in &new.0 {
            match old.get(name) {
                None => self.added.add(kind, name),
                Some(old) if old != value => self.changed.add(kind, name),
                Some(_) => {}
            }
        }
        for name in old.keys().filter(|name| !new.0.contains_key(*name)) {
            self.removed.add(kind, name);
        }
    }

    /// The names of the resources of this kind that are added.
    pub(super) fn added(&self, kind: Kind) -> &[String] {
        self.added.0.get(&kind).map_or(&[], Vec::as_slice)
    }
}

impl Names {
    fn add(&mut self, kind: Kind, name: &str) {
        self.0.entry(kind).or_default().push(name.to_owned());
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("added", &self.added), ("changed", &self.changed), ("removed", &self.removed)];
        let mut parts = parts.into_iter().filter(|(_, names)| !names.0.is_empty()).peekable();
        if parts.peek().is_none() {
            f.write_str("nothing changed for Envoy")?;
        }
        while let Some((what, names)) = parts.next() {
            write!(f, "{what} {names}{}", if parts.peek().is_some() { "; " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (kind, names)) in self.0.iter().enumerate() {
            let separator = if position == 0 { "" } else { ", " };
            let listed: Vec<&str> = names.iter().take(LISTED).map(String::as_str).collect();
            write!(f, "{separator}{} {}", kind.noun(names.len()), listed.join(" "))?;
            if let Some(more) = names.len().checked_sub(LISTED).filter(|more| *more > 0) {
                write!(f, " and {more} more")?;
            }
        }
        Ok(())
    }
}

impl Kind {
    const fn noun(self, count: usize) -> &'static str {
        match (self, count) {
            (Self::Listeners, 1) => "listener",
            (Self::Listeners, _) => "listeners",
            (Self::Routes, _) => "routes of",
            (Self::Clusters, 1) => "cluster",
            (Self::Clusters, _) => "clusters",
            (Self::Endpoints, _) => "endpoints of",
            (Self::Secrets, 1) => "secret",
            (Self::Secrets, _) => "secrets",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn resources(names: &[&str], value: u32) -> Resources {
        Resources(names.iter().map(|name| ((*name).to_owned(), json!(value))).collect())
    }

    #[test]
    fn changes_are_listed_in_one_line() {
        let mut changes = Changes::default();
        assert_eq!(changes.to_string(), "nothing changed for Envoy");
        changes.compare(Kind::Clusters, &resources(&["a"], 1).0, &resources(&["b", "c", "d", "e", "f"], 1));
        changes.compare(Kind::Endpoints, &resources(&["a", "x"], 1).0, &resources(&["b", "x"], 2));
        assert_eq!(
            changes.to_string(),
            "added clusters b c d and 2 more, endpoints of b; changed endpoints of x; \
             removed cluster a, endpoints of a"
        );
    }
}
