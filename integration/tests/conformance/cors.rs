//! CORS: allowed origins, methods and headers.

use hyper::Method;

use crate::case::{Ask, Case, ask, get};
use crate::documents::{TO_V1, route, rule};
use crate::infrastructure::{SAME_NAMESPACE, V1};
use crate::replay::Replay;

const ORIGIN: &str = "access-control-allow-origin";
const METHODS: &str = "access-control-allow-methods";
const HEADERS: &str = "access-control-allow-headers";
const EXPOSED: &str = "access-control-expose-headers";
const AGE: &str = "access-control-max-age";
const CREDENTIALS: &str = "access-control-allow-credentials";

/// A preflight request.
fn preflight(path: &str, origin: &str, method: &str) -> Ask {
    ask(Method::OPTIONS, path).header("origin", origin).header("access-control-request-method", method)
}

fn with_headers(ask: Ask) -> Ask {
    ask.header("access-control-request-headers", "x-one, x-two")
}

fn allowed(ask: Ask) -> Case {
    ask.answers_one_of(&[200, 204])
}

/// Allowed origins are exact or have a leading wildcard; other origins get no CORS headers.
#[tokio::test]
async fn httproute_cors() {
    let rules = [
        cors(
            "/listed",
            "allowOrigins: ['https://www.fruit.example', 'https://*.nuts.example'], allowMethods: [GET, OPTIONS], \
             allowHeaders: [x-one, x-two], exposeHeaders: [x-three, x-four], allowCredentials: true, maxAge: 3600",
        ),
        cors("/any-method", "allowOrigins: ['https://www.fruit.example'], allowMethods: ['*']"),
        cors("/any-origin", "allowOrigins: ['*'], allowMethods: [PUT], allowCredentials: false"),
        cors(
            "/anything",
            "allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], allowCredentials: true",
        ),
        cors(
            "/anything-in-public",
            "allowOrigins: ['*'], allowMethods: ['*'], allowHeaders: ['*'], allowCredentials: false",
        ),
    ];
    let replay = Replay::start(&[route("cors", SAME_NAMESPACE, &rules.concat())]).await;
    let cases = [listed(), any_method(), any_origin(), anything()].concat();
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

fn cors(prefix: &str, fields: &str) -> String {
    rule(prefix, &[&format!("filters: [{{type: CORS, cors: {{{fields}}}}}]"), TO_V1])
}

fn listed() -> Vec<Case> {
    let mut cases = Vec::new();
    for origin in ["https://www.fruit.example", "https://www.nuts.example", "https://a.www.nuts.example"] {
        let asked = with_headers(preflight("/listed", origin, "GET"));
        cases.push(
            allowed(asked)
                .answering(ORIGIN, origin)
                .answering_one_of(METHODS, &["GET, OPTIONS", "OPTIONS, GET"])
                .answering_one_of(HEADERS, &["x-one, x-two", "x-two, x-one"])
                .answering_one_of(EXPOSED, &["x-three, x-four", "x-four, x-three"])
                .answering(AGE, "3600")
                .answering(CREDENTIALS, "true"),
        );
        cases.push(get("/listed").header("origin", origin).reaches(V1).answering(ORIGIN, origin));
    }
    let stranger = "https://nuts.example";
    let refused = preflight("/listed", stranger, "GET").answers_one_of(&[200, 204, 403]);
    cases.push(refused.answering_without(ORIGIN));
    cases.push(get("/listed").header("origin", stranger).reaches(V1).answering_without(ORIGIN));
    cases
}

fn any_method() -> Vec<Case> {
    let origin = "https://www.fruit.example";
    let asked = allowed(preflight("/any-method", origin, "POST"));
    vec![
        asked
            .answering(ORIGIN, origin)
            .answering_one_of(METHODS, &["POST", "*"])
            .answering_without(CREDENTIALS),
    ]
}

fn any_origin() -> Vec<Case> {
    let mut cases = Vec::new();
    for origin in ["https://pears.example", "https://pears.example:12345"] {
        cases.push(
            allowed(preflight("/any-origin", origin, "PUT"))
                .answering_one_of(ORIGIN, &[origin, "*"])
                .answering(METHODS, "PUT")
                .answering_without(CREDENTIALS),
        );
        let put = ask(Method::PUT, "/any-origin").header("origin", origin).reaches(V1);
        cases.push(put.answering_one_of(ORIGIN, &[origin, "*"]).answering_without(CREDENTIALS));
    }
    cases
}

fn anything() -> Vec<Case> {
    let origin = "https://other.fruit.example";
    let asked = |path: &str| allowed(with_headers(preflight(path, origin, "PUT")));
    let got = |path: &str| get(path).header("origin", origin).reaches(V1);
    vec![
        asked("/anything")
            .answering(ORIGIN, origin)
            .answering(METHODS, "PUT")
            .answering_one_of(HEADERS, &["x-one, x-two", "x-two, x-one"])
            .answering(CREDENTIALS, "true"),
        asked("/anything-in-public")
            .answering_one_of(ORIGIN, &[origin, "*"])
            .answering_one_of(METHODS, &["PUT", "*"])
            .answering_one_of(HEADERS, &["x-one, x-two", "x-two, x-one", "*"])
            .answering_without(CREDENTIALS),
        got("/anything").answering(ORIGIN, origin).answering(CREDENTIALS, "true"),
        got("/anything-in-public").answering_one_of(ORIGIN, &[origin, "*"]).answering_without(CREDENTIALS),
    ]
}
