//! Split rules: backendRefs with their own filters each have a route and a cluster, and sessions stay on their backendRef.

use std::time::Duration;

use integration::backend::Backend;
use integration::harness::client::{Answer, Client};
use integration::harness::deadline::until;
use integration::harness::deployment::Deployment;
use integration::harness::keys;
use integration::harness::manifests::{Endpoint, EndpointState, Manifests};

use crate::setup::{
    COOKIE, HEADER, address, browser, client, deployment, get_with_cookie, pod, pods_of, route, serve, start,
    token,
};

/// A backendRef of this Service that marks its requests and responses.
fn marked(service: &str, weight: u32) -> String {
    format!(
        "{{name: {service}, port: 3000, weight: {weight}, filters: [\
           {{type: RequestHeaderModifier, requestHeaderModifier: {{set: [{{name: X-Share, value: {service}}}]}}}}, \
           {{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: X-Share, value: {service}}}]}}}}]}}"
    )
}

fn split_rule(prefix: &str, refs: &[String], persistence: &str) -> String {
    format!(
        "{{name: rule{}, matches: [{{path: {{value: {prefix}}}}}], backendRefs: [{}], sessionPersistence: {persistence}}}",
        prefix.trim_matches('/'),
        refs.join(", ")
    )
}

fn manifests(old: &[Backend], new: &[Backend], rules: &[String]) -> Manifests {
    Manifests::gateway().service("old", old).service("new", new).with(&route("route", rules))
}

/// The backendRef whose filters a request and its response passed, which must be that of the pod.
fn share(answer: &Answer) -> String {
    let pod = pod(answer);
    let share = answer.value("x-share").unwrap();
    assert!(pod.starts_with(&share), "{share}, but {pod}");
    assert_eq!(answer.echoed("X-Share"), [share.as_str()]);
    share
}

#[tokio::test]
async fn new_sessions_follow_weights_and_stay_on_their_backend_ref() {
    for persistence in [COOKIE, HEADER] {
        let (old, new) = (pods_of::<2>("old"), pods_of::<2>("new"));
        let rules = [split_rule("/", &[marked("old", 3), marked("new", 1)], persistence)];
        let envoy = serve(&manifests(&old, &new, &rules)).await;
        let client = client(&envoy);
        let mut to_old = 0;
        for _ in 0..200 {
            let first = client.get("/get").await.unwrap();
            to_old += i32::from(share(&first) == "old");
            let token = token(&first).unwrap();
            let cookie = format!("session={token}");
            for _ in 0..3 {
                let back =
                    client.get_with("/get", &[("cookie", &cookie), ("session", &token)]).await.unwrap();
                share(&back);
                assert_eq!((pod(&back), crate::setup::token(&back)), (pod(&first), None));
            }
        }
        assert!((120..=180).contains(&to_old), "{to_old} of 200 new sessions, where 150 are due");
    }
}

#[tokio::test]
async fn weight_zero_keeps_existing_sessions() {
    let (old, new) = (pods_of::<2>("old"), pods_of::<2>("new"));
    let keys = keys::fresh().unwrap();
    let of = |weights: [u32; 2]| {
        let rules = [split_rule("/", &[marked("old", weights[0]), marked("new", weights[1])], COOKIE)];
        deployment(&manifests(&old, &new, &rules)).with_keys(&keys)
    };
    let before = start(&of([1, 0])).await;
    let mut browser = browser(&before);
    let first = pod(&browser.get("/get").await.unwrap());
    drop(before);
    for weights in [[0, 1], [0, 0]] {
        let after = start(&of(weights)).await;
        browser = browser.moved_to(address(&after));
        for _ in 0..10 {
            let back = browser.get("/get").await.unwrap();
            assert_eq!((share(&back), pod(&back)), ("old".to_owned(), first.clone()), "{weights:?}");
            let stranger = client(&after).get("/get").await.unwrap();
            if weights == [0, 0] {
                assert_eq!((stranger.status, token(&stranger)), (500, None));
            } else {
                assert_eq!(share(&stranger), "new");
            }
        }
    }
}

#[tokio::test]
async fn missing_backend_refs_answer_500_and_end_no_session() {
    let (old, new) = (pods_of::<2>("old"), pods_of::<1>("new"));
    let rules = [split_rule("/", &[marked("old", 1), marked("nobody", 1)], COOKIE)];
    let wrong = manifests(&old, &new, &rules);
    let envoy = start(&Deployment::keep_going(&wrong).unwrap()).await;
    let mut refused = 0;
    for _ in 0..100 {
        let browser = browser(&envoy);
        let first = browser.get("/get").await.unwrap();
        if first.status == 500 {
            refused += 1;
            assert_eq!(token(&first), None);
        } else {
            assert_eq!(pod(&browser.get("/get").await.unwrap()), pod(&first));
        }
    }
    assert!((30..=70).contains(&refused), "{refused} of 100, where 50 are due");
}

#[tokio::test]
async fn sessions_fail_over_within_their_backend_ref() {
    let (mut old, new) = (pods_of::<2>("old"), pods_of::<2>("new"));
    let rules = [split_rule("/", &[marked("old", 1), marked("new", 0)], COOKIE)];
    let envoy = serve(&manifests(&old, &new, &rules)).await;
    let browser = browser(&envoy);
    let first = pod(&browser.get("/get").await.unwrap());
    let gone = old.iter_mut().find(|backend| backend.pod().pod == first).unwrap();
    gone.kill().await.unwrap();
    let moved = browser.get("/get").await.unwrap();
    assert_eq!(share(&moved), "old");
    assert_ne!(pod(&moved), first);
    assert!(token(&moved).is_some());
    let again = browser.get("/get").await.unwrap();
    assert_eq!((pod(&again), token(&again)), (pod(&moved), None));
}

