//! Tests of the harness, the echo backend and the demo's site.
#![cfg(test)]

mod backends;
mod clients;
#[cfg(unix)]
mod locating;
mod site;
