//! Requests that sessions ignore (`ignore` of a `SessionPersistencePolicy`): they are balanced freely, and neither start nor move a
//! session.

use std::collections::BTreeSet;

use hyper::Method;
use integration::harness::client::{Answer, Client};
use integration::harness::manifests::Manifests;
use serde_json::Value;
use session_persistence::names::OVERRIDE_HOST_HEADER;

use crate::setup::{COOKIE, HEADER, client, pod, pods, pods_of, route, rule, serve, token};
use crate::strict::settings;

const ROUTE: &str = "kind: HTTPRoute, name: route";

/// A rule with these matches, sessions and more fields.
fn rule_with(matches: &str, persistence: &str, fields: &str) -> String {
    format!(
        "{{matches: [{matches}], backendRefs: [{{name: backend, port: 3000}}], sessionPersistence: {persistence}{fields}}}"
    )
}

/// The names and values of a session's request header.
fn carried(answer: &Answer) -> (&'static str, String) {
    match (answer.cookie("session"), answer.value("session")) {
        (Some(token), None) => ("cookie", format!("session={token}")),
        (None, Some(token)) => ("session", token),
        both => panic!("{both:?}"),
    }
}

/// The pods that serve several of these requests, none of which gets a token.
async fn served(client: &Client, method: Method, path: &str, headers: &[(&str, &str)]) -> BTreeSet<String> {
    let mut reached = BTreeSet::new();
    for _ in 0..12 {
        let answer = client.ask(method.clone(), path, headers).await.unwrap();
        assert_eq!((answer.status, token(&answer)), (200, None), "{method} {path}: {answer:?}");
        reached.insert(answer.pod().unwrap_or_default());
    }
    reached
}

#[tokio::test]
async fn ignored_requests_are_balanced_and_leave_the_session_alone() {
    for persistence in [COOKIE, HEADER] {
        let pods = pods::<3>();
        let ignore = "ignore: [{path: {value: /assets}}, {method: PUT}, {headers: [{name: purpose, value: prefetch}]}]";
        let manifests = Manifests::gateway()
            .service("backend", &pods)
            .with(&route("route", &[rule("/", &[("backend", 1)], persistence)]))
            .with(&settings(ROUTE, ignore));
        let envoy = serve(&manifests).await;
        let client = client(&envoy);
        let first = client.get("/get").await.unwrap();
        let (name, value) = carried(&first);
        let prefetch = [(name, value.as_str()), ("purpose", "prefetch")];
        for (method, path, headers) in [
            (Method::GET, "/assets/logo", &prefetch[..1]),
            (Method::GET, "/assets?v=1", &prefetch[..1]),
            (Method::PUT, "/get", &prefetch[..1]),
            (Method::GET, "/get", &prefetch[..]),
            (Method::GET, "/assets", &[]),
        ] {
            let reached = served(&client, method.clone(), path, headers).await;
            assert_eq!(reached.len(), 3, "{persistence} {method} {path}");
        }
        for path in ["/get", "/assetsx", "/get?path=/assets"] {
            let again = client.get_with(path, &[(name, &value)]).await.unwrap();
            assert_eq!((pod(&again), token(&again)), (pod(&first), None), "{path}");
        }
    }
}

/// Without the filter, its private header means nothing, and a backend's session header does not replace the client's token.
#[tokio::test]
async fn ignored_requests_cannot_pin_and_backends_cannot_answer_with_a_token() {
    let pods = pods::<3>();
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], HEADER)]))
        .with(&settings(ROUTE, "ignore: [{path: {value: /assets}}]"));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let address = pods[0].address().to_string();
    let headers =
        [(OVERRIDE_HOST_HEADER, address.as_str()), ("x-echo-set-header", "session: of-the-backend")];
    assert_eq!(served(&client, Method::GET, "/assets", &headers).await.len(), 3);
    let seen: Value = {
        let answer = client.get_with("/assets", &headers).await.unwrap();
        serde_json::from_slice(&answer.body).unwrap()
    };
    let names: Vec<_> = seen["headers"].as_object().unwrap().keys().map(|name| name.to_lowercase()).collect();
    assert!(names.contains(&String::from("x-echo-set-header")), "{names:?}");
    assert!(!names.contains(&OVERRIDE_HOST_HEADER.to_owned()), "{names:?}");
}

