//! Fields about the part that backends have in sessions: `envelope`.

use super::visibility::enabled;
use crate::manifest::read::fields::Fields;
use crate::manifest::read::findings::Findings;
use crate::source::Spanned;

/// Fields about the part that backends have in sessions.
#[derive(Clone, Debug, Default)]
pub struct Backend {
    /// `envelope`, if it is set to true.
    pub envelope: Option<Spanned<()>>,
}

impl Backend {
    /// Reads them. Errors are in `findings`; a field with an error has its default.
    pub(super) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Self {
        Self { envelope: enabled("envelope", fields, findings) }
    }
}
