//! Removing the session header from responses of backends, where it would replace the client's session.
//!
//! Envoy's router does this with 1,400 instructions less than the filter. But the router removes headers before it adds those of
//! the route, so if the route sets or adds the session header, the filter must remove it. It must also read the header first if the
//! rule has envelopes.

use session_persistence::config::Carrier;

use crate::model::Route;

/// The session header that a route removes from responses of its backends; `None` if there is none or the filter must remove it.
/// `siblings` are the routes for the same requests, including this one: they are served by one plugin.
pub(super) fn removed<'a>(route: &'a Route, siblings: &[Route]) -> Option<&'a str> {
    let rule = route.persistence.as_ref().filter(|rule| !rule.is_enveloped())?;
    let Carrier::Header(header) = rule.carrier() else { return None };
    let name = header.name.as_str();
    let is_unchanged = |route: &Route| !route.response_headers.0.contains_key(name);
    (is_unchanged(route) && siblings.iter().all(is_unchanged)).then_some(name)
}
