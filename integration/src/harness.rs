//! From manifests to a running Envoy, and the clients that send it requests.
//!
//! - [`workspace`]: the paths of this repository and of its build output.
//! - [`artifact`]: the compiled filter.
//! - [`envoy`]: finds or downloads Envoy, starts it, reads its admin interface, stops it.
//! - [`keys`]: new keys for sealing tokens.
//! - [`manifests`]: builds the manifests of a test.
//! - [`deployment`]: compiles manifests and starts an Envoy with the result.
//! - [`client`]: clients with and without a cookie jar, and one that sends arbitrary bytes.
//! - [`deadline`]: waits for a state.

pub mod artifact;
pub mod client;
pub mod deadline;
pub mod deployment;
pub mod envoy;
pub mod keys;
pub mod manifests;
pub mod workspace;
