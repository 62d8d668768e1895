//! The table of known kinds: API groups, versions, and how the objects of each kind are treated.

use crate::manifest::cluster_trust_bundle::GROUP as TRUST;
use crate::manifest::gateway_api::GROUP as GATEWAY;
use crate::manifest::session_persistence_policy::GROUP as OWN;

/// Some kinds of an API group that are treated alike.
pub(super) struct Family {
    pub(super) group: &'static str,
    /// If empty, any version: the objects are not read.
    pub(super) versions: &'static [&'static str],
    pub(super) kinds: &'static [&'static str],
    pub(super) role: Role,
}

/// How the objects of a kind are treated.
#[derive(Clone, Copy)]
pub(super) enum Role {
    Read,
    /// They are errors.
    NotSupported,
    /// They are counted.
    Ignored,
    /// They are input for kustomize, which is an error.
    Kustomize,
}

pub(super) const FAMILIES: &[Family] = &[
    family(GATEWAY, &["v1", "v1beta1"], &["GatewayClass", "Gateway", "HTTPRoute"], Role::Read),
    family(GATEWAY, &["v1"], &["ListenerSet"], Role::Read),
    family(GATEWAY, &["v1", "v1beta1"], &["ReferenceGrant"], Role::Read),
    family(GATEWAY, &["v1", "v1alpha2"], &["GRPCRoute"], Role::Read),
    family("gateway.networking.x-k8s.io", &["v1alpha1"], &["XBackend", "XBackendTrafficPolicy"], Role::Read),
    family(GATEWAY, &["v1", "v1alpha3"], &["BackendTLSPolicy"], Role::Read),
    family("gateway.envoyproxy.io", &["v1alpha1"], &["Backend", "BackendTrafficPolicy"], Role::Read),
    family(OWN, &["v1alpha1"], &["SessionPersistencePolicy"], Role::Read),
    // Its endpoints are in other clusters.
    family("multicluster.x-k8s.io", &[], &["ServiceImport"], Role::NotSupported),
    family("multicluster.x-k8s.io", &[], &["ServiceExport"], Role::Ignored),
    family("", &["v1"], &["Service", "Namespace", "ConfigMap", "Secret"], Role::Read),
    family("discovery.k8s.io", &["v1"], &["EndpointSlice"], Role::Read),
    family(TRUST, &["v1", "v1beta1", "v1alpha1"], &["ClusterTrustBundle"], Role::Read),
    family(GATEWAY, &[], &["TLSRoute", "TCPRoute", "UDPRoute", "BackendLBPolicy"], Role::NotSupported),
    family("gateway.networking.x-k8s.io", &[], &["XListenerSet", "XMesh"], Role::NotSupported),
    family(
        "gateway.envoyproxy.io",
        &[],
        &["ClientTrafficPolicy", "EnvoyExtensionPolicy", "EnvoyPatchPolicy", "SecurityPolicy"],
        Role::NotSupported,
    ),
    // Settings of Envoy Gateway itself, and kinds that are reported where something refers to them.
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
    family(TRUST, &[], &["CertificateSigningRequest"], Role::Ignored),
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

impl Family {
    /// The newest `apiVersion`.
    pub(super) fn api_version(&self) -> String {
        match (self.group, self.versions.first().copied().unwrap_or_default()) {
            ("", version) => version.to_owned(),
            (group, version) => format!("{group}/{version}"),
        }
    }
}
