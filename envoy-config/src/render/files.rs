//! The configuration as files that Envoy watches: what can change while Envoy runs is in files beside a small bootstrap.
//!
//! What a file refers to is in another file, so that a change touches as little as possible:
//!
//! - A cluster has the endpoints of one rule in a file of its own. If anything else of the cluster changes, such as the TLS settings
//!   that its endpoints select, the cluster changes to a new file, so that it is never used with endpoints of its older version.
//! - Routes with the filter's configuration are in a file for each listener, or for each hostname of an HTTPS listener. A listener
//!   does not change with its routes, so Envoy does not drain it.
//! - Certificates with their private keys are in a file for each Secret, and in no other file.
//!
//! Routes name the pods of their endpoints, so they change with these. Endpoints without pods change alone.
//!
//! Envoy watches each file with an inotify instance of its own and ends if it gets none, and Linux allows a user 128. If there would
//! be too many, endpoints are in their clusters. Envoy then replaces a cluster whose endpoints change: its sessions and requests go
//! on, its idle connections do not.
//!
//! Clusters are named by the identity of their rule. Their names in the bootstrap are numbers of rules: when a rule is inserted, the
//! endpoints of a rule would change to those of another one before its routes do, and its sessions would end.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use session_persistence::config::Pin;

use super::bootstrap::Bootstrap;
use super::clusters::{self, Cluster};
use super::endpoints::LoadAssignment;
use super::error_fraction::ErrorFractions;
use super::extension::{Message, Typed};
use super::listener::{self, Listener};
use super::sources::{self, Folder, Sources};
use super::tls::Secret;
use super::{Options, RenderError, yaml};
use crate::model::{self, Action, Endpoints, Model};

/// Where the files are, and how many there may be.
#[derive(Clone, Copy, Debug)]
pub struct Location<'l> {
    /// The absolute path of the directory, as Envoy sees it.
    pub directory: &'l str,
    /// How many files Envoy may watch. With more, endpoints are in the file of clusters.
    pub watched: usize,
}

/// Everything that Envoy reads from the directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Files {
    /// The bootstrap, which refers to listeners and clusters.
    pub bootstrap: File,
    /// All listeners, which refer to routes and secrets.
    pub listeners: File,
    /// All clusters, which refer to endpoints.
    pub clusters: File,
    /// One file for each listener, or for each site of an HTTPS listener.
    pub routes: Vec<File>,
    /// One file for each cluster whose endpoints are addresses, unless there are too many.
    pub endpoints: Vec<File>,
    /// The clusters whose routes name the pods of their endpoints: their sessions follow a pod to another address.
    pub following: BTreeSet<String>,
    /// One file for each certificate with its private key, and for each set of CA certificates for client certificates.
    pub secrets: Vec<File>,
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// Its path in the directory, with `/` between folder and name.
    pub path: String,
    /// Its contents, in YAML.
    pub text: String,
}

/// The file that Envoy is started with.
pub const BOOTSTRAP: &str = "envoy.yaml";

/// The model as files at this location.
///
/// # Errors
/// A value has no form in YAML. None of the rendered types holds one.
pub fn render(model: &Model, location: Location<'_>, options: &Options) -> Result<Files, RenderError> {
    let Location { directory, watched } = location;
    let model = &by_identity(model, options);
    let of_clusters = model.clusters.iter().flat_map(Secret::of_cluster);
    let secrets = model.listeners.iter().flat_map(Secret::all).chain(of_clusters);
    let secrets = secrets.map(|secret| (secret.name().to_owned(), secret));
    // Several listeners and clusters can use the same Secret.
    let secrets: BTreeMap<String, Secret> = secrets.collect();
    let others = 2 + secrets.len() + model.listeners.iter().map(listener::count_routes).sum::<usize>();
    let clusters = model.clusters.iter().filter(|cluster| !cluster.has_dns_names()).count();
    let sources = Sources::Files { directory, endpoints: others + clusters <= watched };
    let errors = &ErrorFractions::new(model, sources);
    let bound = model.listeners.iter();
    let preflights = clusters::of_preflights(model);
    let listeners: Vec<Typed<Listener>> =
        bound.clone().map(|listener| Listener::new(listener, errors, options, sources).into()).collect();
    let (mut clusters, mut endpoints) = (Vec::new(), Vec::new());
    for cluster in model.clusters.iter().chain(&preflights) {
        let rendered = Cluster::new(cluster, options, sources);
        if let Some(path) = rendered.endpoints_file() {
            endpoints.push(single(path, LoadAssignment::of(cluster, options.pin_of(cluster)))?);
        }
        clusters.push(Typed::from(rendered));
    }
    let routes = bound.flat_map(|listener| listener::routes(listener, errors, options));
    Ok(Files {
        bootstrap: File { path: BOOTSTRAP.to_owned(), text: yaml(&Bootstrap::of_files(options, directory))? },
        listeners: response(sources::LISTENERS, &listeners)?,
        clusters: response(sources::CLUSTERS, &clusters)?,
        routes: routes
            .map(|routes| single(&Folder::Routes.file(routes.name(), b""), routes))
            .collect::<Result<_, _>>()?,
        endpoints,
        following: model.clusters.iter().filter(|one| has_pods(one)).map(|one| one.name.clone()).collect(),
        secrets: secrets
            .into_iter()
            .map(|(name, secret)| single(&Folder::Secrets.file(&name, b""), secret))
            .collect::<Result<_, _>>()?,
    })
}

