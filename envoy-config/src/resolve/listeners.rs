//! The listeners of the served Gateways: their protocols, their addresses, and both sides of their TLS handshakes.
//!
//! - `protocols`: which protocols are served, and which kinds of routes a listener allows.
//! - `merging`: which listeners of a Gateway and its ListenerSets conflict.
//! - `addresses`: which address each listener binds, with `port_mappings` (`--map-port`).
//! - `certificates`: the certificates that clients see; `client_certificates`: those that clients must present.

pub(super) mod addresses;
pub(super) mod certificates;
mod client_certificates;
mod merging;
mod port_mappings;
mod protocols;
pub(super) mod section;
