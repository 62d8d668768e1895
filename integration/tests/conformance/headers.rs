//! Header modifiers of requests and responses.

use std::collections::BTreeSet;

use integration::harness::client::{Client, Protocol};

use crate::case::{Case, get};
use crate::documents::{route, rule};
use crate::infrastructure::{SAME_NAMESPACE, V1};
use crate::replay::Replay;

/// What a modifier says, and the path of the requests that it changes.
const REQUEST_CHANGES: [(&str, &str); 5] = [
    ("/set", "{set: [{name: X-Set, value: ours}]}"),
    ("/add", "{add: [{name: X-Add, value: more}]}"),
    ("/remove", "{remove: [X-Remove]}"),
    (
        "/several",
        "{set: [{name: X-Set-1, value: set-1}, {name: X-Set-2, value: set-2}], \
         add: [{name: X-Add-1, value: add-1}, {name: X-Add-2, value: add-2}, {name: X-Add-3, value: add-3}], \
         remove: [X-Remove-1, X-Remove-2]}",
    ),
    (
        "/letters",
        "{set: [{name: X-Set, value: ours}], add: [{name: X-Add, value: more}], remove: [X-Remove]}",
    ),
];

/// The requests for those paths, and what the backend must have seen.
fn request_cases() -> Vec<Case> {
    let plain = |path: &str| get(path).header("Some-Other", "same");
    vec![
        plain("/set").reaches(V1).with("Some-Other", "same").with("X-Set", "ours"),
        plain("/set").header("X-Set", "theirs").reaches(V1).with("Some-Other", "same").with("X-Set", "ours"),
        plain("/add").reaches(V1).with("Some-Other", "same").with("X-Add", "more"),
        plain("/add")
            .header("X-Add", "some")
            .reaches(V1)
            .with("Some-Other", "same")
            .with("X-Add", "some,more"),
        get("/remove").header("X-Remove", "any").reaches(V1).without("X-Remove"),
        plain("/several")
            .header("X-Set-2", "theirs")
            .header("X-Add-2", "some")
            .header("X-Remove-2", "any")
            .reaches(V1)
            .with("X-Set-1", "set-1")
            .with("X-Set-2", "set-2")
            .with("X-Add-1", "add-1")
            .with("X-Add-2", "some,add-2")
            .with("X-Add-3", "add-3")
            .with("Some-Other", "same")
            .without("X-Remove-1")
            .without("X-Remove-2"),
        plain("/letters")
            .header("x-set", "theirs")
            .header("x-add", "some")
            .header("x-remove", "any")
            .reaches(V1)
            .with("X-Set", "ours")
            .with("X-Add", "some,more")
            .with("Some-Other", "same")
            .without("X-Remove"),
    ]
}

/// Headers of a request are set, added and removed, whatever the letters of their names, and the others stay.
#[tokio::test]
async fn httproute_request_header_modifier() {
    let rule = |(path, change): &(&str, &str)| {
        format!(
            "\n  - matches: [{{path: {{value: {path}}}}}]\n    \
             filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {change}}}]\n    \
             backendRefs: [{{name: infra-backend-v1, port: 8080}}]"
        )
    };
    let rules: String = REQUEST_CHANGES.iter().map(rule).collect();
    let replay = Replay::start(&[route("request-headers", SAME_NAMESPACE, &rules)]).await;
    replay.check(SAME_NAMESPACE, 80, &request_cases()).await;
}

