//! The filter `ExternalAuth` of HTTPRoutes, over HTTP and gRPC.

#[path = "../envoy/external_auth/server.rs"]
mod server;

use hyper::Method;
use hyper::body::Bytes;
use integration::harness::client::Client;

use self::server::{AuthServer, REFUSAL};
use crate::case::get;
use crate::documents::{TO_V1, route, rule};
use crate::infrastructure::{INFRA, Infrastructure, SAME_NAMESPACE, V1, slice};
use crate::replay::Replay;

/// A filter that asks this Service over HTTP or gRPC; the rest of it in YAML.
fn auth(protocol: &str, service: &str, port: u16, own: &str, more: &str) -> String {
    let field = protocol.to_lowercase();
    format!(
        "filters: [{{type: ExternalAuth, externalAuth: {{protocol: {protocol}, \
         backendRef: {{name: {service}, port: {port}}}, {field}: {{{own}}}{more}}}}}]"
    )
}

/// A Service without endpoints.
fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: {name}, namespace: {INFRA}}}\nspec: {{ports: [{{port: 8080}}]}}\n"
    )
}

/// The replay of a route with these rules and an authorization server, `auth`.
async fn replay(name: &str, rules: &[String]) -> (Replay, AuthServer) {
    let server = AuthServer::start().await;
    let documents = [
        service("auth"),
        slice(INFRA, "auth", 0, server.address).replace("{name: http, ", "{"),
        route(name, SAME_NAMESPACE, &rules.concat()),
    ];
    (Replay::start(&documents).await, server)
}

/// The server decides which requests reach the backend; its refusal reaches the client.
async fn allows_and_denies(protocol: &str) {
    let name = format!("auth-{}", protocol.to_lowercase());
    let (replay, server) = replay(&name, &[rule("/", &[&auth(protocol, "auth", 8080, "", ""), TO_V1])]).await;
    replay.check(SAME_NAMESPACE, 80, &[get("/allowed").reaches(V1), get("/denied").answers(403)]).await;
    let client = Client::new(replay.address(SAME_NAMESPACE, 80));
    let refused = client.get("/denied").await.unwrap();
    assert_eq!(refused.body, REFUSAL.as_bytes());
    assert_eq!(refused.value("x-reason").as_deref(), Some("not you"));
    assert!(!server.questions().is_empty());
}

#[tokio::test]
async fn httproute_external_auth_http() {
    allows_and_denies("HTTP").await;
}

#[tokio::test]
async fn httproute_external_auth_grpc() {
    allows_and_denies("GRPC").await;
}

/// Bodies reach the server up to `maxSize`; longer ones are refused; without it, none does.
async fn forwards_bodies(protocol: &str) {
    let limited = auth(protocol, "auth", 8080, "", ", forwardBody: {maxSize: 100}");
    let none = auth(protocol, "auth", 8080, "", ", forwardBody: {maxSize: 0}");
    let rules = [rule("/limited", &[&limited, TO_V1]), rule("/none", &[&none, TO_V1])];
    let (replay, _server) = replay("bodies", &rules).await;
    let client = Client::new(replay.address(SAME_NAMESPACE, 80));
    let post = async |path: &str, length: usize| {
        let body = Bytes::from(vec![b'x'; length]);
        client.upload(Method::POST, path, &[], body).await.unwrap()
    };
    assert_eq!(post("/limited", 10).await.echoed("X-Auth-Received-Body-Size"), ["10"]);
    assert_eq!(post("/limited", 200).await.status, 413);
    assert_eq!(post("/none", 200).await.echoed("X-Auth-Received-Body-Size"), ["0"]);
    let refused = post("/none/denied", 200).await;
    assert_eq!(refused.status, 403);
    assert_eq!(refused.value("x-auth-received-body-size").as_deref(), Some("0"));
}

#[tokio::test]
async fn httproute_external_auth_http_forward_body() {
    forwards_bodies("HTTP").await;
}

#[tokio::test]
async fn httproute_external_auth_grpc_forward_body() {
    forwards_bodies("GRPC").await;
}

/// The server gets the headers that the filter lists.
async fn sends_headers(protocol: &str, own: &str) {
    let name = format!("headers-to-auth-{}", protocol.to_lowercase());
    let (replay, _server) =
        replay(&name, &[rule("/", &[&auth(protocol, "auth", 8080, own, ""), TO_V1])]).await;
    let case = get("/allowed").header("X-Sent", "hello").reaches(V1).with("X-Auth-Received", "hello");
    replay.check(SAME_NAMESPACE, 80, &[case]).await;
}

#[tokio::test]
async fn httproute_external_auth_http_request_headers_to_auth() {
    sends_headers("HTTP", "allowedHeaders: [X-Sent], allowedResponseHeaders: [X-Auth-Received]").await;
}

#[tokio::test]
async fn httproute_external_auth_grpc_request_headers_to_auth() {
    sends_headers("GRPC", "allowedHeaders: [X-Sent]").await;
}

/// The backend gets the headers of an answer that allows a request, the client those of one that refuses it.
#[tokio::test]
async fn httproute_external_auth_grpc_response_headers() {
    let filter = auth("GRPC", "auth", 8080, "", "");
    let (replay, _server) = replay("headers-of-auth", &[rule("/", &[&filter, TO_V1])]).await;
    let allowed = get("/allowed").reaches(V1).with("X-User", "alice");
    let denied = get("/denied").answers(403).answering("X-Reason", "not you");
    replay.check(SAME_NAMESPACE, 80, &[allowed, denied]).await;
}

