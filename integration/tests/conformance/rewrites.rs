//! URL rewrites of path and host.

use crate::case::{Case, get};
use crate::documents::{INFRA_PARENT, TO_V1, TO_V2, http_route, route, rule};
use crate::infrastructure::INFRA;
use crate::infrastructure::{SAME_NAMESPACE, V1, V2};
use crate::replay::Replay;

/// Another host for the backend, alone and with other headers.
#[tokio::test]
async fn httproute_rewrite_host() {
    let rewrite = |hostname: &str| format!("{{type: URLRewrite, urlRewrite: {{hostname: {hostname}}}}}");
    let rules = [
        rule("/one", &[&format!("filters: [{}]", rewrite("one.example.org")), TO_V1]),
        format!("\n  - filters: [{}]\n    {TO_V2}", rewrite("example.org")),
        rule("/headers", &[&format!("filters: [{}, {CHANGE}]", rewrite("three.example.org")), TO_V2]),
    ];
    let replay =
        Replay::start(&[http_route(INFRA, "hosts", INFRA_PARENT, "rewrite.example", &rules.concat())]).await;
    let cases = [
        get("/one").host("rewrite.example").reaches(V1).with_host("one.example.org"),
        get("/two").host("rewrite.example").reaches(V2).with_host("example.org"),
        changed(
            get("/headers")
                .host("rewrite.example")
                .header("X-Remove", "any")
                .header("X-Append", "some")
                .reaches(V2),
        )
        .with_host("three.example.org"),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Another path for the backend, or another beginning of it, alone and with other headers.
#[tokio::test]
async fn httproute_rewrite_path() {
    let prefix =
        |prefix: &str| path_filter(&format!("{{type: ReplacePrefixMatch, replacePrefixMatch: {prefix}}}"));
    let full = |path: &str| path_filter(&format!("{{type: ReplaceFullPath, replaceFullPath: {path}}}"));
    let rules = [
        rule("/prefix/one", &[&format!("filters: [{}]", prefix("/one")), TO_V1]),
        rule("/strip", &[&format!("filters: [{}]", prefix("/")), TO_V1]),
        rule("/full/one", &[&format!("filters: [{}]", full("/one")), TO_V1]),
        rule("/full/headers", &[&format!("filters: [{}, {CHANGE}]", full("/new")), TO_V1]),
        rule("/prefix/headers", &[&format!("filters: [{}, {CHANGE}]", prefix("/prefix")), TO_V1]),
    ];
    let replay = Replay::start(&[route("paths", SAME_NAMESPACE, &rules.concat())]).await;
    let with_headers =
        |path: &str| get(path).header("X-Remove", "any").header("X-Append", "some").header("X-Set", "theirs");
    let cases = [
        get("/prefix/one/two").reaches(V1).with_path("/one/two"),
        get("/strip/three").reaches(V1).with_path("/three"),
        get("/strip").reaches(V1).with_path("/"),
        get("/full/one/two").reaches(V1).with_path("/one"),
        changed(with_headers("/full/headers/any").reaches(V1)).with_path("/new"),
        changed(with_headers("/prefix/headers/one").reaches(V1)).with_path("/prefix/one"),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// A backendRef can rewrite the requests of its share.
#[tokio::test]
async fn httproute_backend_url_rewrite() {
    let rewritten = |path: &str| TO_V1.replace("8080", &format!("8080, filters: [{}]", path_filter(path)));
    let rules = [
        rule("/full", &[&rewritten("{type: ReplaceFullPath, replaceFullPath: /all/new}")]),
        rule("/prefix", &[&rewritten("{type: ReplacePrefixMatch, replacePrefixMatch: /new}")]),
    ];
    let replay = Replay::start(&[route("backend-paths", SAME_NAMESPACE, &rules.concat())]).await;
    let cases = [
        get("/full/old").reaches(V1).with_path("/all/new"),
        get("/prefix/old").reaches(V1).with_path("/new/old"),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

fn path_filter(path: &str) -> String {
    format!("{{type: URLRewrite, urlRewrite: {{path: {path}}}}}")
}

/// A change of headers that goes with a rewrite.
const CHANGE: &str = "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, value: ours}], \
                      add: [{name: X-Add, value: one}, {name: X-Append, value: more}], remove: [X-Remove]}}";

/// The case in which the backend has seen that change.
fn changed(case: Case) -> Case {
    case.with("X-Add", "one").with("X-Append", "some,more").with("X-Set", "ours").without("X-Remove")
}
