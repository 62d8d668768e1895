//! Route matches: paths, headers, methods, query parameters, and their precedence.

use hyper::Method;

use crate::case::{ask, get};
use crate::documents::{http_route, route};
use crate::infrastructure::{SAME_NAMESPACE, V1, V2, V3};
use crate::replay::Replay;

/// An exact path matches itself only: no paths below it, no trailing slash, no other case.
#[tokio::test]
async fn httproute_exact_path_matching() {
    let rules = "
  - {matches: [{path: {type: Exact, value: /first}}], backendRefs: [{name: infra-backend-v1, port: 8080}]}
  - {matches: [{path: {type: Exact, value: /second}}], backendRefs: [{name: infra-backend-v2, port: 8080}]}";
    let replay = Replay::start(&[route("exact", SAME_NAMESPACE, rules)]).await;
    let cases = [
        get("/first").reaches(V1),
        get("/second").reaches(V2),
        get("/").answers(404),
        get("/first/below").answers(404),
        get("/second/").answers(404),
        get("/Second").answers(404),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// All headers of a match must match; any match of a rule is enough; more headers take precedence.
#[tokio::test]
async fn httproute_header_matching() {
    let rules = "
  - {matches: [{headers: [{name: release, value: old}]}], backendRefs: [{name: infra-backend-v1, port: 8080}]}
  - {matches: [{headers: [{name: release, value: new}]}], backendRefs: [{name: infra-backend-v2, port: 8080}]}
  - matches: [{headers: [{name: release, value: new}, {name: taste, value: sweet}]}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{headers: [{name: taste, value: sour}]}, {headers: [{name: taste, value: salty}]}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{headers: [{name: taste, value: bitter}]}, {headers: [{name: taste, value: umami}]}]
    backendRefs: [{name: infra-backend-v2, port: 8080}]";
    let replay = Replay::start(&[route("headers", SAME_NAMESPACE, rules)]).await;
    let cases = [
        get("/").header("Release", "old").reaches(V1),
        get("/").header("Release", "new").reaches(V2),
        get("/").header("Release", "new").header("Taste", "sweet").reaches(V1),
        get("/").header("Release", "new").header("Taste", "sour").reaches(V2),
        get("/").header("Taste", "sweet").answers(404),
        get("/").header("Flavour", "old").answers(404),
        get("/").header("Taste", "sour").reaches(V1),
        get("/").header("Taste", "salty").reaches(V1),
        get("/").header("Taste", "bitter").reaches(V2),
        get("/").header("Taste", "umami").reaches(V2),
        get("/").header("Taste", "hot").answers(404),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Prefixes match whole segments, the longest first; header matches are independent of paths.
#[tokio::test]
async fn httproute_matching() {
    let rules = "
  - matches: [{path: {type: PathPrefix, value: /}}, {headers: [{name: release, value: old}]}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{path: {type: PathPrefix, value: /beta}}, {headers: [{name: release, value: new}]}]
    backendRefs: [{name: infra-backend-v2, port: 8080}]";
    let replay = Replay::start(&[route("paths-and-headers", SAME_NAMESPACE, rules)]).await;
    let cases = [
        get("/").reaches(V1),
        get("/any").reaches(V1),
        get("/").header("Release", "old").reaches(V1),
        get("/beta").reaches(V2),
        get("/beta/any").reaches(V2),
        get("/").header("Release", "new").reaches(V2),
        get("/beta/").reaches(V2),
        get("/betamax").reaches(V1),
        get("/any/beta/any").reaches(V1),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Precedence applies across routes, for each hostname.
#[tokio::test]
async fn httproute_matching_across_routes() {
    let parent = "{name: same-namespace}";
    let first = "
  - matches: [{path: {type: PathPrefix, value: /}}, {headers: [{name: release, value: old}]}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]";
    let second = "
  - matches: [{path: {type: PathPrefix, value: /beta}}, {headers: [{name: release, value: new}]}]
    backendRefs: [{name: infra-backend-v2, port: 8080}]";
    let infra = "gateway-conformance-infra";
    let replay = Replay::start(&[
        http_route(infra, "part-one", parent, "fruit.example, nuts.example", first),
        http_route(infra, "part-two", parent, "fruit.example", second),
    ])
    .await;
    let cases = [
        get("/").host("fruit.example").reaches(V1),
        get("/any").host("fruit.example").reaches(V1),
        get("/any").host("nuts.example").reaches(V1),
        get("/any").host("fruit.example").header("Release", "old").reaches(V1),
        get("/beta").host("fruit.example").reaches(V2),
        get("/beta").host("nuts.example").reaches(V1),
        get("/beta/any").host("fruit.example").reaches(V2),
        get("/").host("fruit.example").header("Release", "new").reaches(V2),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Methods match alone and combined; they take precedence over headers, not over paths.
#[tokio::test]
async fn httproute_method_matching() {
    let rules = "
  - {matches: [{method: POST}], backendRefs: [{name: infra-backend-v1, port: 8080}]}
  - {matches: [{method: GET}], backendRefs: [{name: infra-backend-v2, port: 8080}]}
  - matches: [{path: {type: PathPrefix, value: /one}, method: GET}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{headers: [{name: release, value: one}], method: PUT}]
    backendRefs: [{name: infra-backend-v2, port: 8080}]
  - matches: [{path: {type: PathPrefix, value: /two}, headers: [{name: release, value: two}], method: POST}]
    backendRefs: [{name: infra-backend-v3, port: 8080}]
  - matches:
    - {path: {type: PathPrefix, value: /three}, method: PATCH}
    - {path: {type: PathPrefix, value: /four}, headers: [{name: release, value: three}], method: DELETE}
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{path: {type: PathPrefix, value: /five}}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - {matches: [{method: PATCH}], backendRefs: [{name: infra-backend-v2, port: 8080}]}
  - {matches: [{headers: [{name: release, value: four}]}], backendRefs: [{name: infra-backend-v3, port: 8080}]}";
    let replay = Replay::start(&[route("methods", SAME_NAMESPACE, rules)]).await;
    let cases = [
        ask(Method::POST, "/").reaches(V1),
        get("/").reaches(V2),
        ask(Method::HEAD, "/").answers(404),
        get("/one").reaches(V1),
        ask(Method::PUT, "/").header("release", "one").reaches(V2),
        ask(Method::POST, "/two").header("release", "two").reaches(V3),
        ask(Method::PATCH, "/three").reaches(V1),
        ask(Method::DELETE, "/four").header("release", "three").reaches(V1),
        ask(Method::PUT, "/").answers(404),
        ask(Method::DELETE, "/four").answers(404),
        ask(Method::PATCH, "/five").reaches(V1),
        ask(Method::PATCH, "/").header("release", "four").reaches(V2),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Query parameters match whole, case-sensitive names and values, alone and combined, with the lowest precedence.
#[tokio::test]
async fn httproute_query_param_matching() {
    let rules = "
  - {matches: [{queryParams: [{name: bird, value: owl}]}], backendRefs: [{name: infra-backend-v1, port: 8080}]}
  - {matches: [{queryParams: [{name: bird, value: wren}]}], backendRefs: [{name: infra-backend-v2, port: 8080}]}
  - matches:
    - {queryParams: [{name: bird, value: wren}, {name: size, value: small}]}
    - {queryParams: [{name: BIRD, value: Owl}]}
    backendRefs: [{name: infra-backend-v3, port: 8080}]
  - matches: [{path: {type: PathPrefix, value: /one}, queryParams: [{name: bird, value: owl}]}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{headers: [{name: release, value: one}], queryParams: [{name: bird, value: owl}]}]
    backendRefs: [{name: infra-backend-v2, port: 8080}]
  - matches:
    - path: {type: PathPrefix, value: /two}
      headers: [{name: release, value: two}]
      queryParams: [{name: bird, value: owl}]
    backendRefs: [{name: infra-backend-v3, port: 8080}]
  - matches:
    - {path: {type: PathPrefix, value: /three}, queryParams: [{name: bird, value: rook}]}
    - path: {type: PathPrefix, value: /four}
      headers: [{name: release, value: three}]
      queryParams: [{name: bird, value: crow}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - matches: [{path: {type: PathPrefix, value: /five}}]
    backendRefs: [{name: infra-backend-v1, port: 8080}]
  - {matches: [{queryParams: [{name: bird, value: kite}]}], backendRefs: [{name: infra-backend-v2, port: 8080}]}
  - {matches: [{headers: [{name: release, value: four}]}], backendRefs: [{name: infra-backend-v3, port: 8080}]}";
    let replay = Replay::start(&[route("queries", SAME_NAMESPACE, rules)]).await;
    let cases = [
        get("/?bird=owl").reaches(V1),
        get("/?bird=wren").reaches(V2),
        get("/?bird=wren&size=small").reaches(V3),
        get("/?BIRD=Owl").reaches(V3),
        get("/?bird=owl&tree=oak").reaches(V1),
        get("/?bird=wren&size=large").reaches(V2),
        get("/?size=small").answers(404),
        get("/?bird=swan").answers(404),
        get("/?bird=owlwren").answers(404),
        get("/").answers(404),
        get("/one?bird=owl").reaches(V1),
        get("/?bird=owl").header("release", "one").reaches(V2),
        get("/two?bird=owl").header("release", "two").reaches(V3),
        get("/three?bird=rook").reaches(V1),
        get("/four?bird=crow").header("release", "three").reaches(V1),
        get("/?bird=rook").answers(404),
        get("/four?bird=crow").answers(404),
        get("/five?bird=kite").reaches(V1),
        get("/?bird=kite").header("release", "four").reaches(V3),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Exact paths precede prefixes, and longer prefixes shorter ones, in any order of rules.
#[tokio::test]
async fn httproute_path_match_order() {
    let rules = "
  - {matches: [{path: {type: Exact, value: /tree}}], backendRefs: [{name: infra-backend-v1, port: 8080}]}
  - {matches: [{path: {type: Exact, value: /tree/exact}}], backendRefs: [{name: infra-backend-v2, port: 8080}]}
  - {matches: [{path: {type: Exact, value: /tree/exact/leaf}}], backendRefs: [{name: infra-backend-v3, port: 8080}]}
  - {matches: [{path: {type: PathPrefix, value: /tree/}}], backendRefs: [{name: infra-backend-v3, port: 8080}]}
  - {matches: [{path: {type: PathPrefix, value: /tree/prefix/}}], backendRefs: [{name: infra-backend-v1, port: 8080}]}
  - {matches: [{path: {type: PathPrefix, value: /tree/prefix/leaf}}], backendRefs: [{name: infra-backend-v2, port: 8080}]}";
    let replay = Replay::start(&[route("order", SAME_NAMESPACE, rules)]).await;
    let cases = [
        get("/tree/exact/leaf").reaches(V3),
        get("/tree/exact").reaches(V2),
        get("/tree").reaches(V1),
        get("/tree/prefix/leaf/any").reaches(V2),
        get("/tree/prefix/any").reaches(V1),
        get("/tree/any").reaches(V3),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}
