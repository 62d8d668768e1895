//! Service (core/v1).

use std::collections::BTreeMap;

use super::endpoint_slice::AddressType;
use super::port::{PROTOCOLS, port_name};
use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::{list, unique};
use crate::manifest::read::syntax::names;
use crate::manifest::read::value::{boolean, parsed, port, string, strings, word};
use crate::manifest::read::yaml::{Scalar, Value};
use crate::source::Spanned;

/// A Service (core/v1).
#[derive(Clone, Debug)]
pub struct Service {
    /// `type`.
    pub kind: Spanned<ServiceKind>,
    /// `clusterIP: None`.
    pub headless: bool,
    /// The first of `ipFamilies`, which decides for pods with addresses of both families.
    pub family: Option<AddressType>,
    /// `selector`.
    pub selector: BTreeMap<String, String>,
    /// `ports`.
    pub ports: Vec<ServicePort>,
    /// `publishNotReadyAddresses`: endpoints count as ready even if they are not.
    pub publish_not_ready_addresses: bool,
    /// `sessionAffinity: ClientIP`, which is not used and gets a warning.
    pub client_ip_affinity: Option<Spanned<()>>,
}

/// The type of a Service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServiceKind {
    /// `ClusterIP`, `NodePort` or `LoadBalancer`: the endpoints are in EndpointSlices.
    Cluster,
    /// `ExternalName`, with `externalName`.
    External(String),
}

/// A port of a Service.
#[derive(Clone, Debug)]
pub struct ServicePort {
    /// `name`; empty for an unnamed port. The ports of EndpointSlices have the same names.
    pub name: String,
    /// `port`, which backendRefs refer to.
    pub port: Spanned<u16>,
    /// `protocol`: `TCP` by default.
    pub protocol: Spanned<String>,
    /// `targetPort`: a number or a name; `port` by default.
    pub target_port: TargetPort,
    /// `appProtocol`.
    pub app_protocol: Option<Spanned<String>>,
}

/// `targetPort` of a Service port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TargetPort {
    /// A port number.
    Number(u16),
    /// The name of a container port. Only EndpointSlices resolve it to a number.
    Name(String),
}

const SERVICE: Known = Known {
    read: &[
        "type",
        "clusterIP",
        "ipFamilies",
        "ports",
        "publishNotReadyAddresses",
        "sessionAffinity",
        "externalName",
        "selector",
    ],
    unread: &[
        "allocateLoadBalancerNodePorts",
        "clusterIPs",
        "externalIPs",
        "externalTrafficPolicy",
        "healthCheckNodePort",
        "internalTrafficPolicy",
        "ipFamilyPolicy",
        "loadBalancerClass",
        "loadBalancerIP",
        "loadBalancerSourceRanges",
        "sessionAffinityConfig",
        "trafficDistribution",
    ],
    unsupported: &[],
};

const SERVICE_PORT: Known = Known {
    read: &["name", "port", "protocol", "targetPort", "appProtocol"],
    unread: &["nodePort"],
    unsupported: &[],
};

/// `type` of a Service.
#[derive(Clone, PartialEq)]
enum Type {
    Cluster,
    External,
}

/// `spec` of a Service.
pub(in crate::manifest) fn spec(at: At<'_>, findings: &mut Findings) -> Option<Service> {
    let fields = Fields::of(at, &SERVICE, findings)?;
    let types = [
        ("ClusterIP", Type::Cluster),
        ("NodePort", Type::Cluster),
        ("LoadBalancer", Type::Cluster),
        ("ExternalName", Type::External),
    ];
    let kind = fields.or("type", fields.default(Type::Cluster), findings, word(&types));
    let cluster_ip = fields.optional("clusterIP", findings, string);
    let headless = cluster_ip.is_some_and(|address| address.value == "None");
    let selector = fields.optional("selector", findings, strings).unwrap_or_default();
    let families = fields.optional("ipFamilies", findings, |at, findings| {
        list(at, 0..=2, findings, |at, findings| {
            word(&[("IPv4", AddressType::Ipv4), ("IPv6", AddressType::Ipv6)])(at, findings)
        })
    });
    let family = families.and_then(|families| families.first().map(|family| family.value));
    let publish_not_ready_addresses =
        fields.optional("publishNotReadyAddresses", findings, boolean).unwrap_or(false);
    let affinity = [("None", None), ("ClientIP", Some(()))];
    let client_ip_affinity = fields.optional("sessionAffinity", findings, word(&affinity));
    let client_ip_affinity =
        client_ip_affinity.and_then(|set| Some(Spanned { value: set.value?, span: set.span }));
    let kind = kind?;
    let kind = match kind.value {
        Type::Cluster => kind.map(|_| ServiceKind::Cluster),
        Type::External => {
            let name =
                fields.required("externalName", findings, parsed(Code::InvalidHostname, external_name))?;
            kind.map(|_| ServiceKind::External(name.value))
        }
    };
    let ports = if headless || kind.value != ServiceKind::Cluster {
        fields.optional("ports", findings, ports).unwrap_or_default()
    } else {
        fields.required("ports", findings, ports)?
    };
    Some(Service { kind, headless, family, selector, ports, publish_not_ready_addresses, client_ip_affinity })
}

fn external_name(text: &str) -> Result<String, names::NameError> {
    names::subdomain(text.strip_suffix('.').unwrap_or(text))
}

fn ports(at: At<'_>, findings: &mut Findings) -> Option<Vec<ServicePort>> {
    let ports = list(at, 0..=usize::MAX, findings, service_port)?;
    unique(&at, "port name", ports.iter().map(|p| (&p.name, p.port.span)), findings);
    let numbers = ports.iter().map(|p| ((p.port.value, &p.protocol.value), p.port.span));
    unique(&at, "combination of port and protocol", numbers, findings);
    Some(ports)
}

fn service_port(at: At<'_>, findings: &mut Findings) -> Option<ServicePort> {
    let fields = Fields::of(at, &SERVICE_PORT, findings)?;
    let name = fields.optional("name", findings, port_name).unwrap_or_default();
    let number = fields.required("port", findings, port);
    let protocol = fields.optional("protocol", findings, word(&PROTOCOLS));
    let target = fields.optional("targetPort", findings, target_port);
    let app_protocol = fields.optional("appProtocol", findings, string);
    let number = number?;
    let protocol = protocol.map_or(Spanned { value: "TCP", span: at.span() }, |protocol| protocol);
    Some(ServicePort {
        name,
        target_port: target.unwrap_or(TargetPort::Number(number.value)),
        port: number,
        protocol: protocol.map(str::to_owned),
        app_protocol,
    })
}

fn target_port(at: At<'_>, findings: &mut Findings) -> Option<TargetPort> {
    match &at.node.value {
        Value::Scalar(Scalar::Text(_)) => parsed(Code::InvalidPortName, names::port_name)(at, findings)
            .map(|name| TargetPort::Name(name.value)),
        _ => port(at, findings).map(|number| TargetPort::Number(number.value)),
    }
}
