//! Authorization by a server, over HTTP and gRPC: what the server is asked, what its answer does, and that it comes before sessions.

mod server;

use hyper::Method;
use hyper::body::Bytes;
use integration::backend::Backend;
use integration::harness::client::Client;
use integration::harness::envoy::Process;
use integration::harness::manifests::{Endpoint, Manifests};

use self::server::{AuthServer, REFUSAL};
use crate::setup::{COOKIE, browser, client, pod, pods, route, serve, serve_valid_parts, token};
use crate::strict::settings;

/// A rule for a prefix with sessions, which this filter authorizes.
fn rule(prefix: &str, auth: &str, more: &str) -> String {
    format!(
        "{{matches: [{{path: {{type: PathPrefix, value: {prefix}}}}}], \
         filters: [{{type: ExternalAuth, externalAuth: {{{auth}}}}}], {more}}}"
    )
}

fn to_backend() -> String {
    format!("backendRefs: [{{name: backend, port: 3000}}], sessionPersistence: {COOKIE}")
}

const BACKEND: &str = "backendRef: {name: auth, port: 3000}";

/// A filter that makes a rule a split rule.
const CHANGE: &str =
    "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: x-first, value: 'yes'}]}}";

fn manifests(pods: &[Backend], server: &AuthServer, rules: &[String]) -> Manifests {
    Manifests::gateway()
        .service("backend", pods)
        .service("auth", [Endpoint::from(server)])
        .with(&route("route", rules))
}

/// An Envoy with a rule for each protocol, and one without authorization.
async fn both_protocols(pods: &[Backend], server: &AuthServer) -> Process {
    let rules = [
        rule("/http", &format!("protocol: HTTP, {BACKEND}, http: {{}}"), &to_backend()),
        rule("/grpc", &format!("protocol: GRPC, {BACKEND}, grpc: {{}}"), &to_backend()),
        format!("{{{}}}", to_backend()),
    ];
    serve(&manifests(pods, server, &rules)).await
}

#[tokio::test]
async fn refused_requests_get_the_servers_answer_and_no_session() {
    let (pods, server) = (pods::<2>(), AuthServer::start().await);
    let envoy = both_protocols(&pods, &server).await;
    for path in ["/http/denied", "/grpc/denied"] {
        let answer = client(&envoy).get(path).await.unwrap();
        assert_eq!((answer.status, answer.body.as_slice()), (403, REFUSAL.as_bytes()), "{answer:?}");
        assert_eq!(answer.value("x-reason").as_deref(), Some("not you"));
        assert_eq!(token(&answer), None);
        assert_eq!(server.questions().len(), 1);
    }
    assert_eq!(pods.iter().map(Backend::requests).sum::<u64>(), 0);
    // The token of a refused request is not even read.
    let cookie = format!("session={}", "A".repeat(120));
    let forged = [("cookie", cookie.as_str())];
    let rejected = async || {
        let counters = envoy.admin().stats("session_persistence.rejected.").await.unwrap();
        counters.values().sum::<u64>()
    };
    client(&envoy).get_with("/http/denied", &forged).await.unwrap();
    assert_eq!(rejected().await, 0);
    client(&envoy).get_with("/http/a", &forged).await.unwrap();
    assert_eq!(rejected().await, 1);
}

#[tokio::test]
async fn allowed_requests_have_sessions_and_the_servers_headers() {
    let (pods, server) = (pods::<3>(), AuthServer::start().await);
    let envoy = both_protocols(&pods, &server).await;
    for prefix in ["/http", "/grpc"] {
        let browser = browser(&envoy);
        let first = browser.get(&format!("{prefix}/a")).await.unwrap();
        assert!(token(&first).is_some());
        assert_eq!(first.echoed("X-User"), ["alice"]);
        // A server cannot change the host, nor where a session goes.
        assert_ne!(first.echo().unwrap()["host"], "evil.example");
        assert_eq!(first.echoed("X-Session-Persistence-Override-Host"), [""; 0]);
        for _ in 0..5 {
            assert_eq!(pod(&browser.get(&format!("{prefix}/a")).await.unwrap()), pod(&first));
        }
        // Each request is authorized, also those of a session; and a session does not help a request that is refused.
        assert_eq!(server.questions().len(), 6);
        assert_ne!(browser.get(&format!("{prefix}/denied")).await.unwrap().status, 200);
        server.questions();
    }
    // A server that fails is none.
    assert_eq!(client(&envoy).get("/http/broken").await.unwrap().status, 403);
    server.questions();
    pod(&client(&envoy).get("/denied").await.unwrap());
    assert_eq!(server.questions(), []);
}

