//! backendRefs: types of Services, protocols, weights, and rules without backendRefs.

use std::collections::BTreeMap;
use std::fmt::Write;

use integration::harness::client::{Client, Protocol};

use crate::case::get;
use crate::documents::route;
use crate::infrastructure::{INFRA, Infrastructure, SAME_NAMESPACE, V1, V2, slice};
use crate::replay::Replay;

/// Rules are served with and without a name.
#[tokio::test]
async fn httproute_named_rule() {
    let rules = "
  - name: a-name
    matches: [{path: {type: PathPrefix, value: /named}}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{path: {type: PathPrefix, value: /nameless}}]
    backendRefs: [{name: infra-backend-v2, port: 8080}]";
    let replay = Replay::start(&[route("names", SAME_NAMESPACE, rules)]).await;
    replay.check(SAME_NAMESPACE, 80, &[get("/named").reaches(V1), get("/nameless").reaches(V2)]).await;
}

/// Rules with missing or empty backendRefs answer 500.
#[tokio::test]
async fn httproute_omitted_backendrefs() {
    let rules = "
  - matches: [{path: {type: Exact, value: /left-out}}]
  - {matches: [{path: {type: Exact, value: /empty}}], backendRefs: []}
  - {matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: infra-backend-v1, port: 8080}]}";
    let replay = Replay::start(&[route("omitted", SAME_NAMESPACE, rules)]).await;
    let cases = [get("/any").reaches(V1), get("/left-out").answers(500), get("/empty").answers(500)];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Requests are split by weight; weight zero gets none; sessions stay.
#[tokio::test]
async fn httproute_weight() {
    let refs = "backendRefs: [{name: infra-backend-v1, port: 8080, weight: 70}, \
                {name: infra-backend-v2, port: 8080, weight: 30}, {name: infra-backend-v3, port: 8080, weight: 0}]";
    let rules = format!(
        "\n  - {{{refs}}}\n  - {{matches: [{{path: {{value: /session}}}}], {refs}, \
         sessionPersistence: {{sessionName: session, absoluteTimeout: 1h}}}}"
    );
    let replay = Replay::start(&[route("weights", SAME_NAMESPACE, &rules)]).await;
    for path in ["/", "/session"] {
        let mut counts = BTreeMap::<_, u32>::new();
        for _ in 0..500 {
            let client = Client::new(replay.address(SAME_NAMESPACE, 80));
            let echo = client.get(path).await.unwrap().echo().unwrap();
            *counts.entry(echo["service"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let share = |service: &str| counts.get(service).copied().unwrap_or_default();
        assert!((325..=375).contains(&share("infra-backend-v1")), "{path}: {counts:?}");
        assert_eq!(share("infra-backend-v1") + share("infra-backend-v2"), 500, "{path}: {counts:?}");
    }
    let browser = Client::with_jar(replay.address(SAME_NAMESPACE, 80));
    let first = browser.get("/session").await.unwrap().pod();
    for _ in 0..10 {
        assert_eq!(browser.get("/session").await.unwrap().pod(), first);
    }
}

/// A Service is reached by its EndpointSlices, whoever wrote them, headless or not.
#[tokio::test]
async fn httproute_service_types() {
    let infrastructure = Infrastructure::start();
    let mut documents = Vec::new();
    let mut rules = String::new();
    for (name, more) in [
        ("by-hand", ""),
        ("headless", "clusterIP: None, selector: {app: infra-backend-v1}, "),
        ("headless-by-hand", "clusterIP: None, "),
    ] {
        documents.push(format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {INFRA}}}\n\
             spec: {{{more}ports: [{{name: http, port: 8080, targetPort: 3000}}]}}\n"
        ));
        let pods = infrastructure.pods(V1).enumerate();
        documents.extend(pods.map(|(replica, pod)| slice(INFRA, name, replica, pod.address())));
        write!(
            rules,
            "\n  - matches: [{{path: {{type: Exact, value: /{name}}}}}]\n    \
             backendRefs: [{{name: {name}, port: 8080}}]"
        )
        .unwrap();
    }
    // The other family has no addresses here.
    documents.push(format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{name: by-hand-6, namespace: {INFRA}, labels: {{kubernetes.io/service-name: by-hand}}}}\n\
         addressType: IPv6\nports: [{{name: http, port: 3000}}]\nendpoints: []\n"
    ));
    documents.push(route("services", SAME_NAMESPACE, &rules));
    let replay = Replay::start_on(infrastructure, &[], &documents).await;
    let cases = ["/by-hand", "/headless", "/headless-by-hand"].map(|path| get(path).reaches(V1));
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// A port that speaks HTTP/2 in the clear is spoken to so, whatever the client speaks.
#[tokio::test]
async fn httproute_backend_protocol_h2c() {
    let rules = "
  - {matches: [{path: {value: /h2c}}], backendRefs: [{name: infra-backend-v1, port: 8081}]}
  - {matches: [{path: {value: /}}], backendRefs: [{name: infra-backend-v1, port: 8080}]}";
    let replay = Replay::start(&[route("h2c", SAME_NAMESPACE, rules)]).await;
    replay.check(SAME_NAMESPACE, 80, &[get("/h2c").reaches(V1), get("/").reaches(V1)]).await;
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let client = Client::new(replay.address(SAME_NAMESPACE, 80)).speaking(protocol);
        for (path, expected) in [("/h2c", "HTTP/2.0"), ("/", "HTTP/1.1")] {
            let echo = client.get(path).await.unwrap().echo().unwrap();
            assert_eq!(echo["proto"], expected, "{path} over {protocol:?}");
        }
    }
}

/// Requests of a rule in which no backend has a weight are answered 500.
#[tokio::test]
async fn httproute_all_backends_weight_zero() {
    let refs = "\n  - backendRefs: [{name: infra-backend-v1, port: 8080, weight: 0}, \
                {name: infra-backend-v2, port: 8080, weight: 0}]";
    let replay = Replay::start(&[route("no-weights", SAME_NAMESPACE, refs)]).await;
    assert_eq!(replay.statuses.of_route(INFRA, "no-weights", "ResolvedRefs"), ["True ResolvedRefs"]);
    replay.check(SAME_NAMESPACE, 80, &[get("/").answers(500)]).await;
}