/// Headers of an answer are set, added and removed, whatever the letters of their names, and the others stay; beside
/// that, those of its request can be changed.
#[tokio::test]
async fn httproute_response_header_modifier() {
    let several = "{set: [{name: X-Set-1, value: set-1}, {name: X-Set-2, value: set-2}], \
                   add: [{name: X-Add-1, value: add-1}, {name: X-Add-2, value: add-2}, {name: X-Add-3, value: add-3}], \
                   remove: [X-Remove-1, X-Remove-2]}";
    let letters = "{set: [{name: X-Set, value: ours}], remove: [X-Remove], add: [{name: X-Add, value: more}, \
                   {name: x-lower, value: one}, {name: x-Mixed-CASE, value: two}, {name: X-mIxEd-2, value: three}, \
                   {name: X-UPPER, value: four}]}";
    let request = ", {type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, value: ours}], \
                   add: [{name: X-Add, value: one}, {name: X-Append, value: more}], remove: [X-Remove]}}";
    let rule = |path: &str, change: &str, more: &str| {
        format!(
            "\n  - matches: [{{path: {{value: {path}}}}}]\n    \
             filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {change}}}{more}]\n    \
             backendRefs: [{{name: infra-backend-v1, port: 8080}}]"
        )
    };
    let rules = [
        rule("/set", "{set: [{name: X-Set, value: ours}]}", ""),
        rule("/add", "{add: [{name: X-Add, value: more}]}", ""),
        rule("/remove", "{remove: [X-Remove]}", ""),
        rule("/several", several, ""),
        rule("/letters", letters, ""),
        rule("/both", several, request),
    ];
    let replay = Replay::start(&[route("response-headers", SAME_NAMESPACE, &rules.concat())]).await;

    let sent = |path: &str, headers: &str| get(path).header("X-Echo-Set-Header", headers);
    let cases = [
        sent("/set", "Some-Other:same")
            .reaches(V1)
            .answering("Some-Other", "same")
            .answering("X-Set", "ours"),
        sent("/set", "Some-Other:same,X-Set:theirs")
            .reaches(V1)
            .answering("Some-Other", "same")
            .answering("X-Set", "ours"),
        sent("/add", "Some-Other:same")
            .reaches(V1)
            .answering("Some-Other", "same")
            .answering("X-Add", "more"),
        sent("/add", "Some-Other:same,X-Add:some")
            .reaches(V1)
            .answering("Some-Other", "same")
            .answering("X-Add", "some,more"),
        sent("/remove", "X-Remove:any").reaches(V1).answering_without("X-Remove"),
        sent("/several", "X-Set-2:theirs,X-Add-2:some,X-Remove-2:any,Some-Other:same,X-Remove-1:any")
            .reaches(V1)
            .answering("X-Set-1", "set-1")
            .answering("X-Set-2", "set-2")
            .answering("X-Add-1", "add-1")
            .answering("X-Add-2", "some,add-2")
            .answering("X-Add-3", "add-3")
            .answering("Some-Other", "same")
            .answering_without("X-Remove-1")
            .answering_without("X-Remove-2"),
        sent("/letters", "x-set:theirs,x-add:some,x-remove:any,Some-Other:same")
            .reaches(V1)
            .answering("X-Set", "ours")
            .answering("X-Add", "some,more")
            .answering("X-Lower", "one")
            .answering("X-Mixed-Case", "two")
            .answering("X-Mixed-2", "three")
            .answering("X-Upper", "four")
            .answering("Some-Other", "same")
            .answering_without("X-Remove"),
        sent(
            "/both",
            "X-Set-2:theirs,X-Add-2:some,X-Remove-2:any,Some-Other:same,X-Remove-1:any,X-Echo:echo",
        )
        .header("X-Remove", "any")
        .header("X-Append", "some")
        .header("X-Echo", "echo")
        .reaches(V1)
        .with("X-Add", "one")
        .with("X-Set", "ours")
        .with("X-Append", "some,more")
        .with("X-Echo", "echo")
        .without("X-Remove")
        .answering("X-Set-1", "set-1")
        .answering("X-Set-2", "set-2")
        .answering("X-Add-1", "add-1")
        .answering("X-Add-2", "some,add-2")
        .answering("Some-Other", "same")
        .answering("X-Echo", "echo")
        .answering_without("X-Remove-1")
        .answering_without("X-Remove-2"),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// A backendRef can change the headers of its share's requests as a rule can.
#[tokio::test]
async fn httproute_backend_request_header_modifier() {
    let rule = |(path, change): &(&str, &str)| {
        format!(
            "\n  - matches: [{{path: {{value: {path}}}}}]\n    \
             backendRefs: [{{name: infra-backend-v1, port: 8080, \
             filters: [{{type: RequestHeaderModifier, requestHeaderModifier: {change}}}]}}]"
        )
    };
    let rules: String = REQUEST_CHANGES.iter().map(rule).collect();
    let replay = Replay::start(&[route("backend-headers", SAME_NAMESPACE, &rules)]).await;
    replay.check(SAME_NAMESPACE, 80, &request_cases()).await;
}

/// Each backendRef of a rule changes the requests of its own share alone; a session stays in its share.
#[tokio::test]
async fn httproute_request_header_modifier_backend_weights() {
    let backend = |service: &str| {
        format!(
            "{{name: {service}, port: 8080, weight: 10, filters: [{{type: RequestHeaderModifier, \
             requestHeaderModifier: {{set: [{{name: Backend, value: {service}}}]}}}}]}}"
        )
    };
    let refs = format!("backendRefs: [{}, {}]", backend("infra-backend-v1"), backend("infra-backend-v2"));
    let session = "sessionPersistence: {sessionName: session, absoluteTimeout: 1h}";
    let rules = [rule("/", &[&refs]), rule("/session", &[&refs, session])];
    let replay = Replay::start(&[route("shares", SAME_NAMESPACE, &rules.concat())]).await;
    let mut reached = BTreeSet::new();
    for path in ["/", "/session"] {
        for _ in 0..100 {
            let answer = replay.answer(SAME_NAMESPACE, 80, &get(path), Protocol::Http1).await.unwrap();
            let service = answer.echo().unwrap()["service"].as_str().unwrap().to_owned();
            assert_eq!(answer.echoed("Backend"), [service.as_str()], "{path}");
            reached.insert((path, service));
        }
    }
    assert_eq!(reached.len(), 4, "{reached:?}");
    for _ in 0..10 {
        let browser = Client::with_jar(replay.address(SAME_NAMESPACE, 80));
        let first = browser.get("/session").await.unwrap();
        for _ in 0..5 {
            let next = browser.get("/session").await.unwrap();
            assert_eq!((next.pod(), next.echoed("Backend")), (first.pod(), first.echoed("Backend")));
        }
    }
}
