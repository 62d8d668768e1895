//! Sessions together with every other feature of a rule.

use integration::harness::client::{Client, Protocol};

use crate::case::{Case, get};
use crate::documents::{TO_V1, route, rule};
use crate::infrastructure::{SAME_NAMESPACE, V1};
use crate::replay::Replay;

const SESSION: &str = "sessionPersistence: {sessionName: session, absoluteTimeout: 1h}";

/// Rules with a session and one thing more, and a request that meets each.
fn rules() -> [(String, Case); 8] {
    let filter =
        |prefix: &str, filter: &str| rule(prefix, &[&format!("filters: [{filter}]"), TO_V1, SESSION]);
    let mirror = "{type: RequestMirror, requestMirror: {backendRef: {name: infra-backend-v2, port: 8080}}}";
    let set = "{set: [{name: X-Set, value: ours}]}";
    let origin = "https://www.fruit.example";
    [
        (
            filter("/request", &format!("{{type: RequestHeaderModifier, requestHeaderModifier: {set}}}")),
            get("/request").reaches(V1).with("X-Set", "ours"),
        ),
        (
            filter("/response", &format!("{{type: ResponseHeaderModifier, responseHeaderModifier: {set}}}")),
            get("/response").reaches(V1).answering("X-Set", "ours"),
        ),
        (
            filter(
                "/rewrite",
                "{type: URLRewrite, urlRewrite: {hostname: other.example, \
                 path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}",
            ),
            get("/rewrite/any").reaches(V1).with_path("/new/any").with_host("other.example"),
        ),
        (filter("/mirror", mirror), get("/mirror").reaches(V1)),
        (
            filter("/cors", &format!("{{type: CORS, cors: {{allowOrigins: ['{origin}']}}}}")),
            get("/cors")
                .header("origin", origin)
                .reaches(V1)
                .answering("access-control-allow-origin", origin),
        ),
        (
            rule("/timeout", &[TO_V1, SESSION, "timeouts: {request: 20s, backendRequest: 10s}"]),
            get("/timeout").reaches(V1),
        ),
        (
            rule("/retried", &[TO_V1, SESSION, "retry: {codes: [503], attempts: 1}"]),
            get("/retried").reaches(V1),
        ),
        (
            rule("/h2c", &["backendRefs: [{name: infra-backend-v1, port: 8081}]", SESSION]),
            get("/h2c").reaches(V1),
        ),
    ]
}

#[tokio::test]
async fn sessions_persist_whatever_else_a_rule_does() {
    let (rules, cases): (Vec<_>, Vec<_>) = rules().into_iter().unzip();
    let replay = Replay::start(&[route("sessions", SAME_NAMESPACE, &rules.concat())]).await;
    replay.check(SAME_NAMESPACE, 80, &cases).await;
    for case in cases {
        for protocol in [Protocol::Http1, Protocol::Http2] {
            let browser = Client::with_jar(replay.address(SAME_NAMESPACE, 80)).speaking(protocol);
            let first = browser.get(&case.ask.path).await.unwrap().pod();
            assert!(first.is_some(), "{:?}", case.ask);
            for _ in 0..5 {
                let next = browser.get(&case.ask.path).await.unwrap().pod();
                assert_eq!(next, first, "{:?} over {protocol:?}", case.ask);
            }
        }
    }
}
