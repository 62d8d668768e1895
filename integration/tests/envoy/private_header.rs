//! The private header between the filter and Envoy cannot be set or seen by anybody else.

use std::collections::BTreeSet;

use integration::backend::Backend;
use integration::harness::client::Client;
use integration::harness::manifests::Manifests;
use session_persistence::names::OVERRIDE_HOST_HEADER;

use crate::setup::{COOKIE, HEADER, client, plain_rule, pod, pods, pods_of, route, rule, serve, token};

/// `/cookie`, `/header` and, without session persistence, `/plain`.
fn three_routes(pods: &[Backend]) -> Manifests {
    let persistent = |prefix, persistence| rule(prefix, &[("backend", 1)], persistence);
    let rules =
        [persistent("/cookie", COOKIE), persistent("/header", HEADER), plain_rule("/plain", "backend")];
    Manifests::gateway().service("backend", pods).with(&route("route", &rules))
}

/// The pods that answer while a client asks for the first one by itself.
async fn reached(client: &Client, path: &str, wanted: &Backend) -> BTreeSet<String> {
    let wanted = wanted.address().to_string();
    let mut reached = BTreeSet::new();
    for name in [OVERRIDE_HOST_HEADER, "X-Session-Persistence-Override-Host"] {
        for _ in 0..6 {
            reached.insert(pod(&client.get_with(path, &[(name, &wanted)]).await.unwrap()));
        }
    }
    reached
}

#[tokio::test]
async fn clients_cannot_choose_an_endpoint() {
    let pods = pods::<3>();
    let envoy = serve(&three_routes(&pods)).await;
    for path in ["/cookie/get", "/header/get", "/plain/get"] {
        assert_eq!(reached(&client(&envoy), path, &pods[0]).await.len(), 3, "{path}");
    }
}

#[tokio::test]
async fn clients_with_a_session_cannot_choose_another_endpoint() {
    let pods = pods::<3>();
    let envoy = serve(&three_routes(&pods)).await;
    let client = client(&envoy);
    for path in ["/cookie/get", "/header/get"] {
        let answer = client.get(path).await.unwrap();
        let token = token(&answer).unwrap();
        let cookie = format!("session={token}");
        for other in &pods {
            let other = other.address().to_string();
            let headers = [("cookie", cookie.as_str()), ("session", &token), (OVERRIDE_HOST_HEADER, &other)];
            assert_eq!(pod(&client.get_with(path, &headers).await.unwrap()), pod(&answer), "{path}");
        }
    }
}

#[tokio::test]
async fn private_header_reaches_neither_backend_nor_client() {
    let pods = pods::<2>();
    let envoy = serve(&three_routes(&pods)).await;
    let client = client(&envoy);
    for path in ["/cookie/get", "/header/get", "/plain/get"] {
        let first = client.get_with(path, &[(OVERRIDE_HOST_HEADER, "10.0.0.1:80")]).await.unwrap();
        let token = token(&first).unwrap_or_default();
        let cookie = format!("session={token}");
        let again = client.get_with(path, &[("cookie", &cookie), ("session", &token)]).await.unwrap();
        for answer in [first, again] {
            assert!(answer.echoed("X-Session-Persistence-Override-Host").is_empty(), "{path}");
            assert!(answer.values(OVERRIDE_HOST_HEADER).is_empty(), "{path}");
        }
    }
}

#[tokio::test]
async fn private_header_does_not_reach_mirrors() {
    let pods = pods::<1>();
    let [copies] = pods_of::<1>("copies");
    let mirror = "filters: [{type: RequestMirror, requestMirror: {backendRef: {name: copies, port: 3000}}}]";
    let rule = |prefix: &str, more: &str| {
        format!(
            "{{matches: [{{path: {{value: {prefix}}}}}], {mirror}, backendRefs: [{{name: backend, port: 3000}}]{more}}}"
        )
    };
    let rules = [rule("/cookie", &format!(", sessionPersistence: {COOKIE}")), rule("/plain", "")];
    let manifests = Manifests::gateway()
        .service("backend", &pods)
        .service("copies", [&copies])
        .with(&route("route", &rules));
    let envoy = serve(&manifests).await;
    let client = client(&envoy);
    let mut arrivals = copies.arrivals();
    for path in ["/cookie/get", "/plain/get"] {
        let address = pods[0].address().to_string();
        let first = client.get_with(path, &[(OVERRIDE_HOST_HEADER, &address)]).await.unwrap();
        let cookie = format!("session={}", token(&first).unwrap_or_default());
        client.get_with(path, &[(OVERRIDE_HOST_HEADER, &address), ("cookie", &cookie)]).await.unwrap();
        for _ in 0..2 {
            let copy = arrivals.recv().await.unwrap();
            assert!(copy.headers.get(OVERRIDE_HOST_HEADER).is_none(), "{path}: {:?}", copy.headers);
        }
    }
}
