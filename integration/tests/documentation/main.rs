//! Tests of the documentation: its commands run, its examples are accepted, its links have targets.
//!
//! Every fenced block of README.md, CONTRIBUTING.md and docs/*.md is read. A block that is not tried has its reason in
//! `commands` or `examples`; a block of neither kind fails the tests, and so does a reason that no block needs any more.
#![cfg(test)]

mod commands;
mod conformance;
mod examples;
mod form;
mod kubernetes;
mod pages;
mod scratch;
mod workflows;
