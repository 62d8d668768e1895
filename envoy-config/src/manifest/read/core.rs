//! Kubernetes' own kinds: Service, EndpointSlice, Namespace, ConfigMap.

use std::net::IpAddr;

use super::fields::{Fields, Known, list};
use super::log::{At, Log, Path};
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
pub(super) fn service(at: At<'_>, log: &mut Log) -> Option<Service> {
    let fields = Fields::of(at, &SERVICE, log)?;
    let types = [
        ("ClusterIP", Type::Cluster),
        ("NodePort", Type::Cluster),
        ("LoadBalancer", Type::Cluster),
        ("ExternalName", Type::External),
    ];
    let kind = fields.or("type", fields.default(Type::Cluster), log, word(&types));
    let cluster_ip = fields.optional("clusterIP", log, string);
    let headless = cluster_ip.is_some_and(|address| address.value == "None");
    fields.optional("selector", log, strings);
    let families = fields.optional("ipFamilies", log, |at, log| {
        list(at, 0..=2, log, |at, log| {
            word(&[("IPv4", AddressType::Ipv4), ("IPv6", AddressType::Ipv6)])(at, log)
        })
    });
    let family = families.and_then(|families| families.first().map(|family| family.value));
    let publish_not_ready_addresses =
        fields.optional("publishNotReadyAddresses", log, boolean).unwrap_or(false);
    let affinity = [("None", None), ("ClientIP", Some(()))];
    let client_ip_affinity = fields.optional("sessionAffinity", log, word(&affinity));
    let client_ip_affinity =
        client_ip_affinity.and_then(|set| Some(Spanned { value: set.value?, span: set.span }));
    let kind = kind?;
    let kind = match kind.value {
        Type::Cluster => kind.map(|_| ServiceKind::Cluster),
        Type::External => {
            let name = fields.required("externalName", log, parsed(Code::InvalidHostname, external_name))?;
            kind.map(|_| ServiceKind::External(name.value))
        }
    };
    let ports = if headless || kind.value != ServiceKind::Cluster {
        fields.optional("ports", log, ports).unwrap_or_default()
    } else {
        fields.required("ports", log, ports)?
    };
    Some(Service { kind, headless, family, ports, publish_not_ready_addresses, client_ip_affinity })
}

fn external_name(text: &str) -> Result<String, names::NameError> {
    names::subdomain(text.strip_suffix('.').unwrap_or(text))
}

fn ports(at: At<'_>, log: &mut Log) -> Option<Vec<ServicePort>> {
    let ports = list(at, 0..=usize::MAX, log, service_port)?;
    unique(&at, "port name", ports.iter().map(|p| (&p.name, p.port.span)), log);
    let numbers = ports.iter().map(|p| ((p.port.value, &p.protocol.value), p.port.span));
    unique(&at, "combination of port and protocol", numbers, log);
    Some(ports)
}

