//! Session persistence for Envoy: a proxy-wasm HTTP filter.
//!
//! The crate is pure except for one module. `host` (compiled for Envoy alone) reads bytes, calls the core and applies
//! what it answers; the core never sees Envoy, the clock or a random number: they are arguments.
//!
//! - [`names`]: the names the filter and Envoy's configuration agree on.
//! - [`config`]: the plugin configuration, as `envoy-config` writes it and as the filter reads it.
//! - [`key`]: the keys, from `SESSION_KEYS`.
//! - [`plugin`]: keys and configuration together, ready for requests.
//! - [`caching`]: keeping tokens out of shared caches.
//! - [`candidates`]: which parts of a request are tried as tokens, in bounded time.
//! - [`cookie`]: writing the session cookie.
//! - [`token`]: sealing and opening what the client holds.
//! - [`pin`]: naming the endpoint to Envoy.
//! - [`session`]: what session a request has, and whether its answer is to give a token.
//! - [`endpoint`], [`time`]: backend addresses and points in time.

pub mod caching;
pub mod candidates;
pub mod config;
pub mod cookie;
pub mod endpoint;
#[cfg(target_os = "wasi")]
mod host;
pub mod key;
pub mod names;
pub mod pin;
pub mod plugin;
pub mod session;
pub mod time;
pub mod token;

// The core's tests also run as WebAssembly, where `usize` has 32 bits.
#[cfg(all(test, not(target_family = "wasm")))]
use core::prelude::v1::test;
#[cfg(all(test, target_family = "wasm"))]
use wasm_bindgen_test::wasm_bindgen_test as test;