/// The backend gets the headers that the filter lists.
#[tokio::test]
async fn httproute_external_auth_http_response_headers_to_upstream() {
    let filter = auth("HTTP", "auth", 8080, "allowedResponseHeaders: [X-User]", "");
    let (replay, _server) = replay("headers-to-upstream", &[rule("/", &[&filter, TO_V1])]).await;
    let case = get("/allowed").reaches(V1).with("X-User", "alice").without("X-Other");
    replay.check(SAME_NAMESPACE, 80, &[case]).await;
}

/// Routes without the filter are not authorized.
#[tokio::test]
async fn httproute_external_auth_per_route_scope() {
    let server = AuthServer::start().await;
    let documents = [
        service("auth"),
        slice(INFRA, "auth", 0, server.address).replace("{name: http, ", "{"),
        route("with", SAME_NAMESPACE, &rule("/scope", &[&auth("HTTP", "auth", 8080, "", ""), TO_V1])),
        route("without", SAME_NAMESPACE, &rule("/scope/denied", &[TO_V1])),
    ];
    let replay = Replay::start(&documents).await;
    let cases = [get("/scope/allowed").reaches(V1), get("/scope/denied").reaches(V1)];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Gateway and route are in order.
#[tokio::test]
async fn httproute_external_auth_programmed_condition() {
    let filter = auth("HTTP", "auth", 8080, "", "");
    let (replay, _server) = replay("programmed", &[rule("/", &[&filter, TO_V1])]).await;
    assert_eq!(replay.statuses.of_gateway(SAME_NAMESPACE, "Programmed"), "True Programmed");
    assert_eq!(replay.statuses.of_route(INFRA, "programmed", "Accepted"), ["True Accepted"]);
    assert_eq!(replay.statuses.of_route(INFRA, "programmed", "ResolvedRefs"), ["True ResolvedRefs"]);
}

/// Without an endpoint of the server, no request passes.
#[tokio::test]
async fn httproute_external_auth_backend_unavailable() {
    let empty = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n".to_owned()
        + &format!(
            "metadata: {{name: auth, namespace: {INFRA}, labels: {{kubernetes.io/service-name: auth}}}}\n"
        )
        + "addressType: IPv4\nports: [{port: 8080}]\nendpoints: []\n";
    let rules = rule("/", &[&auth("HTTP", "auth", 8080, "", ""), TO_V1]);
    let documents = [service("auth"), empty, route("unavailable", SAME_NAMESPACE, &rules)];
    let replay = Replay::start(&documents).await;
    assert_eq!(replay.statuses.of_route(INFRA, "unavailable", "ResolvedRefs"), ["True ResolvedRefs"]);
    replay.check(SAME_NAMESPACE, 80, &[get("/allowed").answers_one_of(&[403, 500, 502, 503])]).await;
}

/// A server that does not resolve, or has no such port, lets no request pass.
#[tokio::test]
async fn httproute_external_auth_backendref_not_found() {
    let of = |service: &str, port: u16| rule("/", &[&auth("HTTP", service, port, "", ""), TO_V1]);
    for (name, rules) in [("unknown", of("no-such-service", 8080)), ("port", of("infra-backend-v2", 9))] {
        let faulty = format!("HTTPRoute {INFRA}/{name}");
        let documents = [route(name, SAME_NAMESPACE, &rules)];
        let replay = Replay::start_on(Infrastructure::start(), &[&faulty], &documents).await;
        assert_eq!(replay.statuses.of_route(INFRA, name, "Accepted"), ["True Accepted"]);
        assert_eq!(replay.statuses.of_route(INFRA, name, "ResolvedRefs"), ["False BackendNotFound"]);
        replay.check(SAME_NAMESPACE, 80, &[get("/").answers_one_of(&[403, 500, 502, 503])]).await;
    }
}

/// Other rules of the route are served.
#[tokio::test]
async fn httproute_external_auth_partially_invalid() {
    let server = AuthServer::start().await;
    let rules = rule("/valid", &[&auth("HTTP", "auth", 8080, "", ""), TO_V1])
        + &rule("/invalid", &[&auth("HTTP", "no-such-service", 8080, "allowedHeaders: ~", ""), TO_V1]);
    let documents = [
        service("auth"),
        slice(INFRA, "auth", 0, server.address).replace("{name: http, ", "{"),
        route("partly", SAME_NAMESPACE, &rules),
    ];
    let faulty = format!("HTTPRoute {INFRA}/partly");
    let replay = Replay::start_with_errors(&[&faulty], &documents).await;
    assert_eq!(replay.statuses.of_route(INFRA, "partly", "PartiallyInvalid"), ["True UnsupportedValue"]);
    assert_eq!(replay.statuses.of_route(INFRA, "partly", "ResolvedRefs"), ["False BackendNotFound"]);
    let invalid = get("/invalid").answers_one_of(&[403, 500, 502, 503]);
    replay.check(SAME_NAMESPACE, 80, &[get("/valid").reaches(V1), invalid]).await;
}
