//! Compiles Gateway API manifests to a static Envoy bootstrap with session persistence.
//!
//! - [`model`]: what a bootstrap is to serve; the contract between `resolve` and `render`.

pub mod model;