#[tokio::test]
async fn weights_apply_when_a_backend_ref_has_no_endpoint_left() {
    let (old, new) = (pods_of::<1>("old"), pods_of::<1>("new"));
    let keys = keys::fresh().unwrap();
    let of = |state, weight: u32| {
        let rules = [split_rule("/", &[marked("old", 1), marked("new", weight)], COOKIE)];
        let old = old.iter().map(|backend| Endpoint::from(backend).in_state(state));
        let manifests =
            Manifests::gateway().service("old", old).service("new", &new).with(&route("route", &rules));
        deployment(&manifests).with_keys(&keys)
    };
    let before = start(&of(EndpointState::Ready, 0)).await;
    let browser = browser(&before);
    assert_eq!(share(&browser.get("/get").await.unwrap()), "old");
    drop(before);
    // Nearly all: the share without endpoints keeps its own, which is answered 503.
    let after = start(&of(EndpointState::Unready, 999_999)).await;
    let browser = browser.moved_to(address(&after));
    let moved = browser.get("/get").await.unwrap();
    assert_eq!(share(&moved), "new");
    assert!(token(&moved).is_some());
    let again = browser.get("/get").await.unwrap();
    assert_eq!((share(&again), token(&again)), ("new".to_owned(), None));
}

#[tokio::test]
async fn redirecting_backend_refs_neither_start_nor_end_sessions() {
    let (old, new) = (pods_of::<2>("old"), pods_of::<1>("new"));
    let elsewhere = "{name: new, port: 3000, weight: 1, filters: [\
                       {type: RequestRedirect, requestRedirect: {hostname: elsewhere.example}}]}";
    let rules = [split_rule("/", &[marked("old", 1), elsewhere.to_owned()], COOKIE)];
    let envoy = serve(&manifests(&old, &new, &rules)).await;
    let mut redirects = 0;
    for _ in 0..40 {
        let browser = browser(&envoy);
        let first = browser.get("/get").await.unwrap();
        if first.status == 302 {
            redirects += 1;
            assert_eq!(first.value("location").as_deref(), Some("http://elsewhere.example/get"));
            assert_eq!(token(&first), None);
            continue;
        }
        for _ in 0..4 {
            assert_eq!(pod(&browser.get("/get").await.unwrap()), pod(&first));
        }
    }
    assert!((5..=35).contains(&redirects), "{redirects} of 40, where 20 are due");
}

#[tokio::test]
async fn rule_mirrors_copy_their_fraction_of_every_backend_ref() {
    let (old, new) = (pods_of::<1>("old"), pods_of::<1>("new"));
    let [copies] = pods_of::<1>("copies");
    let mirror = "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: copies, port: 3000}, percent: 50}}]";
    let rule = format!(
        "{{{mirror}, backendRefs: [{}, {}], sessionPersistence: {COOKIE}}}",
        marked("old", 1),
        marked("new", 1)
    );
    let envoy = serve(&manifests(&old, &new, &[rule]).service("copies", [&copies])).await;
    let client = client(&envoy);
    let mut arrivals = copies.arrivals();
    for _ in 0..50 {
        let first = client.get("/get").await.unwrap();
        let token = token(&first).unwrap();
        for _ in 0..3 {
            assert_eq!(share(&get_with_cookie(&client, &token).await), share(&first));
        }
    }
    let enough = async || (copies.requests() >= 60).then_some(());
    until(Duration::from_secs(10), enough).await.unwrap();
    let mut of_old = 0;
    let mut all = 0;
    while let Ok(arrival) = arrivals.try_recv() {
        all += 1;
        of_old += i32::from(arrival.headers["x-share"] == "old");
    }
    assert!((60..=140).contains(&all), "{all} of 200 copied, where 100 are due");
    assert!(
        (20..=80).contains(&of_old) && (20..=80).contains(&(all - of_old)),
        "{of_old} of {all} copies from one half"
    );
}

#[tokio::test]
async fn clients_cannot_choose_a_backend_ref_or_reuse_tokens_across_rules() {
    let (old, new) = (pods_of::<1>("old"), pods_of::<1>("new"));
    let refs = |weights: [u32; 2]| [marked("old", weights[0]), marked("new", weights[1])];
    let rules = [split_rule("/a", &refs([1, 0]), COOKIE), split_rule("/b", &refs([0, 1]), COOKIE)];
    let envoy = serve(&manifests(&old, &new, &rules)).await;
    let client: Client = client(&envoy);
    let first = client.get("/a").await.unwrap();
    assert_eq!(share(&first), "old");
    let cookie = format!("session={}", token(&first).unwrap());
    for (path, expected) in [("/a", "old"), ("/b", "new")] {
        let wanted = if expected == "old" { "default/new:3000" } else { "default/old:3000" };
        let answer = client
            .get_with(
                path,
                &[
                    ("cookie", &cookie),
                    ("x-session-persistence-override-host", &old[0].address().to_string()),
                    ("wasm.session_persistence_share", wanted),
                    ("session_persistence_share", wanted),
                    ("x-session-persistence-share", wanted),
                ],
            )
            .await
            .unwrap();
        assert_eq!(share(&answer), expected);
        // The token of one rule is none in the other, which gives one of its own.
        assert_eq!(token(&answer).is_some(), path == "/b");
    }
}
