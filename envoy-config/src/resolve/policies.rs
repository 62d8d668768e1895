//! Policies: their targets, and what they change there.
//!
//! - `targets`: whether the targets of a policy exist, and which of several policies for a target applies.
//! - `backend_tls`: TLS to backends. (`sessions` resolves `XBackendTrafficPolicy`.)
//! - `backend_traffic`: how Envoy treats the backends of rules.
//! - `unsupported`: policies of unsupported kinds.

pub(super) mod backend_tls;
pub(super) mod backend_traffic;
pub(super) mod targets;
pub(super) mod unsupported;
