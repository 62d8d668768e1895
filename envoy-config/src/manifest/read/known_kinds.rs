//! The known kinds, and how their objects are treated.
//!
//! Supported kinds are read. Unsupported kinds of the Gateway API and of Envoy Gateway are errors, because the
//! configuration would not do what they say. Other kinds of Kubernetes do not influence routing: they are counted and
//! ignored. The same goes for kinds that matter only if something refers to them (`EnvoyProxy`), and for kinds of
//! unknown groups (`argoproj.io`), unless the group looks like a typo. `other_kinds` treats policies among them.

mod families;

use self::families::{FAMILIES, Role};
use crate::diagnostic::{closest, within};

/// A kind whose objects are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::manifest) enum Kind {
    GatewayClass,
    Gateway,
    ListenerSet,
    HttpRoute,
    ReferenceGrant,
    GrpcRoute,
    Backend,
    BackendTrafficPolicy,
    EnvoyTrafficPolicy,
    SessionPersistencePolicy,
    Service,
    Namespace,
    EndpointSlice,
    ConfigMap,
    Secret,
    BackendTlsPolicy,
    XBackend,
    ClusterTrustBundle,
}

/// Whether objects of a kind belong to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::manifest) enum Scope {
    Cluster,
    Namespace,
}

/// How an object is treated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manifest) enum Verdict {
    Read(Kind),
    /// It is not supported.
    NotSupported {
        /// What to use instead, if there is something.
        hint: Option<&'static str>,
    },
    /// It has no influence on what Envoy serves.
    Ignored,
    /// It is input for kustomize.
    Kustomize,
    /// The kind exists, but not in this version of its group.
    UnknownVersion {
        known: String,
    },
    /// The group has no such kind.
    UnknownKind {
        hint: Option<String>,
    },
    /// The group does not exist, but a similar one does; or it is not a domain.
    UnknownGroup {
        hint: Option<String>,
    },
}

/// The group in an `apiVersion`; empty for core.
pub(in crate::manifest) fn group(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// How an object of this `apiVersion` and `kind` is treated.
pub(in crate::manifest) fn look_up(api_version: &str, kind: &str) -> Verdict {
    let (group, version) = api_version.rsplit_once('/').unwrap_or(("", api_version));
    let of_group = || FAMILIES.iter().filter(|family| family.group == group);
    if let Some(family) = of_group().find(|family| family.kinds.contains(&kind)) {
        if !family.versions.is_empty() && !family.versions.contains(&version) {
            return Verdict::UnknownVersion { known: family.api_version() };
        }
        return match (family.role, Kind::named(kind)) {
            (Role::Read, Some(kind)) => Verdict::Read(kind),
            (Role::Ignored, _) => Verdict::Ignored,
            (Role::Kustomize, _) => Verdict::Kustomize,
            (Role::NotSupported, _) | (Role::Read, None) => Verdict::NotSupported { hint: instead_of(kind) },
        };
    }
    if of_group().next().is_some() {
        return Verdict::UnknownKind { hint: meant_kind(group, kind) };
    }
    let groups = || FAMILIES.iter().map(|family| family.group).filter(|group| !group.is_empty());
    // At most two letters: `policy.networking.k8s.io` and `gateway.networking.k8s.io` are both groups.
    if let Some(close) = within(2, group, groups()) {
        return Verdict::UnknownGroup { hint: Some(format!("did you mean `{close}`?")) };
    }
    // All groups that do not belong to Kubernetes are domains.
    if group.contains('.') { Verdict::Ignored } else { Verdict::UnknownGroup { hint: elsewhere(kind) } }
}

/// A hint what to use instead of a kind that is not supported.
fn instead_of(kind: &str) -> Option<&'static str> {
    Some(match kind {
        "TLSRoute" => {
            "use an HTTPRoute, and an HTTPS listener with `tls.mode: Terminate`: without the requests, there are no sessions"
        }
        "TCPRoute" | "UDPRoute" => {
            "use an HTTPRoute or GRPCRoute for HTTP: in other protocols, there are no requests that could carry a session"
        }
        "XListenerSet" => {
            "write `apiVersion: gateway.networking.k8s.io/v1` and `kind: ListenerSet`, here and in the parentRefs of routes: the fields are the same, but `port` is required"
        }
        "BackendLBPolicy" => "use an XBackendTrafficPolicy, or `sessionPersistence` of the rule",
        "Endpoints" => "use EndpointSlices, which Kubernetes makes from them",
        _ => return None,
    })
}

