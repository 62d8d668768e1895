//! Fields about who sees the token of a session: `exposeHeader`, `hideFromBackend`, `cacheable`.

use session_persistence::config::Cacheable;

use crate::manifest::read::fields::Fields;
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::{boolean, word};
use crate::source::Spanned;

/// Fields about who sees the token of a session.
#[derive(Clone, Debug, Default)]
pub struct Visibility {
    /// `exposeHeader`, if it is set to true.
    pub expose_header: Option<Spanned<()>>,
    /// `hideFromBackend`, if it is set to true.
    pub hide_from_backend: Option<Spanned<()>>,
    /// `cacheable`.
    pub cacheable: Cacheable,
}

impl Visibility {
    /// Reads them. Errors are in `findings`; a field with an error has its default.
    pub(super) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Self {
        let words = [("Protect", Cacheable::Protect), ("Ignore", Cacheable::Ignore)];
        let cacheable = fields.optional("cacheable", findings, word(&words));
        Self {
            expose_header: enabled("exposeHeader", fields, findings),
            hide_from_backend: enabled("hideFromBackend", fields, findings),
            cacheable: cacheable.map(|cacheable| cacheable.value).unwrap_or_default(),
        }
    }
}

/// The place of a field that is set to true.
pub(super) fn enabled(name: &str, fields: &Fields<'_>, findings: &mut Findings) -> Option<Spanned<()>> {
    let flag = fields.optional(name, findings, |at, findings| Some((boolean(at, findings)?, at.span())));
    flag.filter(|(enabled, _)| *enabled).map(|(_, span)| Spanned { value: (), span })
}
