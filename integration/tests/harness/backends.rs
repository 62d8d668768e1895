//! Backends can be killed, paused, restarted and made to close connections.

use std::time::Duration;

use integration::backend::{Backend, Behaviour, Pod};
use integration::harness::client::Client;
use integration::harness::deadline;

fn backend() -> Backend {
    Backend::start(Pod::new("backend", "backend-1")).unwrap()
}

#[tokio::test]
async fn backends_report_their_pod_and_count_requests() {
    let backend = backend();
    let answer = Client::new(backend.address()).get("/get").await.unwrap();
    assert_eq!((answer.status, answer.pod().as_deref()), (200, Some("backend-1")));
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn killed_backends_refuse_connections_until_revived() {
    let mut backend = backend();
    let address = backend.address();
    backend.kill().await.unwrap();
    assert!(!backend.reachable().await);
    backend.revive().unwrap();
    assert_eq!(backend.address(), address);
    assert_eq!(Client::new(address).get("/get").await.unwrap().status, 200);
}

#[tokio::test]
async fn killing_a_backend_ends_pending_requests() {
    let mut backend = backend();
    backend.behave(Behaviour::Pause);
    let client = Client::new(backend.address());
    let request = tokio::spawn(async move { client.get("/get").await });
    deadline::until(Duration::from_secs(30), async || (backend.requests() == 1).then_some(())).await.unwrap();
    backend.kill().await.unwrap();
    assert!(request.await.unwrap().is_err());
}

#[tokio::test]
async fn paused_backends_answer_when_resumed() {
    let backend = backend();
    backend.behave(Behaviour::Pause);
    let client = Client::new(backend.address());
    let request = tokio::spawn(async move { client.get("/get").await });
    deadline::until(Duration::from_secs(30), async || (backend.requests() == 1).then_some(())).await.unwrap();
    assert!(!request.is_finished());
    backend.behave(Behaviour::Answer);
    assert_eq!(request.await.unwrap().unwrap().status, 200);
}

#[tokio::test]
async fn hanging_up_closes_connections_without_a_response() {
    let backend = backend();
    backend.behave(Behaviour::HangUp);
    assert!(Client::new(backend.address()).get("/get").await.is_err());
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn leaving_backends_refuse_connections_and_finish_pending_requests() {
    let mut backend = backend();
    backend.behave(Behaviour::Pause);
    let client = Client::new(backend.address());
    let request = tokio::spawn(async move { client.get("/get").await });
    deadline::until(Duration::from_secs(30), async || (backend.requests() == 1).then_some(())).await.unwrap();
    backend.leave().await.unwrap();
    assert!(!backend.reachable().await);
    backend.behave(Behaviour::Answer);
    let answer = request.await.unwrap().unwrap();
    assert_eq!((answer.status, answer.value("connection").as_deref()), (200, Some("close")));
    backend.revive().unwrap();
    assert!(backend.reachable().await);
}
