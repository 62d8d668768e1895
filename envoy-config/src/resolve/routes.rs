//! What routes serve.
//!
//! - `rules`: the Envoy routes and clusters of each rule, with `matches`, `filters` and `retry`; `split` for
//!   rules whose backendRefs need a route and a cluster each; `external_auth` for the servers that authorize requests.
//! - `precedence`: which of several matches serves a request.
//! - `virtual_hosts`: which routes each hostname serves; `conflicts`: rules that no request reaches.

pub(super) mod conflicts;
mod external_auth;
mod filters;
mod ignored;
mod matches;
pub(super) mod precedence;
mod retry;
pub(super) mod rules;
mod split;
pub(super) mod virtual_hosts;
