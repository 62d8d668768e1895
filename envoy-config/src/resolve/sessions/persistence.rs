//! The session persistence of a rule, for the route of one of its matches (GEP-1619).

use session_persistence::config::{
    Carrier, Cookie, CookieName, CookieNameError, CookiePath, Header, HeaderName, HeaderNameError, Rule,
    RuleError, RuleId, RuleIdError,
};

use super::cookie_path;
use super::rule_id;
use crate::manifest::gateway_api::route::RouteKind;
use crate::manifest::gateway_api::session_persistence::{self as session, Path, SessionPersistence};
use crate::model::PathMatch;

/// What the configuration of the filter rejects. The reader accepts no manifest that leads to one of these: object names
/// keep a rule id short, generated names are valid, and a permanent cookie needs an absolute timeout there, too.
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

/// The filter's rule for the route of a match with this path.
///
/// # Errors
/// See [`PersistenceError`].
pub(in crate::resolve) fn rule(
    persistence: &SessionPersistence,
    id: RuleId,
    kind: RouteKind,
    path: &PathMatch,
) -> Result<Rule, PersistenceError> {
    let carrier = match &persistence.carrier {
        session::Carrier::Cookie { name, path: given, lifetime } => Carrier::Cookie(Cookie {
            name: match name {
                Some(name) => name.value.clone(),
                None => CookieName::try_from(rule_id::session_name(&id))?,
            },
            path: match given {
                Path::Given(path) => path.clone(),
                Path::OfMatch if kind == RouteKind::Http => cookie_path::of(path),
                // The methods of a service are no places; a client that keeps cookies has one for all of a rule's.
                Path::OfMatch => CookiePath::default(),
            },
            lifetime: *lifetime,
            // Of a listener that speaks HTTP in the clear, from which a client would not take a `Secure` cookie. The
            // others add it (`sites`).
            secure: false,
        }),
        session::Carrier::Header { name } => Carrier::Header(Header {
            name: match name {
                Some(name) => name.value.clone(),
                None => HeaderName::try_from(rule_id::session_name(&id))?,
            },
        }),
    };
    let [absolute, idle] = [&persistence.absolute_timeout, &persistence.idle_timeout]
        .map(|timeout| timeout.as_ref().map(|one| one.value));
    Ok(Rule::new(id, carrier, absolute, idle)?)
}
