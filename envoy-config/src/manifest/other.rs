//! Objects of kinds that are not read: how many there are, and what the policies among them are attached to.

use std::collections::BTreeMap;
use std::fmt;

use crate::source::Span;

/// How many objects were ignored, by kind.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ignored(BTreeMap<String, usize>);

/// A policy of a kind that is not applied.
#[derive(Clone, Debug)]
pub struct OtherPolicy {
    /// `kind`.
    pub kind: String,
    /// The group in its `apiVersion`: empty for core.
    pub group: String,
    /// Its namespace: `default` when left out.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// What it is attached to: at least one.
    pub targets: Vec<OtherTarget>,
}

/// What a policy is attached to.
#[derive(Clone, Debug)]
pub struct OtherTarget {
    /// The group, if it is written.
    pub group: Option<String>,
    /// The kind.
    pub kind: String,
    /// The namespace: the policy's own when left out.
    pub namespace: String,
    /// Which objects of this kind and namespace.
    pub selection: Selection,
    /// The field's path in the policy.
    pub field: String,
    /// Where it is written.
    pub span: Span,
}

/// Which objects of a kind and namespace a policy is attached to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Selection {
    /// The one of this name.
    Named(String),
    /// Those that have all of these labels.
    Labelled(BTreeMap<String, String>),
}

impl Ignored {
    /// Counts an object of this kind. The group is shown where it is not one of Kubernetes' own.
    pub(crate) fn add(&mut self, group: &str, kind: &str) {
        let foreign = group.contains('.') && !group.ends_with(".k8s.io");
        let title = if foreign { format!("{kind} ({group})") } else { kind.to_owned() };
        *self.0.entry(title).or_default() += 1;
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Display for Ignored {
    /// In a sentence without a full stop, the most frequent kind first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut kinds: Vec<_> = self.0.iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{count} {kind}")).collect();
        let objects = match self.0.values().sum() {
            1 => String::from("1 object that does"),
            count => format!("{count} objects that do"),
        };
        write!(f, "ignored {objects} not affect Gateway API routing: {}", kinds.join(", "))
    }
}
