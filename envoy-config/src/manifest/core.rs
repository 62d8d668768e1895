//! Kinds of Kubernetes itself.

pub mod config_map;
pub mod endpoint_slice;
pub mod namespace;
pub mod pod;
mod port;
pub mod secret;
pub mod service;
