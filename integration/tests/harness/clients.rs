//! Clients with a cookie jar, without one, and with arbitrary bytes.

use integration::backend::{Backend, Pod};
use integration::harness::client::{Client, Protocol, raw};

fn backend() -> Backend {
    Backend::start(Pod::new("backend", "backend-1")).unwrap()
}

const SET: (&str, &str) = ("x-echo-set-header", "Set-Cookie:a=1; Path=/, Set-Cookie:b=2; Path=/deep");

#[tokio::test]
async fn cookie_jars_send_cookies_to_matching_paths() {
    let backend = backend();
    let client = Client::with_jar(backend.address());
    client.get_with("/get", &[SET]).await.unwrap();
    assert_eq!(client.get("/get").await.unwrap().echoed("Cookie"), ["a=1"]);
    assert_eq!(client.get("/deep/get").await.unwrap().echoed("Cookie"), ["b=2; a=1"]);
}

#[tokio::test]
async fn clients_without_a_jar_keep_no_cookies() {
    let backend = backend();
    let client = Client::new(backend.address());
    assert_eq!(client.get_with("/get", &[SET]).await.unwrap().cookie("b").as_deref(), Some("2"));
    assert!(client.get("/get").await.unwrap().echoed("Cookie").is_empty());
}

#[tokio::test]
async fn clients_speak_http_2_on_request() {
    let backend = backend();
    let client = Client::new(backend.address()).speaking(Protocol::Http2);
    let answer = client.get_with("/get", &[("cookie", "a=1"), ("cookie", "b=2")]).await.unwrap();
    let echo = answer.echo().unwrap();
    assert_eq!(echo["proto"], "HTTP/2.0");
    assert_eq!(echo["host"], "localhost");
    assert_eq!(answer.echoed("Cookie"), ["a=1", "b=2"]);
}

#[tokio::test]
async fn raw_requests_are_sent_unchanged() {
    let backend = backend();
    let request = b"GET /get HTTP/1.1\r\nHost: localhost\r\nX-Odd: \xff\r\nConnection: close\r\n\r\n";
    let answer = raw(backend.address(), request).await.unwrap();
    assert_eq!((answer.status, answer.pod().as_deref()), (200, Some("backend-1")));
    assert_eq!(answer.echoed("X-Odd"), ["\u{fffd}"]);
    assert_eq!(answer.value("content-type").as_deref(), Some("application/json"));
}
