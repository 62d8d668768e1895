//! Reads the names and addresses of pods from EndpointSlices.
//!
//! `envoy-config` needs addresses only; the demo, which starts the pods, needs their names, too.

use std::net::{IpAddr, SocketAddr};

use envoy_config::source::Source;
use serde::Deserialize;

use crate::backend::Pod;

/// The EndpointSlices cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum SliceError {
    /// A source is not YAML, or has an invalid EndpointSlice.
    #[error("{source_name}: {problem}")]
    Yaml {
        /// The source's name.
        source_name: String,
        /// What is wrong.
        problem: Box<serde_saphyr::Error>,
    },
}

/// The part of a document that matters here; only EndpointSlices have endpoints.
#[derive(Deserialize)]
struct Document {
    #[serde(default)]
    metadata: Metadata,
    #[serde(default)]
    ports: Vec<Port>,
    #[serde(default)]
    endpoints: Vec<Endpoint>,
}

#[derive(Default, Deserialize)]
struct Metadata {
    namespace: Option<String>,
    #[serde(default)]
    labels: Labels,
}

#[derive(Default, Deserialize)]
struct Labels {
    #[serde(rename = "kubernetes.io/service-name")]
    service: Option<String>,
}

#[derive(Deserialize)]
struct Port {
    port: u16,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Endpoint {
    addresses: Vec<IpAddr>,
    target_ref: Option<TargetRef>,
}

#[derive(Deserialize)]
struct TargetRef {
    name: String,
}

/// The pods and their addresses, in the order of the manifests. A pod without a name is named by its address.
///
/// # Errors
/// A source that cannot be read.
pub fn pods(sources: &[Source]) -> Result<Vec<(SocketAddr, Pod)>, SliceError> {
    let mut pods = Vec::new();
    for source in sources {
        let documents = serde_saphyr::from_multiple::<Document>(&source.text).map_err(|problem| {
            SliceError::Yaml { source_name: source.name.clone(), problem: Box::new(problem) }
        })?;
        pods.extend(documents.iter().flat_map(of_document));
    }
    Ok(pods)
}

fn of_document(document: &Document) -> impl Iterator<Item = (SocketAddr, Pod)> {
    let Metadata { namespace, labels } = &document.metadata;
    document.endpoints.iter().flat_map(move |endpoint| {
        let first = endpoint.addresses.first();
        first.into_iter().flat_map(move |ip| document.ports.iter().map(move |port| (ip, port))).map(
            move |(&ip, port)| {
                let name =
                    endpoint.target_ref.as_ref().map_or_else(|| ip.to_string(), |target| target.name.clone());
                let pod = Pod {
                    namespace: namespace.clone().unwrap_or_else(|| String::from("default")),
                    ingress: String::new(),
                    service: labels.service.clone().unwrap_or_default(),
                    pod: name,
                };
                (SocketAddr::new(ip, port.port), pod)
            },
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pods_are_named_by_endpoint_slices() {
        let text = "kind: Service\nmetadata: {name: backend}\nspec: {ports: [{port: 3000}]}\n---\n\
                    kind: EndpointSlice\n\
                    metadata: {name: backend-1, labels: {kubernetes.io/service-name: backend}}\n\
                    ports: [{port: 3000}]\n\
                    endpoints:\n- addresses: [127.0.0.11]\n  targetRef: {kind: Pod, name: backend-a}\n\
                    - addresses: [127.0.0.12]\n";
        let source = Source { name: String::from("a.yaml"), text: text.to_owned() };
        let found = pods(&[source]).unwrap();
        let named: Vec<_> =
            found.iter().map(|(address, pod)| (address.to_string(), pod.pod.as_str())).collect();
        let expected = [("127.0.0.11:3000", "backend-a"), ("127.0.0.12:3000", "127.0.0.12")];
        assert_eq!(named, expected.map(|(address, pod)| (address.to_owned(), pod)));
        assert_eq!(found[0].1.service, "backend");
    }
}
