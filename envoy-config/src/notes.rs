//! Notes: what is worth a line at the end of the diagnostics, and is neither an error nor a warning.
//!
//! Notes contain no names and no values of fields, so they need not be searched for parts of Secrets.

use std::fmt;

use crate::manifest::Manifests;
use crate::manifest::other_kinds::Ignored;

/// The notes about all manifests together.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Notes {
    /// Objects of kinds that are not read.
    pub ignored: Ignored,
    /// Whether the input has no GatewayClass for the only Gateway that is served.
    pub class_is_missing: bool,
}

impl Notes {
    pub(crate) fn of(manifests: &Manifests) -> Self {
        Self { ignored: manifests.ignored.clone(), class_is_missing: false }
    }
}

impl fmt::Display for Notes {
    /// A line for each note.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.ignored.is_empty() {
            writeln!(f, "note: {}", self.ignored)?;
        }
        if self.class_is_missing {
            writeln!(
                f,
                "note: the GatewayClass is not in the input; in a cluster, it must exist, and its controller must accept it"
            )?;
        }
        Ok(())
    }
}