/// A rule that replaces the prefix of its own match replaces that of an ignored request too, not the ignored prefix.
#[tokio::test]
async fn ignored_requests_have_the_paths_that_the_rule_gives_them() {
    for (matched, replacement, expected) in [
        ("/shop", "/v2", "/v2/assets/a?b=c"),
        ("/shop", "/", "/assets/a?b=c"),
        ("/", "/v2", "/v2/shop/assets/a?b=c"),
    ] {
        let pods = pods::<1>();
        let filters = format!(
            ", filters: [{{type: URLRewrite, urlRewrite: {{path: {{type: ReplacePrefixMatch, replacePrefixMatch: {replacement}}}}}}}]"
        );
        let manifests = Manifests::gateway()
            .service("backend", &pods)
            .with(&route("route", &[rule_with(&format!("{{path: {{value: {matched}}}}}"), COOKIE, &filters)]))
            .with(&settings(ROUTE, "ignore: [{path: {value: /shop/assets}}]"));
        let envoy = serve(&manifests).await;
        let answer = client(&envoy).get("/shop/assets/a?b=c").await.unwrap();
        let seen: Value = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!(
            (seen["path"].as_str(), token(&answer)),
            (Some(expected), None),
            "{matched} {replacement}"
        );
    }
}

/// Where the rule or the ignored match is a regular expression, the other path is a condition on a header with the query.
#[tokio::test]
async fn queries_do_not_make_requests_ignored() {
    let pods = pods::<1>();
    let rules = [
        rule_with("{path: {type: RegularExpression, value: '/a/[a-z/]*'}}", COOKIE, ""),
        rule_with("{path: {type: Exact, value: /b.css}}, {path: {value: /c}}", COOKIE, ""),
    ];
    let ignore = "ignore: [{path: {value: /a/assets}}, {path: {type: Exact, value: /a/probe}}]";
    let of_expressions = settings(ROUTE, "ignore: [{path: {type: RegularExpression, value: '/.*[.]css'}}]")
        .replace("name: settings", "name: expressions")
        .replace("name: route", "name: expressions");
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &rules[..1]))
        .with(&route("expressions", &rules[1..]))
        .with(&settings(ROUTE, ignore))
        .with(&of_expressions);
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    for (path, ignored) in [
        ("/a/assets", true),
        ("/a/assets/x?y=z", true),
        ("/a/assets?y=z", true),
        ("/a/assetsx", false),
        ("/a/x?/a/assets", false),
        ("/a/probe?x", true),
        ("/a/probe/x", false),
        ("/b.css", true),
        ("/b.css?x=y", true),
        ("/c/d.css", true),
        ("/c/d.css?x", true),
        ("/c/d?x=.css", false),
        ("/c?.css", false),
    ] {
        let answer = client.get(path).await.unwrap();
        assert_eq!((answer.status, token(&answer).is_none()), (200, ignored), "{path}: {answer:?}");
    }
}

/// A strict session waits for its endpoint; requests that it ignores do not.
#[tokio::test]
async fn ignored_requests_of_strict_and_split_sessions_go_on() {
    let mut pods = pods::<2>();
    let [other] = pods_of("other");
    let split = "{backendRefs: [{name: backend, port: 3000, weight: 1, filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-share, value: one}]}}]}, {name: other, port: 3000, weight: 0}], sessionPersistence: {sessionName: session, absoluteTimeout: 1h}}";
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .service("other", [&other])
        .with(&route("route", &[split.to_owned()]))
        .with(&settings(ROUTE, "onEndpointLost: Reject, ignore: [{path: {value: /assets}}]"));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let first = client.get("/get").await.unwrap();
    let (name, value) = carried(&first);
    let home = pod(&first);
    pods.iter_mut().find(|one| one.pod().pod == home).unwrap().kill().await.unwrap();
    let waiting = client.get_with("/get", &[(name, &value)]).await.unwrap();
    assert_eq!((waiting.status, token(&waiting)), (503, None), "{waiting:?}");
    let reached = served(&client, Method::GET, "/assets", &[(name, &value)]).await;
    assert_eq!(reached.len(), 1, "{reached:?}");
    assert!(!reached.contains(&home) && !reached.contains("other-0"), "{reached:?}");
}

/// The header belongs to the backend there, but ignored requests belong to no session: a token is not opened, and what the backend sets
/// would replace the client's token.
#[tokio::test]
async fn ignored_requests_of_an_enveloped_rule_neither_open_nor_wrap() {
    let pods = pods::<2>();
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .with(&route("route", &[rule("/", &[("backend", 1)], HEADER)]))
        .with(&settings(ROUTE, "envelope: true, ignore: [{path: {value: /assets}}]"));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let set = ("x-echo-set-header", "session: own");
    let first = client.get_with("/get", &[set]).await.unwrap();
    let token = token(&first).unwrap();
    for _ in 0..4 {
        let ignored = client.get_with("/assets", &[("session", &token), set]).await.unwrap();
        assert_eq!((ignored.echoed("Session"), ignored.value("session")), (vec![token.clone()], None));
        let again = client.get_with("/get", &[("session", &token), set]).await.unwrap();
        assert_eq!((again.echoed("Session"), again.value("session")), (vec![String::from("own")], None));
        assert_eq!(pod(&again), pod(&first));
    }
}