/// A hint with a similar kind, in this group or in another.
fn meant_kind(group: &str, kind: &str) -> Option<String> {
    let of_group = FAMILIES.iter().filter(|family| family.group == group);
    closest(kind, of_group.flat_map(|family| family.kinds).copied())
        .map(|close| format!("did you mean `{close}`?"))
        .or_else(|| elsewhere(kind))
        .or_else(|| {
            let all = FAMILIES.iter().flat_map(|family| family.kinds).copied();
            elsewhere(closest(kind, all)?)
        })
}

/// A hint with the group or version of a kind.
fn elsewhere(kind: &str) -> Option<String> {
    let family = FAMILIES.iter().find(|family| family.kinds.contains(&kind))?;
    Some(match family.versions {
        [] => format!("kind `{kind}` belongs to API group `{}`", family.group),
        _ => format!("kind `{kind}` has apiVersion `{}`", family.api_version()),
    })
}

impl Kind {
    const ALL: &[Self] = &[
        Self::GatewayClass,
        Self::Gateway,
        Self::ListenerSet,
        Self::HttpRoute,
        Self::ReferenceGrant,
        Self::GrpcRoute,
        Self::BackendTrafficPolicy,
        Self::EnvoyTrafficPolicy,
        Self::SessionPersistencePolicy,
        Self::Backend,
        Self::Service,
        Self::Namespace,
        Self::EndpointSlice,
        Self::ConfigMap,
        Self::Secret,
        Self::BackendTlsPolicy,
        Self::XBackend,
        Self::ClusterTrustBundle,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    pub(in crate::manifest) const fn name(self) -> &'static str {
        match self {
            Self::GatewayClass => "GatewayClass",
            Self::Gateway => "Gateway",
            Self::ListenerSet => "ListenerSet",
            Self::HttpRoute => "HTTPRoute",
            Self::ReferenceGrant => "ReferenceGrant",
            Self::GrpcRoute => "GRPCRoute",
            Self::BackendTrafficPolicy => "XBackendTrafficPolicy",
            Self::EnvoyTrafficPolicy => "BackendTrafficPolicy",
            Self::SessionPersistencePolicy => "SessionPersistencePolicy",
            Self::Backend => "Backend",
            Self::Service => "Service",
            Self::Namespace => "Namespace",
            Self::EndpointSlice => "EndpointSlice",
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::BackendTlsPolicy => "BackendTLSPolicy",
            Self::XBackend => "XBackend",
            Self::ClusterTrustBundle => "ClusterTrustBundle",
        }
    }

    pub(in crate::manifest) const fn scope(self) -> Scope {
        match self {
            Self::GatewayClass | Self::Namespace | Self::ClusterTrustBundle => Scope::Cluster,
            Self::Gateway
            | Self::ListenerSet
            | Self::HttpRoute
            | Self::ReferenceGrant
            | Self::GrpcRoute
            | Self::BackendTrafficPolicy
            | Self::EnvoyTrafficPolicy
            | Self::SessionPersistencePolicy
            | Self::Backend
            | Self::Service
            | Self::EndpointSlice
            | Self::ConfigMap
            | Self::Secret
            | Self::XBackend
            | Self::BackendTlsPolicy => Scope::Namespace,
        }
    }
}