fn service_port(at: At<'_>, log: &mut Log) -> Option<ServicePort> {
    let fields = Fields::of(at, &SERVICE_PORT, log)?;
    let name = fields.optional("name", log, port_name).unwrap_or_default();
    let number = fields.required("port", log, port);
    let protocol = fields.optional("protocol", log, word(&PROTOCOLS));
    let target = fields.optional("targetPort", log, target_port);
    let app_protocol = fields.optional("appProtocol", log, string);
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
fn port_name(at: At<'_>, log: &mut Log) -> Option<String> {
    let form = |text: &str| if text.is_empty() { Ok(String::new()) } else { names::label(text) };
    parsed(Code::InvalidPortName, form)(at, log).map(|name| name.value)
}

fn target_port(at: At<'_>, log: &mut Log) -> Option<TargetPort> {
    match &at.node.value {
        Value::Scalar(Scalar::Text(_)) => {
            parsed(Code::InvalidPortName, names::port_name)(at, log).map(|name| TargetPort::Name(name.value))
        }
        _ => port(at, log).map(|number| TargetPort::Number(number.value)),
    }
}

/// The fields of a ConfigMap, which has no `spec`.
pub(super) fn config_map(fields: &Fields<'_>, log: &mut Log) -> ConfigMap {
    let authorities = fields.optional("data", log, |at, log| {
        strings(at, log)?;
        let entry = at.node.get("ca.crt").filter(|entry| !entry.value.is_null())?;
        string(At { node: &entry.value, path: Path::Field(&at.path, "ca.crt") }, log)
    });
    ConfigMap { authorities }
}

/// `spec` of a Namespace, of which nothing matters.
pub(super) fn namespace(at: At<'_>, log: &mut Log) -> Option<()> {
    Fields::of(at, &NAMESPACE, log).map(|_| ())
}

/// The fields of an EndpointSlice, which has no `spec`.
pub(super) fn endpoint_slice(fields: &Fields<'_>, log: &mut Log) -> Option<EndpointSlice> {
    let address_type = fields.required("addressType", log, address_type);
    let family = address_type.as_ref().map(|address_type| address_type.value);
    let endpoint = |at: At<'_>, log: &mut Log| endpoint(at, family, log);
    let endpoints = fields.optional("endpoints", log, |at, log| list(at, 0..=1000, log, endpoint));
    let ports = fields.optional("ports", log, |at, log| list(at, 0..=20_000, log, slice_port));
    Some(EndpointSlice {
        address_type: address_type?,
        endpoints: endpoints.unwrap_or_default(),
        ports: ports.unwrap_or_default(),
    })
}

fn address_type(at: At<'_>, log: &mut Log) -> Option<Spanned<AddressType>> {
    let words = [("IPv4", Some(AddressType::Ipv4)), ("IPv6", Some(AddressType::Ipv6)), ("FQDN", None)];
    let word = word(&words)(at, log)?;
    match word.value {
        Some(value) => Some(Spanned { value, span: word.span }),
        None => log.refuse(at.error(Code::NotSupported, "the address type `FQDN` is not supported")),
    }
}

fn endpoint(at: At<'_>, family: Option<AddressType>, log: &mut Log) -> Option<SliceEndpoint> {
    let fields = Fields::of(at, &ENDPOINT, log)?;
    let address = |at: At<'_>, log: &mut Log| address(at, family, log);
    let addresses = fields.required("addresses", log, |at, log| list(at, 1..=100, log, address));
    let conditions = fields.optional("conditions", log, |at, log| {
        let fields = Fields::of(at, &CONDITIONS, log)?;
        let mut condition = |name: &str| fields.optional(name, log, boolean);
        Some((condition("ready"), condition("serving"), condition("terminating")))
    });
    let target = fields.optional("targetRef", log, target_ref);
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
fn target_ref(at: At<'_>, log: &mut Log) -> Option<TargetRef> {
    let fields = Fields::of(at, &TARGET_REF, log)?;
    let mut text = |name| fields.optional(name, log, string).map(|text| text.value);
    let (kind, namespace, name) = (text("kind"), text("namespace"), text("name"));
    Some(TargetRef { kind: kind.unwrap_or_default(), namespace: namespace.unwrap_or_default(), name: name? })
}

fn address(at: At<'_>, family: Option<AddressType>, log: &mut Log) -> Option<Spanned<IpAddr>> {
    let text = string(at, log)?;
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
        None => log.refuse(at.error(Code::InvalidIpAddress, format!("{:?} is no {what}", text.value))),
    }
}

fn slice_port(at: At<'_>, log: &mut Log) -> Option<SlicePort> {
    let fields = Fields::of(at, &SLICE_PORT, log)?;
    let name = fields.optional("name", log, port_name).unwrap_or_default();
    let number = fields.optional("port", log, port);
    let protocol = fields.optional("protocol", log, word(&PROTOCOLS));
    let protocol = protocol.map_or("TCP", |protocol| protocol.value).to_owned();
    Some(SlicePort { name, port: number.map(|port| port.value), protocol })
}
