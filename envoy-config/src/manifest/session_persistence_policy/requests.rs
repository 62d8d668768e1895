//! Fields about which requests have a session: `ignore`.

use crate::diagnostic::Code;
use crate::manifest::gateway_api::route::{HttpMatch, PathMatch, http_match};
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::Fields;
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;

/// Fields about which requests have a session.
#[derive(Clone, Debug, Default)]
pub struct Requests {
    /// `ignore`: requests that meet one of these matches have none. No match is met by every request.
    pub ignore: Vec<HttpMatch>,
}

impl Requests {
    /// Reads them. Errors are in `findings`; a field with an error has its default.
    pub(super) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Self {
        let ignore = fields.optional("ignore", findings, |at, findings| list(at, 1..=16, findings, ignored));
        Self { ignore: ignore.unwrap_or_default() }
    }
}

/// A match of `ignore`. One that every request meets would leave no sessions.
fn ignored(at: At<'_>, findings: &mut Findings) -> Option<HttpMatch> {
    let (place, before) = (At { node: at.node, path: at.path }, findings.len());
    let one = http_match::read(at, findings)?;
    let any_path = matches!(&one.path, PathMatch::Prefix(path) if path == "/");
    let any = any_path && one.method.is_none() && one.headers.is_empty() && one.query_params.is_empty();
    // With an error in it, what it selects is not known.
    if any && before == findings.len() {
        let message = "every request meets this match, so there would be no sessions";
        return findings.reject(place.error(Code::MissingField, message).hint(
            "set `path`, `method`, `headers` or `queryParams`; for no sessions, remove `sessionPersistence`",
        ));
    }
    Some(one)
}
