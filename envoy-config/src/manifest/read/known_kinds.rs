//! Which kinds there are, and what becomes of their objects.
//!
//! Some kinds are read. Those of the Gateway API and of Envoy Gateway that are not rendered yet are errors, because a
//! configuration without them would serve something else. Kubernetes' other kinds, which stand beside them in real
//! manifests, do not decide where a request goes: they are counted and ignored, and so are kinds that are not looked at
//! unless something refers to them (`EnvoyProxy`), and those of groups that are unknown here (`argoproj.io`), unless the
//! group looks like a misspelt one. A policy of a kind that is not read is another matter: see `other`.

use crate::diagnostic::{closest, within};

/// A kind whose objects are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(in crate::manifest) enum Kind {
    GatewayClass,
    Gateway,
    HttpRoute,
    ReferenceGrant,
    GrpcRoute,
    Backend,
    BackendTrafficPolicy,
    Service,
    Namespace,
    EndpointSlice,
    ConfigMap,
    Secret,
    BackendTlsPolicy,
}

/// Whether objects of a kind belong to a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::manifest) enum Scope {
    Cluster,
    Namespace,
}

/// What becomes of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::manifest) enum Verdict {
    Read(Kind),
    /// It has a meaning that is not rendered yet.
    NotSupported,
    /// It has no part in what Envoy serves.
    Ignored,
    /// It is input for kustomize, and no object of a cluster.
    Kustomize,
    /// The kind exists, but not in this version of its group.
    UnknownVersion {
        known: String,
    },
    /// There is no such kind in this group.
    UnknownKind {
        hint: Option<String>,
    },
    /// There is no such group, but one that looks like it.
    UnknownGroup {
        hint: Option<String>,
    },
}

struct Family {
    group: &'static str,
    /// Empty: any version will do, since the objects are not read.
    versions: &'static [&'static str],
    kinds: &'static [&'static str],
    role: Role,
}

#[derive(Clone, Copy)]
enum Role {
    Read,
    NotSupported,
    Ignored,
    Kustomize,
}

const GATEWAY: &str = "gateway.networking.k8s.io";

const FAMILIES: &[Family] = &[
    family(GATEWAY, &["v1", "v1beta1"], &["GatewayClass", "Gateway", "HTTPRoute"], Role::Read),
    family(GATEWAY, &["v1", "v1beta1"], &["ReferenceGrant"], Role::Read),
    family(GATEWAY, &["v1", "v1alpha2"], &["GRPCRoute"], Role::Read),
    family("gateway.networking.x-k8s.io", &["v1alpha1"], &["XBackendTrafficPolicy"], Role::Read),
    family(GATEWAY, &["v1", "v1alpha3"], &["BackendTLSPolicy"], Role::Read),
    family("gateway.envoyproxy.io", &["v1alpha1"], &["Backend"], Role::Read),
    // Its endpoints are in other clusters.
    family("multicluster.x-k8s.io", &[], &["ServiceImport"], Role::NotSupported),
    family("multicluster.x-k8s.io", &[], &["ServiceExport"], Role::Ignored),
    family("", &["v1"], &["Service", "Namespace", "ConfigMap", "Secret"], Role::Read),
    family("discovery.k8s.io", &["v1"], &["EndpointSlice"], Role::Read),
    family(
        GATEWAY,
        &[],
        &["TLSRoute", "TCPRoute", "UDPRoute", "ListenerSet", "BackendLBPolicy"],
        Role::NotSupported,
    ),
    family("gateway.networking.x-k8s.io", &[], &["XBackend", "XListenerSet", "XMesh"], Role::NotSupported),
    family(
        "gateway.envoyproxy.io",
        &[],
        &[
            "BackendTrafficPolicy",
            "ClientTrafficPolicy",
            "EnvoyExtensionPolicy",
            "EnvoyPatchPolicy",
            "SecurityPolicy",
        ],
        Role::NotSupported,
    ),
    // Settings of Envoy Gateway itself, and what matters only where something refers to it, which is reported there.
    family("gateway.envoyproxy.io", &[], &["EnvoyGateway", "EnvoyProxy", "HTTPRouteFilter"], Role::Ignored),
    family("", &["v1"], &["Endpoints"], Role::NotSupported),
    family(
        "",
        &[],
        &[
            "Binding",
            "ComponentStatus",
            "Event",
            "LimitRange",
            "Node",
            "PersistentVolume",
            "PersistentVolumeClaim",
            "Pod",
            "PodTemplate",
            "ReplicationController",
            "ResourceQuota",
            "ServiceAccount",
        ],
        Role::Ignored,
    ),
    family(
        "apps",
        &[],
        &["ControllerRevision", "DaemonSet", "Deployment", "ReplicaSet", "StatefulSet"],
        Role::Ignored,
    ),
    family("batch", &[], &["CronJob", "Job"], Role::Ignored),
    family("autoscaling", &[], &["HorizontalPodAutoscaler", "Scale"], Role::Ignored),
    family("policy", &[], &["Eviction", "PodDisruptionBudget"], Role::Ignored),
    family(
        "networking.k8s.io",
        &[],
        &["IPAddress", "Ingress", "IngressClass", "NetworkPolicy", "ServiceCIDR"],
        Role::Ignored,
    ),
    family(
        "rbac.authorization.k8s.io",
        &[],
        &["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"],
        Role::Ignored,
    ),
    family("kustomize.config.k8s.io", &[], &["Component", "Kustomization"], Role::Kustomize),
    family("apiextensions.k8s.io", &[], &["CustomResourceDefinition"], Role::Ignored),
    family("apiregistration.k8s.io", &[], &["APIService"], Role::Ignored),
    family(
        "admissionregistration.k8s.io",
        &[],
        &[
            "MutatingAdmissionPolicy",
            "MutatingAdmissionPolicyBinding",
            "MutatingWebhookConfiguration",
            "ValidatingAdmissionPolicy",
            "ValidatingAdmissionPolicyBinding",
            "ValidatingWebhookConfiguration",
        ],
        Role::Ignored,
    ),
    family("certificates.k8s.io", &[], &["CertificateSigningRequest", "ClusterTrustBundle"], Role::Ignored),
    family("coordination.k8s.io", &[], &["Lease", "LeaseCandidate"], Role::Ignored),
    family("events.k8s.io", &[], &["Event"], Role::Ignored),
    family("flowcontrol.apiserver.k8s.io", &[], &["FlowSchema", "PriorityLevelConfiguration"], Role::Ignored),
    family("node.k8s.io", &[], &["RuntimeClass"], Role::Ignored),
    family("scheduling.k8s.io", &[], &["PriorityClass"], Role::Ignored),
    family(
        "storage.k8s.io",
        &[],
        &[
            "CSIDriver",
            "CSINode",
            "CSIStorageCapacity",
            "StorageClass",
            "VolumeAttachment",
            "VolumeAttributesClass",
        ],
        Role::Ignored,
    ),
];

