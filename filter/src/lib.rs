//! Session persistence for Envoy: a proxy-wasm HTTP filter.
//!
//! The crate is pure except for the module `host`, which is compiled only for Envoy. `host` reads bytes, calls the core and applies its
//! decisions. The core does not call Envoy, a clock or a random number generator: their results are arguments.
//!
//! - [`names`]: names that the filter and Envoy's configuration must agree on.
//! - [`config`]: the plugin configuration, which `envoy-config` writes and the filter reads.
//! - [`key`]: the keys, from `SESSION_KEYS`.
//! - [`plugin`]: keys and configuration, prepared for requests.
//! - [`caching`]: keeps tokens out of shared caches.
//! - [`candidates`]: which parts of a request are tried as tokens, in bounded time.
//! - [`cookie`]: writes the session cookie.
//! - [`token`]: seals and opens tokens.
//! - [`pin`]: tells Envoy the endpoint of a session.
//! - [`envelope`]: the backend's own session header in a token.
//! - [`backend_signals`]: the backend's own session starts or ends.
//! - [`hiding`]: the session cookie does not reach backends.
//! - [`session`]: which session a request has, and whether its response issues a token.
//! - [`endpoint`], [`time`]: backend addresses and points in time.
//! - [`event`]: what is counted.
//! - [`header_map`]: reads all headers at once.
//! - [`throttle`]: how often something is logged.
//! - [`identity`]: which pod an endpoint is, and where that pod is now.

pub mod backend_signals;
pub mod caching;
pub mod candidates;
pub mod config;
pub mod cookie;
pub mod endpoint;
pub mod envelope;
pub mod event;
pub mod header_map;
pub mod hiding;
#[cfg(target_os = "wasi")]
mod host;
pub mod identity;
pub mod key;
pub mod names;
pub mod pin;
pub mod plugin;
pub mod session;
pub mod throttle;
pub mod time;
pub mod token;
pub mod unavailable;

// The core's tests also run as WebAssembly, where `usize` has 32 bits.
#[cfg(all(test, not(target_family = "wasm")))]
use core::prelude::v1::test;
#[cfg(all(test, target_family = "wasm"))]
use wasm_bindgen_test::wasm_bindgen_test as test;
