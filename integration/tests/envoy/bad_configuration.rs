//! Envoy does not start with an invalid plugin configuration, and logs the location of the error.

use integration::harness::deployment::Deployment;

use crate::setup::{COOKIE, deployment, manifests, pods, refusal};

/// The log of an Envoy whose plugin configuration has one text for another.
async fn log_with(text: &str, other: &str) -> String {
    let pods = pods::<1>();
    let rendered = deployment(&manifests(&pods, COOKIE));
    assert!(rendered.bootstrap().contains(text), "{}", rendered.bootstrap());
    refusal(&Deployment::of_bootstrap(rendered.bootstrap().replace(text, other)).unwrap()).await
}

#[tokio::test]
async fn unknown_fields_are_rejected_with_their_location() {
    let log = log_with("\"absolute_timeout\"", "\"absolute_timeuot\"").await;
    assert!(log.contains("plugin configuration: at `rule."), "{log}");
    assert!(log.contains("absolute_timeuot"), "{log}");
}

#[tokio::test]
async fn malformed_values_are_rejected_with_their_location() {
    let log = log_with("\"3600s\"", "\"an hour\"").await;
    assert!(log.contains("at `rule.absolute_timeout`") && log.contains("an hour"), "{log}");
}

#[tokio::test]
async fn invalid_cookie_names_are_rejected() {
    let log = log_with("\"name\": \"session\"", "\"name\": \"ses sion\"").await;
    assert!(log.contains("invalid cookie name"), "{log}");
}
