//! Clients with a jar, without one, and with any bytes at all.

use integration::backend::{Backend, Pod};
use integration::harness::client::{Client, Protocol, raw};

fn backend() -> Backend {
    Backend::start(Pod::new("backend", "backend-1")).unwrap()
}

const SET: (&str, &str) = ("x-echo-set-header", "Set-Cookie:a=1; Path=/, Set-Cookie:b=2; Path=/deep");

#[tokio::test]
async fn a_jar_sends_back_what_was_set_where_it_was_set_for() {
    let backend = backend();
    let client = Client::with_jar(backend.address());
    client.get_with("/get", &[SET]).await.unwrap();
    assert_eq!(client.get("/get").await.unwrap().echoed("Cookie"), ["a=1"]);
    assert_eq!(client.get("/deep/get").await.unwrap().echoed("Cookie"), ["b=2; a=1"]);
}

#[tokio::test]
async fn a_client_without_a_jar_keeps_nothing() {
    let backend = backend();
    let client = Client::new(backend.address());
    assert_eq!(client.get_with("/get", &[SET]).await.unwrap().cookie("b").as_deref(), Some("2"));
    assert!(client.get("/get").await.unwrap().echoed("Cookie").is_empty());
}

#[tokio::test]
async fn http_2_is_spoken_on_request() {
    let backend = backend();
    let client = Client::new(backend.address()).speaking(Protocol::Http2);
    let answer = client.get_with("/get", &[("cookie", "a=1"), ("cookie", "b=2")]).await.unwrap();
    let echo = answer.echo().unwrap();
    assert_eq!(echo["proto"], "HTTP/2.0");
    assert_eq!(echo["host"], "localhost");
    assert_eq!(answer.echoed("Cookie"), ["a=1", "b=2"]);
}

#[tokio::test]
async fn raw_bytes_go_out_as_they_are_and_the_answer_is_read() {
    let backend = backend();
    let request = b"GET /get HTTP/1.1\r\nHost: localhost\r\nX-Odd: \xff\r\nConnection: close\r\n\r\n";
    let answer = raw(backend.address(), request).await.unwrap();
    assert_eq!((answer.status, answer.pod().as_deref()), (200, Some("backend-1")));
    assert_eq!(answer.echoed("X-Odd"), ["\u{fffd}"]);
    assert_eq!(answer.value("content-type").as_deref(), Some("application/json"));
}
