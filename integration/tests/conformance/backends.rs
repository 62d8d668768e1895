//! What a rule's backendRefs come to: shares by weight, none at all.

use std::collections::BTreeMap;

use integration::client::Client;

use crate::case::get;
use crate::infrastructure::{SAME_NAMESPACE, V1, V2};
use crate::scene::{Scene, route};

/// Rules with and without a name serve alike.
#[tokio::test]
async fn httproute_named_rule() {
    let rules = "
  - name: a-name
    matches: [{path: {type: PathPrefix, value: /named}}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{path: {type: PathPrefix, value: /nameless}}]
    backendRefs: [{name: infra-backend-v2, port: 8080}]";
    let scene = Scene::start(&[route("names", SAME_NAMESPACE, rules)]).await;
    scene.check(SAME_NAMESPACE, 80, &[get("/named").reaches(V1), get("/nameless").reaches(V2)]).await;
}

/// A rule without backendRefs, left out or empty, answers 500.
#[tokio::test]
async fn httproute_omitted_backendrefs() {
    let rules = "
  - matches: [{path: {type: Exact, value: /left-out}}]
  - {matches: [{path: {type: Exact, value: /empty}}], backendRefs: []}
  - {matches: [{path: {type: PathPrefix, value: /}}], backendRefs: [{name: infra-backend-v1, port: 8080}]}";
    let scene = Scene::start(&[route("omitted", SAME_NAMESPACE, rules)]).await;
    let cases = [get("/any").reaches(V1), get("/left-out").answers(500), get("/empty").answers(500)];
    scene.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Requests are shared out by weight, and a weight of zero gets none; a session keeps its share.
#[tokio::test]
async fn httproute_weight() {
    let refs = "backendRefs: [{name: infra-backend-v1, port: 8080, weight: 70}, \
                {name: infra-backend-v2, port: 8080, weight: 30}, {name: infra-backend-v3, port: 8080, weight: 0}]";
    let rules = format!(
        "\n  - {{{refs}}}\n  - {{matches: [{{path: {{value: /session}}}}], {refs}, \
         sessionPersistence: {{sessionName: session, absoluteTimeout: 1h}}}}"
    );
    let scene = Scene::start(&[route("weights", SAME_NAMESPACE, &rules)]).await;
    for path in ["/", "/session"] {
        let mut counts = BTreeMap::<_, u32>::new();
        for _ in 0..500 {
            let client = Client::new(scene.address(SAME_NAMESPACE, 80));
            let echo = client.get(path).await.unwrap().echo().unwrap();
            *counts.entry(echo["service"].as_str().unwrap().to_owned()).or_default() += 1;
        }
        let share = |service: &str| counts.get(service).copied().unwrap_or_default();
        assert!((325..=375).contains(&share("infra-backend-v1")), "{path}: {counts:?}");
        assert_eq!(share("infra-backend-v1") + share("infra-backend-v2"), 500, "{path}: {counts:?}");
    }
    let browser = Client::with_jar(scene.address(SAME_NAMESPACE, 80));
    let first = browser.get("/session").await.unwrap().pod();
    for _ in 0..10 {
        assert_eq!(browser.get("/session").await.unwrap().pod(), first);
    }
}
