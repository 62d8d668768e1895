//! Drives a real Envoy with the real module.
//!
//! - [`harness`]: from manifests to a running Envoy, and the clients that send it requests. Knows no demo.
//! - [`backend`]: echo backends that can be killed, paused and restarted.
//! - [`demo`]: what the demo adds: pods that a web page stops and starts, and the commands that it shows.

pub mod backend;
pub mod demo;
pub mod harness;
