//! GatewayClass and Gateway.

use std::net::IpAddr;

use super::route::DefaultScope;
use crate::source::{Span, Spanned};

/// A GatewayClass.
#[derive(Clone, Debug)]
pub struct GatewayClass {
    /// `controllerName`.
    pub controller_name: Spanned<String>,
}

/// A Gateway.
#[derive(Clone, Debug)]
pub struct Gateway {
    /// `gatewayClassName`.
    pub class: Spanned<String>,
    /// `listeners`, names unique.
    pub listeners: Vec<Listener>,
    /// `addresses` that are asked for: all of them but IP addresses without a value, which may be any.
    pub addresses: Vec<Spanned<Address>>,
    /// `infrastructure.parametersRef`: the kind and the name of what it refers to.
    pub parameters: Option<Spanned<String>>,
    /// `defaultScope`: `None` by default.
    pub default_scope: DefaultScope,
    /// `tls.frontend`.
    pub frontend: Frontend,
    /// `tls.backend.clientCertificateRef`: the certificate to show to backends.
    pub client_certificate: Option<Spanned<CertificateRef>>,
}

/// How HTTPS listeners check the certificates of clients (`tls.frontend`); not at all when it is left out.
#[derive(Clone, Debug, Default)]
pub struct Frontend {
    /// `default.validation`.
    pub default: Option<Validation>,
    /// `perPort`, each port once: their listeners do as it says, or do not check, and the default has no part in them.
    pub per_port: Vec<(u16, Option<Validation>)>,
}

/// How the certificates of clients are checked.
#[derive(Clone, Debug)]
pub struct Validation {
    /// `caCertificateRefs`: at least one; whose signature makes a certificate good.
    pub authorities: Vec<CertificateRef>,
    /// `mode`: `AllowValidOnly` by default.
    pub mode: ValidationMode,
}

/// What becomes of clients without a good certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ValidationMode {
    /// They get no connection.
    AllowValidOnly,
    /// They are served as all others are.
    AllowInsecureFallback,
}

/// An address that a Gateway asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An IP address.
    Ip(IpAddr),
    /// An address of another type: a hostname, say.
    Other {
        /// Its type.
        kind: String,
        /// Its value, perhaps empty.
        value: String,
    },
}

/// A listener of a Gateway.
#[derive(Clone, Debug)]
pub struct Listener {
    /// `name`.
    pub name: Spanned<String>,
    /// `hostname`; none means every hostname.
    pub hostname: Option<Spanned<Hostname>>,
    /// `port`.
    pub port: Spanned<u16>,
    /// `protocol`, and `tls` where there is one.
    pub protocol: Spanned<Protocol>,
    /// `allowedRoutes.namespaces`: `Same` by default.
    pub allowed_namespaces: AllowedNamespaces,
    /// `allowedRoutes.kinds`; none means those that go with the protocol.
    pub allowed_kinds: Vec<Spanned<RouteKind>>,
    /// The whole listener.
    pub span: Span,
}

/// The protocol of a listener.
#[derive(Clone, Debug)]
pub enum Protocol {
    /// HTTP in the clear.
    Http,
    /// HTTP over TLS that ends at the Gateway.
    Https(Tls),
    /// Another one: `TLS`, `TCP`, `UDP`, or a word that the API does not know.
    Other(String),
}

/// `tls` of a listener, with the mode `Terminate`. All is empty when it is left out, which the API allows.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// `certificateRefs`.
    pub certificates: Vec<CertificateRef>,
    /// `frontendValidation`, of releases before 1.5: goes before what the Gateway says of all listeners.
    pub validation: Option<Validation>,
    /// The names in `options`, which are every implementation's own.
    pub options: Vec<Spanned<String>>,
}

/// A kind of routes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RouteKind {
    /// `group`: `gateway.networking.k8s.io` by default.
    pub group: String,
    /// `kind`.
    pub kind: String,
}

/// A reference to a certificate and its key, or to certificates of authorities.
#[derive(Clone, Debug)]
pub struct CertificateRef {
    /// `group`: empty by default, for Kubernetes' own.
    pub group: Spanned<String>,
    /// `kind`: `Secret` by default where a key belongs to it.
    pub kind: Spanned<String>,
    /// `namespace`: the Gateway's own by default.
    pub namespace: Option<Spanned<String>>,
    /// `name`.
    pub name: Spanned<String>,
}

/// A hostname or wildcard hostname, in lower case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hostname {
    /// `www.example.com`.
    Exact(String),
    /// `*.example.com`, held as `example.com`.
    Wildcard(String),
}

/// From which namespaces routes may attach.
#[derive(Clone, Debug)]
pub enum AllowedNamespaces {
    /// The Gateway's own.
    Same,
    /// Every namespace.
    All,
    /// Those whose labels match.
    Selector(LabelSelector),
    /// A selector that selects nothing that could be meant; what is wrong with it, which has been said.
    Unusable(String),
}

/// A Kubernetes label selector: all requirements must hold.
#[derive(Clone, Debug)]
pub struct LabelSelector {
    /// `matchLabels` and `matchExpressions` together.
    pub requirements: Vec<Requirement>,
}

/// One requirement of a label selector.
#[derive(Clone, Debug)]
pub struct Requirement {
    /// The label.
    pub key: String,
    /// What must hold of it.
    pub operator: Operator,
}

/// What must hold of a label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operator {
    /// It has one of these values.
    In(Vec<String>),
    /// It has none of these values, or is not there.
    NotIn(Vec<String>),
    /// It is there.
    Exists,
    /// It is not there.
    DoesNotExist,
}
