//! Typed manifests, as an API server would store them: unknown fields are errors, defaults are applied, and the schema
//! and CEL rules of the CRDs hold. Values that a later stage may report have their place in the source.
//!
//! Names are those of the Gateway API. `resolve` decides what objects mean together.
//!
//! - `gateway_api` and `core`: the kinds of the Gateway API and of Kubernetes, one module for each kind.
//! - `backend` and `backend_traffic_policy`: kinds of Envoy Gateway; `cluster_trust_bundle`: CA certificates of a cluster.
//! - `policy_targets`: what policies for Gateways and routes apply to.
//! - `session_persistence_policy`: a kind of this project.
//! - `other_kinds`: objects that are counted, but not read.
//! - `read`: from text to objects, and what all kinds are read with.

pub mod backend;
pub mod backend_traffic_policy;
pub mod cluster_trust_bundle;
pub mod core;
pub mod gateway_api;
pub mod other_kinds;
pub mod policy_targets;
mod read;
pub mod session_persistence_policy;

use std::collections::BTreeMap;

use self::backend::Backend;
use self::backend_traffic_policy::BackendTrafficPolicy as EnvoyTrafficPolicy;
use self::cluster_trust_bundle::ClusterTrustBundle;
use self::core::config_map::ConfigMap;
use self::core::endpoint_slice::EndpointSlice;
use self::core::namespace::Namespace;
use self::core::pod::Pod;
use self::core::secret::Secret;
use self::core::service::Service;
use self::gateway_api::backend_tls_policy::BackendTlsPolicy;
use self::gateway_api::backend_traffic_policy::BackendTrafficPolicy;
use self::gateway_api::gateway::Gateway;
use self::gateway_api::gateway_class::GatewayClass;
use self::gateway_api::listener_set::ListenerSet;
use self::gateway_api::policy_target::TargetRef;
use self::gateway_api::reference_grant::ReferenceGrant;
use self::gateway_api::route::{ParentRef, Route};
use self::gateway_api::xbackend::XBackend;
use self::other_kinds::{Ignored, OtherPolicy};
use self::session_persistence_policy::SessionPersistencePolicy;
use crate::source::{Span, Spanned};

pub(crate) use self::read::original::{Original, originals};
pub use self::read::read;
pub use self::read::syntax::hostname::Hostname;

/// All objects of all sources, in the order in which they were read. Namespace and name are unique for each kind.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// `gateway.networking.k8s.io` GatewayClasses.
    pub gateway_classes: Vec<Object<GatewayClass>>,
    /// `gateway.networking.k8s.io` Gateways.
    pub gateways: Vec<Object<Gateway>>,
    /// `gateway.networking.k8s.io` ListenerSets.
    pub listener_sets: Vec<Object<ListenerSet>>,
    /// `gateway.networking.k8s.io` HTTPRoutes and GRPCRoutes. One of each may have the same namespace and name.
    pub routes: Vec<Object<Route>>,
    /// `gateway.networking.k8s.io` ReferenceGrants, `v1` and `v1beta1`.
    pub reference_grants: Vec<Object<ReferenceGrant>>,
    /// Objects of the kind `XBackendTrafficPolicy` (`gateway.networking.x-k8s.io`).
    pub backend_traffic_policies: Vec<Object<BackendTrafficPolicy>>,
    /// Objects of the kind `BackendTrafficPolicy` (`gateway.envoyproxy.io`).
    pub envoy_traffic_policies: Vec<Object<EnvoyTrafficPolicy>>,
    /// Objects of the kind `SessionPersistencePolicy` (`session-persistence.dev`).
    pub session_persistence_policies: Vec<Object<SessionPersistencePolicy>>,
    /// `gateway.envoyproxy.io` Backends.
    pub backends: Vec<Object<Backend>>,
    /// Objects of the kind `XBackend` (`gateway.networking.x-k8s.io`).
    pub xbackends: Vec<Object<XBackend>>,
    /// Core Pods, which only XBackends use.
    pub pods: Vec<Object<Pod>>,
    /// Core Services.
    pub services: Vec<Object<Service>>,
    /// `discovery.k8s.io` EndpointSlices.
    pub endpoint_slices: Vec<Object<EndpointSlice>>,
    /// Core Namespaces.
    pub namespaces: Vec<Object<Namespace>>,
    /// `gateway.networking.k8s.io` BackendTLSPolicies, `v1` and `v1alpha3`.
    pub backend_tls_policies: Vec<Object<BackendTlsPolicy>>,
    /// Core ConfigMaps.
    pub config_maps: Vec<Object<ConfigMap>>,
    /// ClusterTrustBundles.
    pub cluster_trust_bundles: Vec<Object<ClusterTrustBundle>>,
    /// Core Secrets.
    pub secrets: Vec<Object<Secret>>,
    /// Policies of unsupported kinds, with their targets.
    pub other_policies: Vec<OtherPolicy>,
    /// The number of objects of other kinds.
    pub ignored: Ignored,
    /// Objects that are left out because of an error.
    pub unread: Vec<Unread>,
}

/// An object with a name that is left out because of an error.
#[derive(Clone, Debug)]
pub struct Unread {
    /// The kind, such as `HTTPRoute`.
    pub kind: &'static str,
    /// The namespace; empty for cluster-scoped kinds.
    pub namespace: String,
    /// The name.
    pub name: String,
    /// The place of the name.
    pub span: Span,
    /// What is wrong, in one sentence.
    pub problem: String,
    /// The index of its first error among the diagnostics of the reader, if that error is inside the object.
    pub error: Option<usize>,
    /// The readable `parentRefs` of a route.
    pub parent_refs: Vec<ParentRef>,
    /// The readable `targetRefs` of a policy.
    pub targets: Vec<TargetRef>,
}

/// An object.
#[derive(Clone, Debug)]
pub struct Object<T> {
    /// The kind, such as `HTTPRoute`.
    pub kind: &'static str,
    /// `metadata`.
    pub metadata: Metadata,
    /// `spec`, or the other fields of a kind without `spec`.
    pub spec: T,
    /// The whole document or list item.
    pub span: Span,
}

/// Labels: their values by their keys.
pub type Labels = BTreeMap<String, Spanned<String>>;

/// The used fields of `metadata`.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The name.
    pub name: Spanned<String>,
    /// The namespace: `default` if omitted, empty for cluster-scoped kinds.
    pub namespace: Spanned<String>,
    /// The labels.
    pub labels: Labels,
    /// `creationTimestamp` in Unix seconds, if the manifest was exported from a cluster. Older objects have precedence.
    pub created: Option<i64>,
}
