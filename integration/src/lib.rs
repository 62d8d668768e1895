//! Drives a real Envoy with the real module.
//!
//! - [`workspace`]: where this repository and its build output are.
//! - [`artifact`]: the compiled filter.
//! - [`envoy`]: finding or fetching Envoy, starting it, watching it, stopping it.
//! - [`backend`]: echo backends that can be killed, paused and revived.
//! - [`client`]: clients with and without a cookie jar, and one that sends any bytes.
//! - [`keys`]: fresh keys for sealing tokens.
//! - [`manifests`]: the manifests of a test, around the route that it is about.
//! - [`deadline`]: waiting for a state.

pub mod artifact;
pub mod backend;
pub mod client;
pub mod deadline;
pub mod envoy;
pub mod keys;
pub mod manifests;
pub mod workspace;
