//! Kubernetes' own kinds: Service, EndpointSlice, Namespace, ConfigMap.

use std::net::IpAddr;

use super::field_path::{At, FieldPath};
use super::fields::{Fields, Known, list};
use super::findings::Findings;
use super::names;
use super::unique::unique;
use super::value::{boolean, parsed, port, string, strings, word};
use super::yaml::{Scalar, Value};
use crate::diagnostic::Code;
use crate::manifest::core::{
    AddressType, ConfigMap, EndpointSlice, Service, ServiceKind, ServicePort, SliceEndpoint, SlicePort,
    TargetPort, TargetRef,
};
use crate::source::Spanned;

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

const NAMESPACE: Known = Known { read: &[], unread: &["finalizers"], unsupported: &[] };

const ENDPOINT: Known = Known {
    read: &["addresses", "conditions", "targetRef"],
    unread: &["deprecatedTopology", "hints", "hostname", "nodeName", "zone"],
    unsupported: &[],
};

const TARGET_REF: Known = Known {
    read: &["kind", "namespace", "name"],
    unread: &["apiVersion", "fieldPath", "resourceVersion", "uid"],
    unsupported: &[],
};

const CONDITIONS: Known = Known { read: &["ready", "serving", "terminating"], unread: &[], unsupported: &[] };

const SLICE_PORT: Known =
    Known { read: &["name", "port", "protocol"], unread: &["appProtocol"], unsupported: &[] };

const PROTOCOLS: [(&str, &str); 3] = [("TCP", "TCP"), ("UDP", "UDP"), ("SCTP", "SCTP")];

/// What `type` says of a Service.
#[derive(Clone, PartialEq)]
enum Type {
    Cluster,
    External,
}

/// `spec` of a Service.
pub(super) fn service(at: At<'_>, findings: &mut Findings) -> Option<Service> {
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
    fields.optional("selector", findings, strings);
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
    Some(Service { kind, headless, family, ports, publish_not_ready_addresses, client_ip_affinity })
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

/// The name of a Service's port or an EndpointSlice's; empty for the one port without a name.
fn port_name(at: At<'_>, findings: &mut Findings) -> Option<String> {
    let form = |text: &str| if text.is_empty() { Ok(String::new()) } else { names::label(text) };
    parsed(Code::InvalidPortName, form)(at, findings).map(|name| name.value)
}

fn target_port(at: At<'_>, findings: &mut Findings) -> Option<TargetPort> {
    match &at.node.value {
        Value::Scalar(Scalar::Text(_)) => parsed(Code::InvalidPortName, names::port_name)(at, findings)
            .map(|name| TargetPort::Name(name.value)),
        _ => port(at, findings).map(|number| TargetPort::Number(number.value)),
    }
}

/// The fields of a ConfigMap, which has no `spec`.
pub(super) fn config_map(fields: &Fields<'_>, findings: &mut Findings) -> ConfigMap {
    let authorities = fields.optional("data", findings, |at, findings| {
        strings(at, findings)?;
        let entry = at.node.get("ca.crt").filter(|entry| !entry.value.is_null())?;
        string(At { node: &entry.value, path: FieldPath::Field(&at.path, "ca.crt") }, findings)
    });
    ConfigMap { authorities }
}

/// `spec` of a Namespace, of which nothing matters.
pub(super) fn namespace(at: At<'_>, findings: &mut Findings) -> Option<()> {
    Fields::of(at, &NAMESPACE, findings).map(|_| ())
}

/// The fields of an EndpointSlice, which has no `spec`.
pub(super) fn endpoint_slice(fields: &Fields<'_>, findings: &mut Findings) -> Option<EndpointSlice> {
    let address_type = fields.required("addressType", findings, address_type);
    let family = address_type.as_ref().map(|address_type| address_type.value);
    let endpoint = |at: At<'_>, findings: &mut Findings| endpoint(at, family, findings);
    let endpoints =
        fields.optional("endpoints", findings, |at, findings| list(at, 0..=1000, findings, endpoint));
    let ports = fields.optional("ports", findings, |at, findings| list(at, 0..=20_000, findings, slice_port));
    Some(EndpointSlice {
        address_type: address_type?,
        endpoints: endpoints.unwrap_or_default(),
        ports: ports.unwrap_or_default(),
    })
}

fn address_type(at: At<'_>, findings: &mut Findings) -> Option<Spanned<AddressType>> {
    let words = [("IPv4", Some(AddressType::Ipv4)), ("IPv6", Some(AddressType::Ipv6)), ("FQDN", None)];
    let word = word(&words)(at, findings)?;
    match word.value {
        Some(value) => Some(Spanned { value, span: word.span }),
        None => findings.reject(at.error(Code::NotSupported, "the address type `FQDN` is not supported")),
    }
}

fn endpoint(at: At<'_>, family: Option<AddressType>, findings: &mut Findings) -> Option<SliceEndpoint> {
    let fields = Fields::of(at, &ENDPOINT, findings)?;
    let address = |at: At<'_>, findings: &mut Findings| address(at, family, findings);
    let addresses =
        fields.required("addresses", findings, |at, findings| list(at, 1..=100, findings, address));
    let conditions = fields.optional("conditions", findings, |at, findings| {
        let fields = Fields::of(at, &CONDITIONS, findings)?;
        let mut condition = |name: &str| fields.optional(name, findings, boolean);
        Some((condition("ready"), condition("serving"), condition("terminating")))
    });
    let target = fields.optional("targetRef", findings, target_ref);
    let (ready, serving, terminating) = conditions.unwrap_or_default();
    let ready = ready.unwrap_or(true);
    Some(SliceEndpoint {
        addresses: addresses?,
        target,
        ready,
        serving: serving.unwrap_or(ready),
        terminating: terminating.unwrap_or(false),
    })
}

/// None for a reference without a name, which Kubernetes lets pass.
fn target_ref(at: At<'_>, findings: &mut Findings) -> Option<TargetRef> {
    let fields = Fields::of(at, &TARGET_REF, findings)?;
    let mut text = |name| fields.optional(name, findings, string).map(|text| text.value);
    let (kind, namespace, name) = (text("kind"), text("namespace"), text("name"));
    Some(TargetRef { kind: kind.unwrap_or_default(), namespace: namespace.unwrap_or_default(), name: name? })
}

fn address(at: At<'_>, family: Option<AddressType>, findings: &mut Findings) -> Option<Spanned<IpAddr>> {
    let text = string(at, findings)?;
    let parsed = text.value.parse::<IpAddr>().ok();
    let fits = |address: &IpAddr| match family {
        Some(AddressType::Ipv4) => address.is_ipv4(),
        Some(AddressType::Ipv6) => address.is_ipv6(),
        None => true,
    };
    let what = match family {
        Some(AddressType::Ipv4) => "IPv4 address",
        Some(AddressType::Ipv6) => "IPv6 address",
        None => "IP address",
    };
    match parsed.filter(fits) {
        Some(value) => Some(Spanned { value, span: text.span }),
        None => findings.reject(at.error(Code::InvalidIpAddress, format!("{:?} is no {what}", text.value))),
    }
}

fn slice_port(at: At<'_>, findings: &mut Findings) -> Option<SlicePort> {
    let fields = Fields::of(at, &SLICE_PORT, findings)?;
    let name = fields.optional("name", findings, port_name).unwrap_or_default();
    let number = fields.optional("port", findings, port);
    let protocol = fields.optional("protocol", findings, word(&PROTOCOLS));
    let protocol = protocol.map_or("TCP", |protocol| protocol.value).to_owned();
    Some(SlicePort { name, port: number.map(|port| port.value), protocol })
}
