//! Policies: their targets, and what they change there.
//!
//! - `targets`: whether the targets of a policy for backends exist, and which of several policies for a target applies.
//! - `backend_tls`: TLS to backends. (`sessions` resolves `XBackendTrafficPolicy`.)
//! - `target_objects`: the targets of policies for Gateways and routes; `attached`: which of them applies to a rule; `scope`: which of
//!   them rules inherit from listeners.
//! - `backend_traffic`: how Envoy treats the backends of rules.
//! - `session_persistence`: settings of the sessions of rules.
//! - `unsupported`: policies of unsupported kinds.

mod attached;
pub(super) mod backend_tls;
pub(super) mod backend_traffic;
pub(super) mod scope;
pub(super) mod session_persistence;
pub(super) mod target_objects;
pub(super) mod targets;
pub(super) mod unsupported;
