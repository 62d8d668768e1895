//! Manifests as the API server would have stored them: every field known, every CRD default applied, every CEL and
//! schema rule kept, and each value that a later stage may have to complain about with its place in the source.
//!
//! The words here are the Gateway API's. What an object means together with others is `resolve`'s business.

pub mod backend;
pub mod core;
pub mod gateway_api;
pub mod other_kinds;
mod read;

use std::collections::BTreeMap;

use self::backend::Backend;
use self::core::config_map::ConfigMap;
use self::core::endpoint_slice::EndpointSlice;
use self::core::namespace::Namespace;
use self::core::secret::Secret;
use self::core::service::Service;
use self::gateway_api::backend_tls_policy::BackendTlsPolicy;
use self::gateway_api::backend_traffic_policy::BackendTrafficPolicy;
use self::gateway_api::gateway::Gateway;
use self::gateway_api::gateway_class::GatewayClass;
use self::gateway_api::policy_target::TargetRef;
use self::gateway_api::reference_grant::ReferenceGrant;
use self::gateway_api::route::{ParentRef, Route};
use self::other_kinds::{Ignored, OtherPolicy};
use crate::source::{Span, Spanned};

pub use self::read::read;
pub use self::read::syntax::hostname::Hostname;

/// All objects of all sources, in the order in which they were read. No two of a kind have one namespace and name.
#[derive(Clone, Debug, Default)]
pub struct Manifests {
    /// `gateway.networking.k8s.io` GatewayClasses.
    pub gateway_classes: Vec<Object<GatewayClass>>,
    /// `gateway.networking.k8s.io` Gateways.
    pub gateways: Vec<Object<Gateway>>,
    /// `gateway.networking.k8s.io` HTTPRoutes and GRPCRoutes; one of each may have a namespace and name.
    pub routes: Vec<Object<Route>>,
    /// `gateway.networking.k8s.io` ReferenceGrants, `v1` and `v1beta1`.
    pub reference_grants: Vec<Object<ReferenceGrant>>,
    /// Objects of the kind `XBackendTrafficPolicy` (`gateway.networking.x-k8s.io`).
    pub backend_traffic_policies: Vec<Object<BackendTrafficPolicy>>,
    /// `gateway.envoyproxy.io` Backends.
    pub backends: Vec<Object<Backend>>,
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
    /// Core Secrets.
    pub secrets: Vec<Object<Secret>>,
    /// Policies of kinds that are not applied, with what they are attached to.
    pub other_policies: Vec<OtherPolicy>,
    /// Objects of other kinds that are not read.
    pub ignored: Ignored,
    /// What was left out because of an error in it.
    pub unread: Vec<Unread>,
}

/// An object that is left out because of an error in it, as far as it has a name.
#[derive(Clone, Debug)]
pub struct Unread {
    /// Its kind, as `HTTPRoute`.
    pub kind: &'static str,
    /// Its namespace: empty for cluster-scoped kinds.
    pub namespace: String,
    /// Its name.
    pub name: String,
    /// Where its name is.
    pub span: Span,
    /// What is wrong with it.
    pub problem: String,
    /// The position of the first error in it among the reader's findings, if that error has a place in the object.
    pub error: Option<usize>,
    /// `parentRefs` of a route, as far as they could be read.
    pub parent_refs: Vec<ParentRef>,
    /// `targetRefs` of a policy, as far as they could be read.
    pub targets: Vec<TargetRef>,
}

/// One object.
#[derive(Clone, Debug)]
pub struct Object<T> {
    /// Its kind, as `HTTPRoute`.
    pub kind: &'static str,
    /// Who it is.
    pub metadata: Metadata,
    /// What it says.
    pub spec: T,
    /// The whole document (or list item).
    pub span: Span,
}

/// The part of `metadata` that matters here.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// The object's name.
    pub name: Spanned<String>,
    /// The object's namespace: `default` when left out, empty for cluster-scoped kinds.
    pub namespace: Spanned<String>,
    /// The object's labels.
    pub labels: BTreeMap<String, String>,
    /// `creationTimestamp` in unix seconds, if the manifest was read back from a cluster: older objects go first.
    pub created: Option<i64>,
}
