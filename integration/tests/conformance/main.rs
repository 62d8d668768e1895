//! The Gateway API's conformance tests, replayed: for each of them that needs no live API server, its promise in manifests of
//! our own on top of an infrastructure like the suite's, compiled with `--keep-going`, on a real Envoy.
//!
//! A test is named after the file of the one that it replays.
#![cfg(test)]

mod backend_tls;
mod backends;
mod case;
mod certificates;
mod client_certificates;
mod conditions;
mod cors;
mod documents;
mod gateways;
mod grpc;
mod headers;
mod https;
mod infrastructure;
mod listeners;
mod matching;
mod mirrors;
mod redirects;
mod references;
mod replay;
mod rewrites;
mod sessions;
mod timeouts_retries;
mod tls;
mod websocket;
