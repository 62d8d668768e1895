//! Tokens that do not reach backends (`hideFromBackend` of a `SessionPersistencePolicy`), while other cookies do, byte for byte.

use hyper::header::{COOKIE as COOKIE_HEADER, HeaderValue};
use integration::backend::Backend;
use integration::harness::client::{Answer, Client, raw};
use integration::harness::manifests::Manifests;

use crate::setup::{COOKIE, HEADER, address, client, pod, pods, pods_of, route, rule, serve, token};
use crate::strict::settings;

const ROUTE: &str = "kind: HTTPRoute, name: route";

/// A route of these rules whose sessions are hidden, and more settings of them.
fn hidden(pods: &[Backend], rules: &[String], more: &str) -> Manifests {
    Manifests::gateway()
        .service("backend", pods)
        .with(&route("route", rules))
        .with(&settings(ROUTE, &format!("hideFromBackend: true{more}")))
}

/// A request with a session of its own, and these cookies around it.
async fn ask(client: &Client, path: &str, token: &str, before: &str, behind: &str) -> Answer {
    let cookie = format!("{before}session={token}{behind}");
    client.get_with(path, &[("cookie", &cookie), ("session", token)]).await.unwrap()
}

#[tokio::test]
async fn backends_get_the_other_cookies_and_the_session_goes_on() {
    let pods = pods::<3>();
    let envoy = serve(&hidden(&pods, &[rule("/", &[("backend", 1)], COOKIE)], "")).await;
    let client = client(&envoy);
    let first = client.get("/get").await.unwrap();
    let token = token(&first).unwrap();
    for (before, behind, kept) in [
        ("", "", None),
        ("a=1; ", "", Some("a=1")),
        ("", "; a=1", Some("a=1")),
        ("a=\"x, y\";b==;", ";  c = %START_TIME% ;", Some("a=\"x, y\";b==;  c = %START_TIME% ;")),
        ("session=old; a=1; ", "; sessions=2", Some("a=1; sessions=2")),
    ] {
        let answer = ask(&client, "/get", &token, before, behind).await;
        assert_eq!(pod(&answer), pod(&first), "{before:?} {behind:?}");
        assert_eq!(answer.echoed("Cookie"), kept.into_iter().collect::<Vec<_>>());
        assert_eq!(answer.cookie("session"), None);
    }
    // Without a session cookie, nothing changes.
    let answer = client.get_with("/get", &[("cookie", "a=1; b")]).await.unwrap();
    assert_eq!(answer.echoed("Cookie"), ["a=1; b"]);
    assert!(client.get("/get").await.unwrap().echoed("Cookie").is_empty());
}

#[tokio::test]
async fn any_bytes_of_other_cookies_and_several_lines_reach_the_backend() {
    let pods = pods::<1>();
    let envoy = serve(&hidden(&pods, &[rule("/", &[("backend", 1)], COOKIE)], "")).await;
    let mut arrivals = pods[0].arrivals();
    // Every byte that Envoy lets through in a header value.
    let bytes: Vec<u8> = (0x20..=0xff).filter(|byte| *byte != 0x7f && !b";,=".contains(byte)).collect();
    let large = vec![b'x'; 30_000];
    for value in [&bytes, &large] {
        let lines =
            [b"a=".as_slice(), value, b"x; session=A; b=1\r\ncookie: session=B\r\ncookie: c=", value, b"x"];
        let head = b"GET /get HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncookie: ".as_slice();
        let request = [head, &lines.concat(), b"\r\n\r\n"].concat();
        assert_eq!(raw(address(&envoy), &request).await.unwrap().status, 200);
        let arrived = arrivals.recv().await.unwrap();
        let cookies: Vec<&[u8]> =
            arrived.headers.get_all(COOKIE_HEADER).iter().map(HeaderValue::as_bytes).collect();
        let kept = [b"a=".as_slice(), value, b"x; b=1; c=", value, b"x"].concat();
        assert!(cookies == [&kept[..]], "{:?}", arrived.headers);
    }
}

