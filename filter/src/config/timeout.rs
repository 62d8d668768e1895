//! Timeouts, in whole seconds like the times in tokens.

use std::fmt;
use std::num::NonZeroU32;

use serde::Serialize;

/// A timeout of at least one second, written as `10s`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Timeout(NonZeroU32);

/// A text is not a timeout.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TimeoutError {
    /// Not digits followed by `s`, or more than 32 bits.
    #[error("invalid timeout {0:?}: write whole seconds, such as \"10s\"")]
    Form(String),
    /// Sessions would end immediately.
    #[error("invalid timeout \"0s\": it must be at least \"1s\"")]
    Zero,
}

impl Timeout {
    /// A timeout of this many seconds.
    #[must_use]
    pub const fn from_seconds(seconds: NonZeroU32) -> Self {
        Self(seconds)
    }

    /// The timeout in seconds.
    #[must_use]
    pub const fn seconds(self) -> u64 {
        self.0.get() as u64
    }
}

impl TryFrom<String> for Timeout {
    type Error = TimeoutError;

    fn try_from(text: String) -> Result<Self, TimeoutError> {
        let digits = text.strip_suffix('s').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
        let Some(seconds) = digits.and_then(|digits| digits.parse().ok()) else {
            return Err(TimeoutError::Form(text));
        };
        NonZeroU32::new(seconds).map(Self).ok_or(TimeoutError::Zero)
    }
}

impl From<Timeout> for String {
    fn from(timeout: Timeout) -> Self {
        timeout.to_string()
    }
}

impl fmt::Display for Timeout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s", self.0)
    }
}
