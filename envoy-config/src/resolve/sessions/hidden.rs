//! Keeping the session cookie or header from backends (`hideFromBackend`): the change of a route's request headers. Envoy makes it
//! behind all filters, so conditions of routes and the filter still see the token; mirrors and retries do not have it.
//!
//! The other cookies are what the filter leaves in the filter state. A change that the rule itself makes stays as it is.

use session_persistence::config::Carrier;
use session_persistence::names::COOKIES_FILTER_STATE;

use crate::model::HeaderChanges;

/// Hides the token in this carrier.
pub(in crate::resolve) fn hide(carrier: &Carrier, changes: &mut HeaderChanges) {
    match carrier {
        Carrier::Cookie(_) => changes.replace_from(COOKIES_FILTER_STATE, "cookie"),
        Carrier::Header(header) => changes.hide(header.name.as_str()),
    }
}
