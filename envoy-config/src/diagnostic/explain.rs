//! The entries of the documentation about codes: the program carries the page.

use super::{Code, Explanation};

const PAGE: &str = include_str!("../../../docs/diagnostics.md");

impl Explanation {
    /// The entry of this code in `docs/diagnostics.md`, without its heading.
    #[must_use]
    pub fn entry(&self) -> &'static str {
        let heading = format!("\n### `{}`\n", self.name);
        let entry = PAGE.split_once(&heading).map_or(self.meaning, |(_, rest)| rest);
        let end = entry.find("\n#").unwrap_or(entry.len());
        entry.get(..end).unwrap_or(entry).trim_ascii()
    }
}

impl Code {
    /// The explanation of the code with this name.
    #[must_use]
    pub fn explanation(name: &str) -> Option<&'static Explanation> {
        Self::ALL.iter().find(|code| code.name == name)
    }
}
