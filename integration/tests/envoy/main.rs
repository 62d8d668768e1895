//! Sessions, and what they add to the Gateway API, on a real Envoy with the compiled filter.
//!
//! What the Gateway API says without sessions is tested in `tests/conformance`.
#![cfg(test)]

mod access_log;
mod admin;
mod backend_signals;
mod backend_tls;
mod backends;
mod bad_configuration;
mod carriers;
mod certificates;
mod chains;
mod closing_backend;
mod dashboard;
mod endpoints;
mod expiry;
mod external_auth;
mod filters;
mod fleet;
mod foreign_tokens;
mod gateways;
mod grpc;
mod health;
mod hiding;
mod hostile_bytes;
mod https;
mod ignored;
mod keys;
mod limits;
mod listeners;
mod live;
mod load_balancers;
mod matching;
mod metrics;
mod neighbours;
mod observation;
mod pinning;
mod pins;
mod policies;
mod private_header;
mod rendered;
mod retries;
mod scale;
mod setup;
mod shares;
mod strict;
mod traffic_policies;
mod transcripts;
mod uploads;
mod websocket;
mod weights;
mod xbackends;
