//! Session persistence of one rule does not affect the others.

use integration::harness::manifests::Manifests;

use crate::setup::{COOKIE, browser, client, plain_rule, pod, pods, pods_of, route, rule, serve};

#[tokio::test]
async fn rules_without_persistence_set_no_cookie() {
    let (pods, icons) = (pods::<3>(), pods_of::<2>("icons"));
    let rules =
        [rule("/", &[("backend", 1)], "{cookie: {name: session}}"), plain_rule("/favicon.ico", "icons")];
    let manifests =
        Manifests::gateway().service("backend", &pods).service("icons", &icons).with(&route("route", &rules));
    let envoy = serve(&manifests).await;
    let browser = browser(&envoy);
    assert!(browser.get("/favicon.ico").await.unwrap().values("set-cookie").is_empty());
    let first = pod(&browser.get("/get").await.unwrap());
    for _ in 0..5 {
        assert!(browser.get("/favicon.ico").await.unwrap().values("set-cookie").is_empty());
        assert_eq!(pod(&browser.get("/deep/get").await.unwrap()), first);
    }
}

#[tokio::test]
async fn two_rules_of_one_service_have_separate_sessions() {
    let pods = pods::<4>();
    let rules = [("/a", "a"), ("/b", "b")]
        .map(|(prefix, name)| rule(prefix, &[("backend", 1)], &format!("{{cookie: {{name: {name}}}}}")));
    let envoy = serve(&Manifests::gateway().service("backend", &pods).with(&route("route", &rules))).await;
    let mut apart = 0;
    for _ in 0..8 {
        let browser = browser(&envoy);
        // The second request moves the next browser's sessions on, so that those of one browser do not stay together.
        let (a, b) = (pod(&browser.get("/a").await.unwrap()), pod(&browser.get("/b").await.unwrap()));
        client(&envoy).get("/b").await.unwrap();
        apart += usize::from(a != b);
        for _ in 0..5 {
            assert_eq!(pod(&browser.get("/a").await.unwrap()), a);
            assert_eq!(pod(&browser.get("/b").await.unwrap()), b);
        }
    }
    assert!(apart > 0, "sessions that are always together may be one");
}

#[tokio::test]
async fn unmatched_requests_start_no_session() {
    let pods = pods::<1>();
    let rules = [rule("/a", &[("backend", 1)], COOKIE)];
    let envoy = serve(&Manifests::gateway().service("backend", &pods).with(&route("route", &rules))).await;
    let answer = client(&envoy).get("/other").await.unwrap();
    assert_eq!(answer.status, 404);
    assert!(answer.values("set-cookie").is_empty());
}

#[tokio::test]
async fn tokens_do_not_affect_route_matching() {
    let (stable, canary) = (pods_of::<1>("stable"), pods_of::<1>("canary"));
    let by_header = "{matches: [{headers: [{name: x-canary, value: \"1\"}]}], \
                     backendRefs: [{name: canary, port: 3000}], sessionPersistence: {cookie: {name: session}}}";
    let rules = [rule("/", &[("stable", 1)], "{cookie: {name: session}}"), by_header.to_owned()];
    let manifests = Manifests::gateway()
        .service("stable", &stable)
        .service("canary", &canary)
        .with(&route("route", &rules));
    let envoy = serve(&manifests).await;
    let browser = browser(&envoy);
    let canary = [("x-canary", "1")];
    for _ in 0..3 {
        assert_eq!(pod(&browser.get("/get").await.unwrap()), "stable-0");
        assert_eq!(pod(&browser.get_with("/get", &canary).await.unwrap()), "canary-0");
    }
}
