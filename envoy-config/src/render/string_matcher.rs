//! Conditions on text (`envoy.type.matcher.v3`).

use serde::Serialize;

/// `RegexMatcher`: an RE2 expression for the whole text.
#[derive(Serialize)]
pub(super) struct Regex {
    regex: String,
}

/// `StringMatcher`
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum StringMatcher {
    Exact(String),
    SafeRegex(Regex),
}

impl Regex {
    pub(super) fn new(regex: impl Into<String>) -> Self {
        Self { regex: regex.into() }
    }

    pub(super) fn as_str(&self) -> &str {
        &self.regex
    }
}

impl StringMatcher {
    pub(super) fn regex(regex: impl Into<String>) -> Self {
        Self::SafeRegex(Regex::new(regex))
    }
}
