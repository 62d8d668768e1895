//! The filter's configuration for a rule, on the route of one of its matches (GEP-1619).

use session_persistence::config::{
    Carrier, Cookie, CookieName, CookieNameError, CookiePath, Header, HeaderName, HeaderNameError, Rule,
    RuleError, RuleId, RuleIdError,
};

use super::cookie_path;
use super::rule_id;
use crate::manifest::gateway_api::route::RouteKind;
use crate::manifest::gateway_api::session_persistence::{self as session, Path, SessionPersistence};
use crate::model::{CookieSettings, PathMatch};

/// What the filter's configuration rejects. The reader accepts no manifest that leads to one of these errors:
/// names of objects keep rule ids short, generated names are valid, and the reader also requires an absolute
/// timeout for permanent cookies.
#[derive(Debug, thiserror::Error)]
pub(in crate::resolve) enum PersistenceError {
    #[error(transparent)]
    RuleId(#[from] RuleIdError),
    #[error(transparent)]
    CookieName(#[from] CookieNameError),
    #[error(transparent)]
    HeaderName(#[from] HeaderNameError),
    #[error(transparent)]
    Rule(#[from] RuleError),
}

/// The filter's rule on the route of a match with this path.
///
/// # Errors
/// See [`PersistenceError`].
pub(in crate::resolve) fn rule(
    persistence: &SessionPersistence,
    id: RuleId,
    kind: RouteKind,
    path: &PathMatch,
    settings: &CookieSettings,
) -> Result<Rule, PersistenceError> {
    let carrier = match &persistence.carrier {
        session::Carrier::Cookie { name, path: given, lifetime } => {
            let name = match name {
                Some(name) => name.value.clone(),
                None => CookieName::try_from(rule_id::session_name(&id))?,
            };
            let path = match given {
                Path::Given(path) => path.clone(),
                Path::OfMatch if kind == RouteKind::Http => cookie_path::of(path),
                // The methods of a service do not have paths of their own: a client needs one cookie for all
                // of a rule's.
                Path::OfMatch => CookiePath::default(),
            };
            Carrier::Cookie(settings.apply(Cookie::new(name, path, *lifetime))?)
        }
        session::Carrier::Header { name } => Carrier::Header(Header {
            name: match name {
                Some(name) => name.value.clone(),
                None => HeaderName::try_from(rule_id::session_name(&id))?,
            },
            removed_by_route: false,
        }),
    };
    let [absolute, idle] = [&persistence.absolute_timeout, &persistence.idle_timeout]
        .map(|timeout| timeout.as_ref().map(|one| one.value));
    Ok(Rule::new(id, carrier, absolute, idle)?)
}
