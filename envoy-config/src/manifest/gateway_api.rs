//! Kinds of the Gateway API (gateway.networking.k8s.io and gateway.networking.x-k8s.io).
//!
//! - `gateway_class`, `gateway`, `listener_set`, `http_route`, `grpc_route`, `reference_grant`, `backend_tls_policy`,
//!   `backend_traffic_policy`, `xbackend`: one module for each kind.
//! - `route`: what the two kinds of routes have in common.
//! - `session_persistence` and `policy_target`: fields that several kinds have.
//! - `default_gateways`: Gateways that routes attach to without naming them.

pub mod backend_tls_policy;
pub mod backend_traffic_policy;
pub mod default_gateways;
pub mod gateway;
pub mod gateway_class;
pub(in crate::manifest) mod grpc_route;
pub(in crate::manifest) mod http_route;
pub mod listener_set;
pub mod policy_target;
pub mod reference_grant;
pub mod route;
pub mod session_persistence;
pub mod xbackend;

/// The API group of these kinds.
pub(crate) const GROUP: &str = "gateway.networking.k8s.io";