const fn family(
    group: &'static str,
    versions: &'static [&'static str],
    kinds: &'static [&'static str],
    role: Role,
) -> Family {
    Family { group, versions, kinds, role }
}

/// The group in an `apiVersion`: empty for core.
pub(in crate::manifest) fn group(api_version: &str) -> &str {
    api_version.rsplit_once('/').map_or("", |(group, _)| group)
}

/// What becomes of an object of this `apiVersion` and `kind`.
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
            (Role::NotSupported, _) | (Role::Read, None) => Verdict::NotSupported,
        };
    }
    if of_group().next().is_some() {
        return Verdict::UnknownKind { hint: meant_kind(group, kind) };
    }
    let groups = || FAMILIES.iter().map(|family| family.group).filter(|group| !group.is_empty());
    // Two letters: `policy.networking.k8s.io` is a group as well as `gateway.networking.k8s.io`.
    if let Some(close) = within(2, group, groups()) {
        return Verdict::UnknownGroup { hint: Some(format!("did you mean `{close}`?")) };
    }
    // The groups of all kinds that are not Kubernetes' own are domains.
    if group.contains('.') { Verdict::Ignored } else { Verdict::UnknownGroup { hint: elsewhere(kind) } }
}

/// The kind that was meant, in this group or in another.
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

/// Where a kind is to be found.
fn elsewhere(kind: &str) -> Option<String> {
    let family = FAMILIES.iter().find(|family| family.kinds.contains(&kind))?;
    Some(match family.versions {
        [] => format!("kind `{kind}` belongs to API group `{}`", family.group),
        _ => format!("kind `{kind}` has apiVersion `{}`", family.api_version()),
    })
}

impl Family {
    /// The newest `apiVersion`.
    fn api_version(&self) -> String {
        match (self.group, self.versions.first().copied().unwrap_or_default()) {
            ("", version) => version.to_owned(),
            (group, version) => format!("{group}/{version}"),
        }
    }
}

impl Kind {
    const ALL: &[Self] = &[
        Self::GatewayClass,
        Self::Gateway,
        Self::HttpRoute,
        Self::ReferenceGrant,
        Self::GrpcRoute,
        Self::BackendTrafficPolicy,
        Self::Backend,
        Self::Service,
        Self::Namespace,
        Self::EndpointSlice,
        Self::ConfigMap,
        Self::Secret,
        Self::BackendTlsPolicy,
    ];

    fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|kind| kind.name() == name)
    }

    pub(in crate::manifest) const fn name(self) -> &'static str {
        match self {
            Self::GatewayClass => "GatewayClass",
            Self::Gateway => "Gateway",
            Self::HttpRoute => "HTTPRoute",
            Self::ReferenceGrant => "ReferenceGrant",
            Self::GrpcRoute => "GRPCRoute",
            Self::BackendTrafficPolicy => "XBackendTrafficPolicy",
            Self::Backend => "Backend",
            Self::Service => "Service",
            Self::Namespace => "Namespace",
            Self::EndpointSlice => "EndpointSlice",
            Self::ConfigMap => "ConfigMap",
            Self::Secret => "Secret",
            Self::BackendTlsPolicy => "BackendTLSPolicy",
        }
    }

    pub(in crate::manifest) const fn scope(self) -> Scope {
        match self {
            Self::GatewayClass | Self::Namespace => Scope::Cluster,
            Self::Gateway
            | Self::HttpRoute
            | Self::ReferenceGrant
            | Self::GrpcRoute
            | Self::BackendTrafficPolicy
            | Self::Backend
            | Self::Service
            | Self::EndpointSlice
            | Self::ConfigMap
            | Self::Secret
            | Self::BackendTlsPolicy => Scope::Namespace,
        }
    }
}
