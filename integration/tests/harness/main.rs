//! The harness itself: what the tests of the project stand on.
#![cfg(test)]

mod backends;
mod clients;
#[cfg(unix)]
mod locating;
mod site;
