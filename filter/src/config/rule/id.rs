//! The ids of rules.

use std::fmt;

use serde::Serialize;

/// The id of a rule, to which its tokens are bound: a token opens only for the rule that issued it.
///
/// Rules with the same id share sessions. If the id of a rule changes, its sessions end.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "String")]
pub struct RuleId(String);

/// A text is not a rule id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid rule id: it must have 1 to 1024 bytes, not {0}")]
pub struct RuleIdError(pub usize);

impl RuleId {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for RuleId {
    type Error = RuleIdError;

    fn try_from(text: String) -> Result<Self, RuleIdError> {
        if (1..=1024).contains(&text.len()) { Ok(Self(text)) } else { Err(RuleIdError(text.len())) }
    }
}

impl From<RuleId> for String {
    fn from(id: RuleId) -> Self {
        id.0
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