#[tokio::test]
async fn headers_and_paths_are_those_that_the_filter_lists() {
    let (pods, server) = (pods::<1>(), AuthServer::start().await);
    let http = "http: {path: /check, allowedHeaders: [X-Sent], allowedResponseHeaders: [x-user]}";
    let rules = [
        rule("/http", &format!("protocol: HTTP, {BACKEND}, {http}"), &to_backend()),
        rule(
            "/grpc",
            &format!("protocol: GRPC, {BACKEND}, grpc: {{allowedHeaders: [x-sent]}}"),
            &to_backend(),
        ),
    ];
    let envoy = serve(&manifests(&pods, &server, &rules)).await;
    let headers = [("x-sent", "yes"), ("x-kept", "no"), ("authorization", "Bearer t")];
    let answer = client(&envoy).ask(Method::POST, "/http/a", &headers).await.unwrap();
    assert_eq!(answer.echoed("X-User"), ["alice"]);
    assert_eq!(answer.echoed("X-Other"), [""; 0]);
    let question = server.questions().pop().unwrap();
    assert_eq!((question.method.as_str(), question.path.as_str()), ("POST", "/check/http/a"));
    let sent = |name: &str| question.headers.get(name).map(String::as_str);
    assert_eq!((sent("x-sent"), sent("authorization")), (Some("yes"), Some("Bearer t")));
    assert_eq!((sent("x-kept"), sent("content-length")), (None, Some("0")));
    assert_eq!(sent("host").map(str::to_owned), answer.echo().unwrap()["host"].as_str().map(str::to_owned));

    client(&envoy).ask(Method::POST, "/grpc/a", &headers).await.unwrap();
    let question = server.questions().pop().unwrap();
    assert_eq!(question.path, "/grpc/a");
    assert!(question.headers.contains_key("x-sent"), "{question:?}");
    assert!(!question.headers.contains_key("x-kept"), "{question:?}");
}

/// Sends a body of this length.
async fn post(client: &Client, path: &str, length: usize) -> u16 {
    let body = Bytes::from(vec![b'x'; length]);
    client.upload(Method::POST, path, &[], body).await.unwrap().status
}

#[tokio::test]
async fn bodies_are_forwarded_up_to_the_limit_and_refused_beyond() {
    let (pods, server) = (pods::<1>(), AuthServer::start().await);
    let with = |protocol: &str| format!("protocol: {protocol}, {BACKEND}, {}: {{}}", protocol.to_lowercase());
    let rules = [
        rule("/http", &format!("{}, forwardBody: {{maxSize: 100}}", with("HTTP")), &to_backend()),
        rule("/grpc", &format!("{}, forwardBody: {{maxSize: 100}}", with("GRPC")), &to_backend()),
        rule("/large", &format!("{}, forwardBody: {{maxSize: 200000}}", with("HTTP")), &to_backend()),
        rule("/none", &with("HTTP"), &to_backend()),
    ];
    let envoy = serve(&manifests(&pods, &server, &rules)).await;
    let client = client(&envoy);
    for path in ["/http", "/grpc"] {
        assert_eq!(post(&client, path, 10).await, 200);
        assert_eq!(server.questions().pop().unwrap().body, [b'x'; 10]);
        assert_eq!(post(&client, path, 200).await, 413);
        assert_eq!(server.questions(), []);
    }
    // More than Envoy otherwise buffers of a connection.
    assert_eq!(post(&client, "/large", 100_000).await, 200);
    assert_eq!(server.questions().pop().unwrap().body.len(), 100_000);
    assert_eq!(post(&client, "/none", 200).await, 200);
    assert_eq!(server.questions().pop().unwrap().body, b"");
}

#[tokio::test]
async fn requests_are_refused_while_the_server_cannot_be_asked() {
    let pods = pods::<1>();
    let server = AuthServer::start().await;
    let auth = |name: &str| format!("protocol: HTTP, backendRef: {{name: {name}, port: 3000}}, http: {{}}");
    let rules = [
        rule("/gone", &auth("auth"), &to_backend()),
        rule("/missing", &auth("missing"), &to_backend()),
        String::from(
            "{matches: [{path: {type: PathPrefix, value: /backend}}], \
             backendRefs: [{name: backend, port: 3000, filters: [{type: ExternalAuth, \
             externalAuth: {protocol: HTTP, backendRef: {name: auth, port: 3000}, http: {}}}]}]}",
        ),
    ];
    let manifests = manifests(&pods, &server, &rules);
    drop(server);
    let envoy = serve_valid_parts(&manifests).await;
    for (path, status) in [("/gone", 403), ("/missing", 500), ("/backend", 500)] {
        let answer = client(&envoy).get(path).await.unwrap();
        assert_eq!((answer.status, token(&answer)), (status, None), "{path}");
    }
    assert_eq!(pods[0].requests(), 0);
}

