//! Kubernetes' own kinds: Service, EndpointSlice, Namespace, ConfigMap, Secret.

use std::net::IpAddr;

use crate::pem::{CertificateChain, PemError, PrivateKey};
use crate::source::{Span, Spanned};

/// A Service (core/v1).
#[derive(Clone, Debug)]
pub struct Service {
    /// `type`.
    pub kind: Spanned<ServiceKind>,
    /// `clusterIP: None`.
    pub headless: bool,
    /// The first of `ipFamilies`: the one of its pods' addresses that counts, if they have both.
    pub family: Option<AddressType>,
    /// `ports`.
    pub ports: Vec<ServicePort>,
    /// `publishNotReadyAddresses`: endpoints count as ready from the start.
    pub publish_not_ready_addresses: bool,
    /// `sessionAffinity`, when it is `ClientIP`: it has no part in this, which is worth a warning.
    pub client_ip_affinity: Option<Spanned<()>>,
}

/// The type of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// `ClusterIP`, `NodePort` or `LoadBalancer`: endpoints come from its EndpointSlices.
    Cluster,
    /// `ExternalName`, with the name.
    External(String),
}

/// A port of a Service.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// `name`; empty for an unnamed port. EndpointSlices name their ports by it.
    pub name: String,
    /// `port`, which backendRefs name.
    pub port: Spanned<u16>,
    /// `protocol`: `TCP` by default.
    pub protocol: Spanned<String>,
    /// `targetPort`: a number, a name, or by default the same as `port`.
    pub target_port: TargetPort,
    /// `appProtocol`.
    pub app_protocol: Option<Spanned<String>>,
}

/// Where a Service port leads on its pods.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A port number.
    Number(u16),
    /// The name of a container port; only EndpointSlices know its number.
    Name(String),
}

/// An EndpointSlice (discovery.k8s.io/v1). Its Service is named by the label `kubernetes.io/service-name`.
#[derive(Clone, Debug)]
pub struct EndpointSlice {
    /// `addressType`.
    pub address_type: Spanned<AddressType>,
    /// `endpoints`.
    pub endpoints: Vec<SliceEndpoint>,
    /// `ports`.
    pub ports: Vec<SlicePort>,
}

/// What the addresses of an EndpointSlice are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressType {
    /// `IPv4`.
    Ipv4,
    /// `IPv6`.
    Ipv6,
}

/// One endpoint of an EndpointSlice: one pod.
#[derive(Clone, Debug)]
pub struct SliceEndpoint {
    /// `addresses`, parsed and of the slice's type. Kubernetes: consumers use the first; the others are reserved.
    pub addresses: Vec<Spanned<IpAddr>>,
    /// `targetRef`: what has the addresses.
    pub target: Option<TargetRef>,
    /// `conditions.ready`: nil counts as true.
    pub ready: bool,
    /// `conditions.serving`: nil counts as `ready`.
    pub serving: bool,
    /// `conditions.terminating`: nil counts as false.
    pub terminating: bool,
}

/// What has an address: a pod, as a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TargetRef {
    /// `kind`.
    pub kind: String,
    /// `namespace`: empty when left out.
    pub namespace: String,
    /// `name`.
    pub name: String,
}

/// A port of an EndpointSlice.
#[derive(Clone, Debug)]
pub struct SlicePort {
    /// `name`: equals the Service port's; empty by default.
    pub name: String,
    /// `port`; none means all ports, which no backend can have.
    pub port: Option<u16>,
    /// `protocol`: `TCP` by default.
    pub protocol: String,
}

/// A Namespace: only its labels matter, plus `kubernetes.io/metadata.name`, which the API server adds.
#[derive(Clone, Debug)]
pub struct Namespace;

/// A ConfigMap (core/v1): only certificates of authorities matter.
#[derive(Clone, Debug)]
pub struct ConfigMap {
    /// `data["ca.crt"]`.
    pub authorities: Option<Spanned<String>>,
}

/// A Secret (core/v1).
#[derive(Clone, Debug)]
pub enum Secret {
    /// Of the type `kubernetes.io/tls`.
    Tls {
        /// `tls.crt`.
        certificates: CertificateChain,
        /// `tls.key`.
        key: PrivateKey,
    },
    /// Of the type `kubernetes.io/tls`, with values that are not a certificate and its key. The API server stores it, so it
    /// is an error only where something refers to it.
    Unusable(Vec<UnusableValue>),
    /// Of another type, `Opaque` by default: no listener can use it, so its data are not kept.
    Other(Spanned<String>),
}

/// A value of a Secret that is no PEM text of what it should be.
#[derive(Clone, Debug)]
pub struct UnusableValue {
    /// Its key: `tls.crt` or `tls.key`.
    pub key: &'static str,
    /// The field's path.
    pub field: String,
    /// Where its key is.
    pub span: Span,
    /// What is wrong with it.
    pub problem: PemError,
}