/// Whether requests are pinned to pods of this cluster.
fn has_pods(cluster: &model::Cluster) -> bool {
    let has_pod = |locality: &model::Locality| match &locality.endpoints {
        Endpoints::Addresses(endpoints) => endpoints.iter().any(|endpoint| endpoint.pod.is_some()),
        Endpoints::Names(_) | Endpoints::Unresolved => false,
    };
    cluster.persistent && cluster.localities.iter().any(has_pod)
}

fn single<M: Message>(path: &str, message: M) -> Result<File, RenderError> {
    response(path, &[Typed::from(message)])
}

/// A file with these resources, which come from other files.
///
/// # Errors
/// A value has no form in YAML.
pub fn of_resources(path: &str, resources: &[serde_json::Value]) -> Result<File, RenderError> {
    response(path, resources)
}

/// Whether a file of this name is one of those with one resource.
#[must_use]
pub fn is_resource(name: &str) -> bool {
    let digest = name.strip_suffix(".yaml").and_then(|stem| stem.rsplit_once('-'));
    digest.is_some_and(|(_, digest)| {
        digest.len() == 16
            && digest.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
    })
}

/// `envoy.service.discovery.v3.DiscoveryResponse`. The version is a digest of the resources.
fn response<R: Serialize>(path: &str, resources: &[R]) -> Result<File, RenderError> {
    #[derive(Serialize)]
    struct Resources<'r, R> {
        resources: &'r [R],
    }
    let text = yaml(&Resources { resources })?;
    let text = format!("version_info: v{}\n{text}", sources::digest(text.as_bytes()));
    Ok(File { path: path.to_owned(), text })
}

/// The model with clusters that are named by their identity.
///
/// Filters and clusters must agree about the pin, so a cluster with another pin has another name: routes change to it at once.
fn by_identity(model: &Model, options: &Options) -> Model {
    let name = |cluster: &model::Cluster| {
        let suffix = match options.pin_of(cluster) {
            Pin::StatefulSession if cluster.persistent => "+stateful-session",
            Pin::StatefulSession | Pin::Metadata => "",
        };
        format!("{}{suffix}", cluster.identity)
    };
    let names: BTreeMap<&str, String> =
        model.clusters.iter().map(|cluster| (cluster.name.as_str(), name(cluster))).collect();
    let rename = |cluster: &mut String| {
        if let Some(name) = names.get(cluster.as_str()) {
            cluster.clone_from(name);
        }
    };
    let mut renamed = model.clone();
    for cluster in &mut renamed.clusters {
        rename(&mut cluster.name);
    }
    renamed.clusters.sort_by(|one, other| one.name.cmp(&other.name));
    let hosts = renamed.listeners.iter_mut().flat_map(model::Listener::virtual_hosts_mut);
    for route in hosts.flat_map(|host| &mut host.routes) {
        route.external_auth.iter_mut().for_each(|auth| rename(&mut auth.cluster));
        if let Action::Forward(forward) = &mut route.action {
            rename(&mut forward.cluster);
            forward.mirrors.iter_mut().for_each(|mirror| rename(&mut mirror.cluster));
        }
    }
    renamed
}
