//! The compiled module under a small embedded proxy-wasm host: the second tier of tests.
//!
//! Between the pure core's own tests, which never see the module, and those against a real Envoy, which see no more than a
//! client does: here each host call, each trap and each instruction of the real module counts.
//!
//! - `artifact`: the module file; the tests below it run what it reads.
//! - `plugin`, `exchange`: the filter as a plugin that is given requests and answers.
//! - `imports`, `wasi`, `guest`, `proxy`, `headers`: the proxy behind it.
#![cfg(test)]

mod amplification;
mod artifact;
mod backend_signals;
mod budget;
mod carriers;
mod cost;
mod envelopes;
mod events;
mod exchange;
mod guest;
mod headers;
mod hiding;
mod hostile;
mod identities;
mod imports;
mod lifetime;
mod listeners;
mod pin_header;
mod plugin;
mod proxy;
mod sample;
mod start;
mod strict;
mod wasi;
