//! The Gateway API's conformance tests, replayed on a real Envoy: each test that needs no live API server, with manifests of
//! our own on an infrastructure like the suite's, compiled with `--keep-going`.
//!
//! A test has the name of the upstream file that it replays.
#![cfg(test)]

mod backend_tls;
mod backends;
mod case;
mod certificates;
mod client_certificates;
mod conditions;
mod cors;
mod documents;
mod external_auth;
mod gateways;
mod grpc;
mod headers;
mod https;
mod infrastructure;
mod listener_sets;
mod listeners;
mod matching;
mod mirrors;
mod precedence;
mod redirects;
mod references;
mod replay;
mod rewrites;
mod session_persistence;
mod sessions;
mod timeouts_retries;
mod tls;
mod websocket;
