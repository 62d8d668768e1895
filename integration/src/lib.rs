//! Drives a real Envoy with the real module.
//!
//! - [`workspace`]: where this repository and its build output are.
//! - [`artifact`]: the compiled filter.
//! - [`envoy`]: finding or fetching Envoy, starting it, watching it, stopping it.
//! - [`backend`]: echo backends that can be killed, paused and revived.
//! - [`client`]: clients with and without a cookie jar, and one that sends any bytes.
//! - [`keys`]: fresh keys for sealing tokens.
//! - [`manifests`]: the manifests of a test, around the route that it is about.
//! - [`sources`]: the manifests of a folder.
//! - [`slices`]: the pods behind the EndpointSlices of some manifests.
//! - [`deployment`]: from manifests to a running Envoy.
//! - [`transcript`]: the commands of Envoy Gateway's task, and what has to come of them.
//! - [`deadline`]: waiting for a state.

pub mod artifact;
pub mod backend;
pub mod client;
pub mod deadline;
pub mod deployment;
pub mod envoy;
pub mod keys;
pub mod manifests;
pub mod slices;
pub mod sources;
pub mod transcript;
pub mod workspace;
