//! The session header in the answers of backends, where it would take the place of the client's session.
//!
//! Envoy's router removes it for a tenth of what the filter's own call costs. The router does so before it adds what the
//! route's filters say, so the filter has to do it wherever one of them sets or adds that header.

use session_persistence::config::Carrier;

use crate::model::Route;

/// The session header that a route removes from the answers of its backends; none if the filter has to, or there is none.
/// `siblings` are the routes for the same requests, itself among them: one plugin serves them all.
pub(super) fn removed<'a>(route: &'a Route, siblings: &[Route]) -> Option<&'a str> {
    let Carrier::Header(header) = route.persistence.as_ref()?.carrier() else { return None };
    let name = header.name.as_str();
    let is_free = |route: &Route| !route.response_headers.0.contains_key(name);
    (is_free(route) && siblings.iter().all(is_free)).then_some(name)
}
