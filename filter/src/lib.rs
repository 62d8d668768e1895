//! Session persistence for Envoy: a proxy-wasm HTTP filter.
//!
//! The crate is pure except for one module. `host` (compiled for Envoy alone) reads bytes, calls the core and applies
//! what it answers; the core never sees Envoy, the clock or a random number: they are arguments.
//!
//! - [`names`]: the names the filter and Envoy's configuration agree on.
//! - [`config`]: the plugin configuration, as `envoy-config` writes it and as the filter reads it.

pub mod config;
pub mod names;
