//! Configuration that changes while Envoy runs: `envoy-config watch` writes files that Envoy watches, and clients with open sessions
//! notice nothing.

pub(crate) mod clients;
mod draining;
mod health;
mod pods;
mod strict;
mod under_load;
pub(crate) mod watched;
mod xbackends;

use std::collections::BTreeMap;

use integration::backend::Backend;
use integration::harness::client::Client;
use integration::harness::manifests::{Endpoint, Manifests};

use self::clients::Record;
use self::watched::Watched;
use crate::setup::pod;

/// Services of two versions with these pods, and another one.
fn services(old: &[Endpoint], new: &[Endpoint], other: &[Endpoint]) -> Manifests {
    let versions =
        Manifests::default().service("old", old.iter().copied()).service("new", new.iter().copied());
    versions.service("other", other.iter().copied())
}

/// A route with these rules.
fn route(rules: &[String]) -> String {
    crate::setup::route("shop", rules)
}

/// A rule with this name for the path of that name, which divides new sessions by these weights.
fn rule(name: &str, weights: [u32; 2], more: &str) -> String {
    let [old, new] = weights;
    format!(
        "{{name: {name}, matches: [{{path: {{value: /{name}}}}}], backendRefs: \
         [{{name: old, port: 3000, weight: {old}}}, {{name: new, port: 3000, weight: {new}}}]{more}}}"
    )
}

/// A session in the cookie `session`.
fn cookie(times: &str) -> String {
    format!(", sessionPersistence: {{sessionName: session, type: Cookie, {times}}}")
}

/// A session in the header `session`.
const HEADER: &str = ", sessionPersistence: {sessionName: session, type: Header, absoluteTimeout: 1h}";

fn endpoints(pods: &[Backend]) -> Vec<Endpoint> {
    pods.iter().map(Endpoint::from).collect()
}

/// An Envoy with sessions in a cookie for `/cart` and in a header for `/desk`, both on the service `old`.
async fn watched_cart_and_desk(services: &str) -> Watched {
    let cart = rule("cart", [1, 0], &cookie("absoluteTimeout: 1h"));
    Watched::start(
        &[
            ("gateway.yaml", Manifests::gateway().text()),
            ("services.yaml", services),
            ("routes.yaml", &route(&[cart, rule("desk", [1, 0], HEADER)])),
        ],
        &[],
    )
    .await
}

/// The pod that gets a new session.
async fn new_session(watched: &Watched, path: &str) -> String {
    pod(&Client::new(watched.http).get(path).await.unwrap())
}

/// How many sessions are on each pod now.
fn places(records: &[Record]) -> BTreeMap<&str, usize> {
    let mut places = BTreeMap::new();
    for pod in records.iter().filter_map(|record| record.pods.last()) {
        *places.entry(pod.as_str()).or_default() += 1;
    }
    places
}