#[tokio::test]
async fn session_headers_do_not_reach_backends() {
    let pods = pods::<3>();
    let envoy = serve(&hidden(&pods, &[rule("/", &[("backend", 1)], HEADER)], "")).await;
    let client = client(&envoy);
    let first = client.get("/get").await.unwrap();
    let token = token(&first).unwrap();
    for sent in [&*token, "not-a-token"] {
        let answer = ask(&client, "/get", sent, "a=1; ", "").await;
        assert!(sent != token || pod(&answer) == pod(&first));
        assert!(answer.echoed("Session").is_empty(), "{answer:?}");
        assert_eq!(
            answer.echoed("Cookie"),
            [format!("a=1; session={sent}")],
            "the cookie is not the session's"
        );
    }
}

/// Ignored requests have no session, and other shares, retries and mirrors have routes and requests of their own.
#[tokio::test]
async fn tokens_are_hidden_on_every_way_to_a_backend() {
    let mut pods = pods::<2>();
    let other = pods_of::<2>("other");
    let [copies] = pods_of::<1>("copies");
    for persistence in [COOKIE, HEADER] {
        let rule = format!(
            "{{filters: [{{type: RequestMirror, requestMirror: {{backendRef: {{name: copies, port: 3000}}}}}}], \
             retry: {{codes: [503], attempts: 2}}, sessionPersistence: {persistence}, \
             backendRefs: [{{name: backend, port: 3000}}, {{name: other, port: 3000, filters: \
             [{{type: RequestHeaderModifier, requestHeaderModifier: {{add: [{{name: Cookie, value: own=1}}]}}}}]}}]}}"
        );
        let manifests = hidden(&pods, &[rule], ", ignore: [{path: {value: /assets}}]")
            .service("other", &other)
            .service("copies", [&copies]);
        let envoy = serve(&manifests).await;
        let client = client(&envoy);
        let mut arrivals = copies.arrivals();
        let own = |answer: &Answer| if pod(answer).starts_with("other") { vec!["own=1"] } else { Vec::new() };
        for number in 0..16 {
            let first = client.get("/get").await.unwrap();
            let token = token(&first).unwrap();
            let path = if number % 2 == 0 { "/get" } else { "/assets" };
            let answer = ask(&client, path, &token, "a=1; ", "").await;
            assert!(path == "/assets" || pod(&answer) == pod(&first), "{persistence}");
            let session =
                if persistence == HEADER { format!("a=1; session={token}") } else { String::from("a=1") };
            assert_eq!(answer.echoed("Cookie"), [vec![&*session], own(&answer)].concat(), "{persistence}");
            assert_eq!(answer.echoed("Session"), if persistence == HEADER { vec![] } else { vec![&*token] });
            for _ in 0..2 {
                let copy = arrivals.recv().await.unwrap();
                let name = if persistence == HEADER { "session" } else { "cookie" };
                let seen: Vec<_> = copy.headers.get_all(name).iter().collect();
                let seen = format!("{seen:?}");
                assert!(!seen.contains(&token), "{persistence}: {seen}");
            }
        }
    }
    // The endpoint of a session is gone: the request that reaches another one has no token either.
    let envoy = serve(&hidden(&pods, &[rule("/", &[("backend", 1)], COOKIE)], "")).await;
    let client = client(&envoy);
    let token = loop {
        let first = client.get("/get").await.unwrap();
        if pod(&first) == pods[0].pod().pod {
            break token(&first).unwrap();
        }
    };
    pods[0].kill().await.unwrap();
    let answer = ask(&client, "/get", &token, "a=1; ", "").await;
    assert_eq!(
        (pod(&answer), answer.echoed("Cookie")),
        (pods[1].pod().pod.clone(), vec![String::from("a=1")])
    );
    assert!(answer.cookie("session").is_some());
}
