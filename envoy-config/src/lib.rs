//! Compiles Gateway API manifests to a static Envoy bootstrap with session persistence.
//!
//! - [`source`]: texts and places in them.
//! - [`manifest`]: text to typed manifests.
//! - [`diagnostic`]: what is wrong with them.
//! - [`model`]: what a bootstrap is to serve; the contract between `resolve` and `render`.
//! - [`render`]: the model as the text of a bootstrap.

pub mod diagnostic;
pub mod manifest;
pub mod model;
pub mod render;
pub mod source;