#[tokio::test]
async fn redirects_are_authorized_and_preflight_requests_are_not() {
    let (pods, server) = (pods::<1>(), AuthServer::start().await);
    let auth = format!("{{type: ExternalAuth, externalAuth: {{protocol: HTTP, {BACKEND}, http: {{}}}}}}");
    let rules = [
        format!(
            "{{matches: [{{path: {{type: PathPrefix, value: /moved}}}}], \
             filters: [{auth}, {{type: RequestRedirect, requestRedirect: {{hostname: new.example}}}}]}}"
        ),
        format!(
            "{{filters: [{auth}, {{type: CORS, cors: {{allowOrigins: ['https://app.example'], allowMethods: [GET]}}}}], {}}}",
            to_backend()
        ),
    ];
    let envoy = serve(&manifests(&pods, &server, &rules)).await;
    let client = client(&envoy);
    assert_eq!(client.get("/moved/denied").await.unwrap().status, 403);
    assert_eq!(client.get("/moved/a").await.unwrap().status, 302);
    assert_eq!(server.questions().len(), 2);
    let preflight = [("origin", "https://app.example"), ("access-control-request-method", "GET")];
    let answer = client.ask(Method::OPTIONS, "/denied", &preflight).await.unwrap();
    assert_eq!(answer.value("access-control-allow-origin").as_deref(), Some("https://app.example"));
    assert_eq!(server.questions(), []);
    let refused = client.get_with("/denied", &preflight[..1]).await.unwrap();
    assert_eq!((refused.status, refused.value("access-control-allow-origin")), (403, None));
}

/// The filter of sessions moves a request to the route of its session's backendRef, behind the filters of the first route.
#[tokio::test]
async fn sessions_do_not_bypass_the_authorization() {
    let (pods, server) = (pods::<1>(), AuthServer::start().await);
    let split = format!(
        "backendRefs: [{{name: missing, port: 3000, filters: [{CHANGE}]}}, {{name: backend, port: 3000}}], \
         sessionPersistence: {COOKIE}"
    );
    let rules = [rule("/", &format!("protocol: HTTP, {BACKEND}, http: {{}}"), &split)];
    let envoy = serve_valid_parts(&manifests(&pods, &server, &rules)).await;
    let browser = browser(&envoy);
    while browser.get("/a").await.unwrap().status != 200 {}
    // The random number of some requests is that of the other backendRef.
    for _ in 0..20 {
        assert_eq!(browser.get("/a").await.unwrap().status, 200);
        let before = pods[0].requests();
        assert_eq!(browser.get("/denied").await.unwrap().status, 403);
        assert_eq!(pods[0].requests(), before);
    }
}

/// They are balanced freely, not served freely.
#[tokio::test]
async fn requests_that_sessions_ignore_are_authorized() {
    let (pods, server) = (pods::<1>(), AuthServer::start().await);
    let rules = [rule("/", &format!("protocol: HTTP, {BACKEND}, http: {{}}"), &to_backend())];
    let policy = "apiVersion: session-persistence.dev/v1alpha1\nkind: SessionPersistencePolicy\nmetadata: {name: assets}\n\
                  spec:\n  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: route}]\n  \
                  ignore: [{path: {value: /assets}}]\n";
    let envoy = serve(&manifests(&pods, &server, &rules).with(policy)).await;
    for (path, status) in [("/assets/denied", 403), ("/assets/a", 200)] {
        let answer = client(&envoy).get(path).await.unwrap();
        assert_eq!((answer.status, token(&answer)), (status, None), "{path}");
    }
    assert_eq!(server.questions().len(), 2);
}

/// Ignored requests have a chain of their own, in which both filters are; and the token is hidden from backends, not from the server.
#[tokio::test]
async fn ignored_requests_are_authorized_and_backends_do_not_see_their_token() {
    let (pods, server) = (pods::<2>(), AuthServer::start().await);
    let auth = format!("protocol: HTTP, {BACKEND}, http: {{allowedHeaders: [Cookie]}}");
    let manifests = manifests(&pods, &server, &[rule("/", &auth, &to_backend())]).with(&settings(
        "kind: HTTPRoute, name: route",
        "hideFromBackend: true, ignore: [{path: {value: /assets}}]",
    ));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let first = client.get("/get").await.unwrap();
    let cookie = format!("a=1; session={}", token(&first).unwrap());
    for path in ["/get", "/assets"] {
        let answer = client.get_with(path, &[("cookie", &cookie)]).await.unwrap();
        assert_eq!((answer.echoed("Cookie"), token(&answer)), (vec![String::from("a=1")], None), "{path}");
        assert_eq!(answer.echoed("X-User"), ["alice"], "{path}");
        let asked = server.questions();
        assert_eq!(asked.last().unwrap().headers.get("cookie"), Some(&cookie), "{path}");
        let refused = client.get_with(&format!("{path}/denied"), &[("cookie", &cookie)]).await.unwrap();
        assert_eq!((refused.status, token(&refused)), (403, None), "{path}");
    }
}
