//! Route matches beyond the conformance tests: regular expressions, encoding, normalization, precedence.
//!
//! Each rule has its own Service with one pod of the same name.

use std::collections::BTreeMap;

use integration::backend::{Backend, Pod};
use integration::harness::client::Client;
use integration::harness::envoy::Process;
use integration::harness::manifests::Manifests;

use crate::setup::{address, route, rule_matching, serve, serve_valid_parts};

/// Pods named `a`, `b` and so on, each behind a Service of that name.
struct Pods(BTreeMap<&'static str, Backend>);

impl Pods {
    fn new(names: &[&'static str]) -> Self {
        Self(names.iter().map(|name| (*name, Backend::start(Pod::new(name, name)).unwrap())).collect())
    }

    fn manifests(&self) -> Manifests {
        self.0
            .iter()
            .fold(Manifests::gateway(), |manifests, (name, backend)| manifests.service(name, [backend]))
    }
}

/// The pod that answers a request, or the status of Envoy's local reply.
async fn answer(client: &Client, path: &str, headers: &[(&str, &str)]) -> String {
    let answer = client.get_with(path, headers).await.unwrap();
    answer.pod().unwrap_or_else(|| answer.status.to_string())
}

/// A path, headers, and who answers.
type Case<'c> = (&'c str, &'c [(&'c str, &'c str)], &'c str);

async fn assert_answers(envoy: &Process, cases: &[Case<'_>]) {
    let client = Client::new(address(envoy));
    for (path, headers, expected) in cases {
        assert_eq!(answer(&client, path, headers).await, *expected, "{path} with {headers:?}");
    }
}

#[tokio::test]
async fn path_matches_are_exact_prefix_or_anchored_regex() {
    let pods = Pods::new(&["exact", "short", "long", "regex", "encoded"]);
    let rules = [
        rule_matching("{path: {type: Exact, value: /one}}", "exact"),
        rule_matching("{path: {value: /v2/}}", "short"),
        rule_matching("{path: {value: /v2/deep}}", "long"),
        rule_matching("{path: {type: RegularExpression, value: '/re/[a-z]+'}}", "regex"),
        rule_matching("{path: {type: Exact, value: /%61%20b}}", "encoded"),
    ];
    let envoy = serve(&pods.manifests().with(&route("route", &rules))).await;
    let none: &[(&str, &str)] = &[];
    assert_answers(
        &envoy,
        &[
            ("/one", none, "exact"),
            ("/one?two=three", none, "exact"),
            ("/one/", none, "404"),
            ("/ONE", none, "404"),
            ("/v2", none, "short"),
            ("/v2/", none, "short"),
            ("/v2/x", none, "short"),
            ("/v2//deep", none, "short"),
            ("/v2example", none, "404"),
            ("/v2%2Fx", none, "404"),
            ("//v2", none, "404"),
            ("/v2/deep/er", none, "long"),
            ("/v2/deeper", none, "short"),
            ("/elsewhere/../v2/./deep", none, "long"),
            ("/v2/%2e%2e/one", none, "exact"),
            ("/re/abc", none, "regex"),
            ("/re/abc?d", none, "regex"),
            ("/re/abc/", none, "404"),
            ("/x/re/abc", none, "404"),
            ("/a%20b", none, "encoded"),
            ("/%61%20%62", none, "encoded"),
        ],
    )
    .await;
}

#[tokio::test]
async fn header_matches_compare_whole_values_and_ignore_name_case() {
    let pods = Pods::new(&["exact", "two", "regex", "host"]);
    let rules = [
        rule_matching("{headers: [{name: Version, value: two}, {name: Color, value: red}]}", "two"),
        rule_matching("{headers: [{name: version, value: one}, {name: VERSION, value: never}]}", "exact"),
        rule_matching("{headers: [{name: color, type: RegularExpression, value: 'gr(e|a)y'}]}", "regex"),
        rule_matching("{headers: [{name: host, value: www.example.org}]}", "host"),
    ];
    let envoy = serve(&pods.manifests().with(&route("route", &rules))).await;
    assert_answers(
        &envoy,
        &[
            ("/", &[("version", "one")], "exact"),
            ("/", &[("VERSION", "one"), ("color", "red")], "exact"),
            ("/", &[("version", "One")], "404"),
            ("/", &[("version", "one two")], "404"),
            ("/", &[("version", "two")], "404"),
            ("/", &[("version", "two"), ("color", "red")], "two"),
            ("/", &[("color", "gray")], "regex"),
            ("/", &[("color", "greyish")], "404"),
            ("/", &[("color", "a grey")], "404"),
            ("/", &[], "404"),
        ],
    )
    .await;
    let client = Client::new(address(&envoy)).asking_for("www.example.org");
    assert_eq!(answer(&client, "/", &[]).await, "host");
}

#[tokio::test]
async fn query_matches_use_the_first_decoded_value() {
    let pods = Pods::new(&["whale", "both", "regex", "words"]);
    let rules = [
        rule_matching("{queryParams: [{name: animal, value: whale}]}", "whale"),
        rule_matching("{queryParams: [{name: animal, value: whale}, {name: color, value: blue}]}", "both"),
        rule_matching("{queryParams: [{name: animal, type: RegularExpression, value: 'dolph.+'}]}", "regex"),
        rule_matching("{queryParams: [{name: says, value: 'two words/é'}]}", "words"),
    ];
    let envoy = serve(&pods.manifests().with(&route("route", &rules))).await;
    let none: &[(&str, &str)] = &[];
    assert_answers(
        &envoy,
        &[
            ("/?animal=whale", none, "whale"),
            ("/path?x=y&animal=whale", none, "whale"),
            ("/?animal=whale&animal=dog", none, "whale"),
            ("/?animal=dog&animal=whale", none, "404"),
            ("/?animal=whales", none, "404"),
            ("/?Animal=whale", none, "404"),
            ("/?color=blue&animal=whale", none, "both"),
            ("/?animal=dolphin", none, "regex"),
            ("/?animal=a-dolphin", none, "404"),
            ("/?animal=", none, "404"),
            ("/?says=two%20words/%C3%A9", none, "words"),
            ("/?says=two+words%2f%c3%a9", none, "words"),
            ("/?says=twowords/%C3%A9", none, "404"),
        ],
    )
    .await;
}

#[tokio::test]
async fn rules_without_matches_serve_the_remaining_requests() {
    let pods = Pods::new(&["posts", "rest"]);
    let rules = [
        rule_matching("{method: POST}", "posts"),
        String::from("{name: everything-else, backendRefs: [{name: rest, port: 3000}]}"),
    ];
    let envoy = serve(&pods.manifests().with(&route("route", &rules))).await;
    let client = Client::new(address(&envoy));
    assert_eq!(client.post("/a").await.unwrap().pod().as_deref(), Some("posts"));
    assert_eq!(answer(&client, "/a", &[]).await, "rest");
}

/// Rules, documents and route names are in the opposite order.
#[tokio::test]
async fn most_specific_match_wins_across_routes_then_the_oldest() {
    let names = ["prefix", "longer", "exact", "method", "headers", "header", "query", "older"];
    let pods = Pods::new(&names);
    let of = |name: &str, created: &str, rules: &[String]| {
        route(name, rules).replacen(&format!("{{name: {name}}}"), &format!("{{name: {name}{created}}}"), 1)
    };
    let younger = ", creationTimestamp: 2026-02-01T00:00:00Z";
    let older = ", creationTimestamp: 2026-01-01T00:00:00Z";
    let manifests = pods
        .manifests()
        .with(&of(
            "a",
            younger,
            &[
                rule_matching("{path: {value: /}}", "prefix"),
                rule_matching("{path: {value: /x/same}}", "prefix"),
            ],
        ))
        .with(&of(
            "b",
            younger,
            &[rule_matching("{path: {value: /x}, queryParams: [{name: q, value: '1'}]}", "query")],
        ))
        .with(&of(
            "c",
            younger,
            &[rule_matching("{path: {value: /x}, headers: [{name: h, value: '1'}]}", "header")],
        ))
        .with(&of(
            "d",
            younger,
            &[rule_matching(
                "{path: {value: /x}, headers: [{name: h, value: '1'}, {name: i, value: '1'}]}",
                "headers",
            )],
        ))
        .with(&of("e", younger, &[rule_matching("{path: {value: /x}, method: GET}", "method")]))
        .with(&of("f", younger, &[rule_matching("{path: {value: /x/long}}", "longer")]))
        .with(&of("g", younger, &[rule_matching("{path: {type: Exact, value: /x/long/exact}}", "exact")]))
        .with(&of("h", older, &[rule_matching("{path: {value: /x/same}}", "older")]));
    let envoy = serve(&manifests).await;
    let all: &[(&str, &str)] = &[("h", "1"), ("i", "1")];
    assert_answers(
        &envoy,
        &[
            ("/y?q=1", all, "prefix"),
            ("/x/long/exact?q=1", all, "exact"),
            ("/x/long?q=1", all, "longer"),
            ("/x?q=1", all, "method"),
            ("/x/same", all, "older"),
        ],
    )
    .await;
    let client = Client::new(address(&envoy));
    let posted = |path: &'static str, headers: &'static [(&str, &str)]| {
        let client = &client;
        async move { client.post_with(path, headers).await.unwrap().pod().unwrap() }
    };
    assert_eq!(posted("/x?q=1", &[("h", "1"), ("i", "1")]).await, "headers");
    assert_eq!(posted("/x?q=1", &[("h", "1")]).await, "header");
    assert_eq!(posted("/x?q=1", &[]).await, "query");
    assert_eq!(posted("/x", &[]).await, "prefix");
}

/// An API server accepts such a route, so only the invalid rule is skipped.
#[tokio::test]
async fn rules_with_invalid_regex_are_skipped_and_the_others_served() {
    let pods = Pods::new(&["good", "general"]);
    let rules = [
        rule_matching("{path: {value: /good}}", "good"),
        rule_matching("{path: {type: RegularExpression, value: '/bad('}}", "good"),
        "{matches: [{path: {value: /both}}], filters: [{type: RequestRedirect, requestRedirect: {hostname: a.example}}, \
         {type: RequestMirror, requestMirror: {backendRef: {name: good, port: 3000}}}]}"
            .to_owned(),
    ];
    let general = route("general", &[rule_matching("{path: {value: /}}", "general")]);
    let envoy = serve_valid_parts(&pods.manifests().with(&route("route", &rules)).with(&general)).await;
    let none: &[(&str, &str)] = &[];
    // A redirect that would ignore the mirror is rejected.
    assert_answers(&envoy, &[("/good", none, "good"), ("/bad(", none, "general"), ("/both", none, "500")])
        .await;
}
