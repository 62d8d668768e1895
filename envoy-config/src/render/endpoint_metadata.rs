//! The metadata of an endpoint (`envoy.config.core.v3.Metadata`): a label that selects its TLS settings, and its address.
//!
//! The filter asks Envoy whether the endpoint that served a request has the address of the session as a key. The value is empty, so
//! Envoy returns no data to the module, and the question costs 5,500 instructions less than to read the address.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde::Serialize;
use session_persistence::config::Pin;

use super::upstream_tls::SocketLabel;
use crate::model::{Cluster, Locality};

#[derive(Clone, Serialize)]
pub(super) struct EndpointMetadata {
    filter_metadata: Namespaces,
}

#[derive(Clone, Serialize)]
struct Namespaces {
    #[serde(rename = "envoy.transport_socket_match", skip_serializing_if = "Option::is_none")]
    socket: Option<SocketLabel>,
    /// [`session_persistence::names::ENDPOINT_NAMESPACE`]
    #[serde(rename = "session-persistence", skip_serializing_if = "Option::is_none")]
    addresses: Option<BTreeMap<String, &'static str>>,
}

impl EndpointMetadata {
    /// The metadata of an endpoint; `None` if it has none. `address` is `None` for a DNS name: all addresses of a name have the same
    /// metadata. With the pin [`Pin::StatefulSession`], the filter asks nothing.
    pub(super) fn of(
        locality: &Locality,
        cluster: &Cluster,
        pin: Pin,
        address: Option<SocketAddr>,
    ) -> Option<Self> {
        let socket = locality.tls.as_ref().and_then(|tls| SocketLabel::of(tls, cluster));
        let address = address.filter(|_| cluster.persistent && pin == Pin::Metadata);
        let addresses = address.map(|address| BTreeMap::from([(address.to_string(), "")]));
        let some = socket.is_some() || addresses.is_some();
        some.then_some(Self { filter_metadata: Namespaces { socket, addresses } })
    }
}

#[cfg(test)]
mod tests {
    use session_persistence::names;

    use super::*;

    #[test]
    fn the_namespace_is_the_one_that_the_filter_reads() {
        let addresses = Some(BTreeMap::from([(String::from("10.0.0.1:80"), "")]));
        let metadata = EndpointMetadata { filter_metadata: Namespaces { socket: None, addresses } };
        let expected =
            serde_json::json!({"filter_metadata": {names::ENDPOINT_NAMESPACE: {"10.0.0.1:80": ""}}});
        assert_eq!(serde_json::to_value(metadata).unwrap(), expected);
    }
}
