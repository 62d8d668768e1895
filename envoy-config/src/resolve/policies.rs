//! Policies: what they are attached to, and what they change there.
//!
//! - `targets`: whether a policy's targets exist, and which of several policies for one target applies.
//! - `backend_tls`: TLS to backends. (`XBackendTrafficPolicy` is resolved in `sessions`.)
//! - `unsupported`: policies of kinds that are not applied.

pub(super) mod backend_tls;
pub(super) mod targets;
pub(super) mod unsupported;
