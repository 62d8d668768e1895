//! EndpointSlice (discovery.k8s.io/v1).

use std::net::IpAddr;

use super::port::{PROTOCOLS, port_name};
use crate::diagnostic::Code;
use crate::manifest::read::field_path::At;
use crate::manifest::read::fields::{Fields, Known};
use crate::manifest::read::findings::Findings;
use crate::manifest::read::list::list;
use crate::manifest::read::value::{boolean, port, string, word};
use crate::source::Spanned;

/// An EndpointSlice (discovery.k8s.io/v1). The label `kubernetes.io/service-name`.
#[derive(Clone, Debug)]
pub struct EndpointSlice {
    /// `addressType`.
    pub address_type: Spanned<AddressType>,
    /// `endpoints`.
    pub endpoints: Vec<SliceEndpoint>,
    /// `ports`.
    pub ports: Vec<SlicePort>,
}

/// `addressType`: the family of the addresses.
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
    /// `addresses`, all of the slice's type. Kubernetes reserves all but the first one.
    pub addresses: Vec<Spanned<IpAddr>>,
    /// `targetRef`: the object that has the addresses.
    pub target: Option<EndpointTarget>,
    /// `conditions.ready`: true by default.
    pub ready: bool,
    /// `conditions.serving`: the same as `ready` by default.
    pub serving: bool,
    /// `conditions.terminating`: false by default.
    pub terminating: bool,
}

/// The object that has an address, usually a pod.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointTarget {
    /// `kind`.
    pub kind: String,
    /// `namespace`; empty by default.
    pub namespace: String,
    /// `name`.
    pub name: String,
}

/// A port of an EndpointSlice.
#[derive(Clone, Debug)]
pub struct SlicePort {
    /// `name`, the same as that of the Service port; empty by default.
    pub name: String,
    /// `port`; `None` means all ports, which backends cannot use.
    pub port: Option<u16>,
    /// `protocol`: `TCP` by default.
    pub protocol: String,
}

pub(in crate::manifest) const OBJECT: Known = Known {
    read: &["apiVersion", "kind", "metadata", "addressType", "endpoints", "ports"],
    unread: &[],
    unsupported: &[],
};

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

/// Reads the fields of an EndpointSlice, which has no `spec`.
pub(in crate::manifest) fn read(fields: &Fields<'_>, findings: &mut Findings) -> Option<EndpointSlice> {
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
        None => findings.reject(at.error(Code::NotSupported, "`addressType: FQDN` is not supported")),
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

/// `None` for a reference without a name, which Kubernetes accepts.
fn target_ref(at: At<'_>, findings: &mut Findings) -> Option<EndpointTarget> {
    let fields = Fields::of(at, &TARGET_REF, findings)?;
    let mut text = |name| fields.optional(name, findings, string).map(|text| text.value);
    let (kind, namespace, name) = (text("kind"), text("namespace"), text("name"));
    Some(EndpointTarget {
        kind: kind.unwrap_or_default(),
        namespace: namespace.unwrap_or_default(),
        name: name?,
    })
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
        None => {
            findings.reject(at.error(Code::InvalidIpAddress, format!("{:?} is not an {what}", text.value)))
        }
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
