//! The API groups of the kinds that references name.

/// The group of the Gateway API's kinds.
pub(in crate::resolve) const GATEWAY_API: &str = "gateway.networking.k8s.io";

/// The group of Envoy Gateway's kinds.
pub(in crate::resolve) const ENVOY_GATEWAY: &str = "gateway.envoyproxy.io";
