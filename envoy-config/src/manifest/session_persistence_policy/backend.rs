//! Fields about the part that backends have in sessions: `envelope`, `startOn`, `endOn`.

use session_persistence::config::{EndOn, StartOn};

use super::visibility::enabled;
use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::value::parsed;
use crate::source::Spanned;

/// Fields about the part that backends have in sessions.
#[derive(Clone, Debug, Default)]
pub struct Backend {
    /// `envelope`, if it is set to true.
    pub envelope: Option<Spanned<()>>,
    /// `startOn`, with the place of the name in it.
    pub start_on: Option<Spanned<StartOn>>,
    /// `endOn`, with the place of the name in it.
    pub end_on: Option<Spanned<EndOn>>,
}

const START_ON: Known = Known { read: &["backendCookie", "backendHeader"], unread: &[], unsupported: &[] };

const END_ON: Known = Known { read: &["backendHeader"], unread: &[], unsupported: &[] };

const NAMED: Known = Known { read: &["name"], unread: &[], unsupported: &[] };

impl Backend {
    /// Reads them. Errors are in `findings`; a field with an error has its default.
    pub(super) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Self {
        Self {
            envelope: enabled("envelope", fields, findings),
            start_on: fields.optional("startOn", findings, start_on),
            end_on: fields.optional("endOn", findings, end_on),
        }
    }
}

fn start_on(at: At<'_>, findings: &mut Findings) -> Option<Spanned<StartOn>> {
    let fields = Fields::of(at, &START_ON, findings)?;
    let cookie = |at: At<'_>, findings: &mut Findings| named(at, Code::InvalidCookieName, findings);
    let header = |at: At<'_>, findings: &mut Findings| named(at, Code::InvalidHeaderName, findings);
    match (fields.has("backendCookie"), fields.has("backendHeader")) {
        (true, false) => {
            Some(fields.optional("backendCookie", findings, cookie)?.map(StartOn::BackendCookie))
        }
        (false, true) => {
            Some(fields.optional("backendHeader", findings, header)?.map(StartOn::BackendHeader))
        }
        (true, true) => {
            let message = "`backendCookie` and `backendHeader` cannot both be set";
            findings.reject(at.error(Code::ConflictingFields, message).hint("remove one of them"))
        }
        (false, false) => {
            let message = "missing field `backendCookie` or `backendHeader`";
            findings.reject(
                at.error(Code::MissingField, message)
                    .hint("without `startOn`, every answer starts a session"),
            )
        }
    }
}

fn end_on(at: At<'_>, findings: &mut Findings) -> Option<Spanned<EndOn>> {
    let fields = Fields::of(at, &END_ON, findings)?;
    let header = |at: At<'_>, findings: &mut Findings| named(at, Code::InvalidHeaderName, findings);
    Some(fields.required("backendHeader", findings, header)?.map(EndOn::BackendHeader))
}

/// `{name: …}`.
fn named<T>(at: At<'_>, code: Code, findings: &mut Findings) -> Option<Spanned<T>>
where
    T: TryFrom<String, Error: std::fmt::Display>,
{
    let fields = Fields::of(at, &NAMED, findings)?;
    fields.required("name", findings, parsed(code, |text| T::try_from(text.to_owned())))
}
