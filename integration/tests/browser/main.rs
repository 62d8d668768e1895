//! Sessions in a real Chromium, on the demo's page, behind a real Envoy.
//!
//! Run by `make test-browser`: it needs Chromium and its driver.
#![cfg(test)]

mod accessible;
mod attributes;
mod browser;
mod cookies;
mod driver;
mod failover;
mod header;
mod https;
mod path;
mod picture;
mod site;
