//! HTTPS: a connection serves only the routes of the listener that its SNI selected.

use crate::case::{Case, get};
use crate::documents::http_route;
use crate::infrastructure::{HTTPS, INFRA, V1, V2, V3};
use crate::replay::Replay;

/// A route serves its HTTPS listeners, for its hostnames or for theirs.
#[tokio::test]
async fn httproute_https_listener() {
    let rules = |backend: &str| format!("\n  - backendRefs: [{{name: {backend}, port: 8080}}]");
    let named = "{name: same-namespace-with-https-listener, sectionName: https-with-hostname}";
    let replay = Replay::start(&[
        http_route(INFRA, "all", &format!("{{name: {HTTPS}}}"), "example.org", &rules("infra-backend-v1")),
        http_route(INFRA, "one", named, "", &rules("infra-backend-v2")),
    ])
    .await;
    let cases = [
        ("example.org", get("/").host("example.org").reaches(V1)),
        ("unknown-example.org", get("/").host("unknown-example.org").answers(404)),
        ("second-example.org", get("/").host("second-example.org").reaches(V2)),
    ];
    replay.check_tls(HTTPS, 443, &cases).await;
}

/// Requests for the hostname of another listener than that of the connection get 421.
#[tokio::test]
async fn httproute_https_listener_detect_misdirected_requests() {
    let route = |section: &str, hostnames: &str, backend: &str| {
        let parent = format!("{{name: {HTTPS}, sectionName: {section}}}");
        let rules = format!(
            "\n  - matches: [{{path: {{type: PathPrefix, value: /misdirected}}}}]\n    \
             backendRefs: [{{name: {backend}, port: 8080}}]"
        );
        http_route(INFRA, section, &parent, hostnames, &rules)
    };
    let replay = Replay::start(&[
        route("https", "example.org", "infra-backend-v1"),
        route("https-with-hostname", "", "infra-backend-v2"),
        route("https-with-wildcard-hostname", "", "infra-backend-v3"),
        route("https-with-hostname-matching-wildcard", "", "infra-backend-v1"),
    ])
    .await;
    let (first, second) = ("example.org", "second-example.org");
    let (third, fourth) = ("third-example.wildcard.org", "fourth-example.wildcard.org");
    let (fifth, unknown) = ("fifth-example.wildcard.org", "unknown-example.org");
    let reaches = |target| move |host: &str| get("/misdirected").host(host).reaches(target);
    let answers = |status| move |host: &str| get("/misdirected").host(host).answers(status);
    let cases: [(&str, Case); 15] = [
        (first, reaches(V1)(first)),
        (first, answers(421)(second)),
        (first, answers(404)(unknown)),
        (second, reaches(V2)(second)),
        (second, answers(421)(first)),
        (second, answers(421)(unknown)),
        (third, reaches(V3)(third)),
        (third, reaches(V3)(fifth)),
        (third, answers(421)(fourth)),
        (third, answers(421)(second)),
        (third, answers(421)(unknown)),
        (fourth, reaches(V1)(fourth)),
        (fourth, answers(421)(fifth)),
        (unknown, reaches(V1)(first)),
        (unknown, answers(404)(unknown)),
    ];
    replay.check_tls(HTTPS, 443, &cases).await;
}
