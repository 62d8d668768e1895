//! Uploads that are too large to be retried.

use envoy_config::limits::Limits;
use hyper::Method;
use hyper::body::Bytes;
use integration::backend::{Backend, Behaviour};
use integration::harness::client::{Answer, Client};
use integration::harness::deployment::Deployment;
use integration::harness::envoy::Process;
use integration::harness::keys;

use crate::setup::{COOKIE, HEADER, Mint, client, manifests, pod, pods, start, token};

/// More than Envoy keeps of a request for a retry.
const LARGE: usize = 3 << 20;

/// Sends an upload that is too large to be retried, with this cookie.
pub(crate) async fn upload(client: &Client, token: &str) -> Answer {
    let cookie = format!("session={token}");
    let headers = [("cookie", cookie.as_str()), ("session", token)];
    let body = Bytes::from(vec![b'x'; LARGE]);
    client.upload(Method::POST, "/upload", &headers, body).await.unwrap()
}

/// An Envoy with these limits, and a token for the first of two pods.
async fn begin(pods: &[Backend; 2], persistence: &str, limits: &Limits) -> (Process, String) {
    let manifests = manifests(pods, persistence);
    let keys = keys::fresh().unwrap();
    let envoy = start(&Deployment::within(&manifests, limits).unwrap().with_keys(&keys)).await;
    (envoy, Mint::new(&manifests, "default/route/0/0", &keys).fresh(pods[0].address()))
}

/// Limits with which Envoy reads more of a request than it keeps for a retry.
pub(crate) fn read_more_than_kept() -> Limits {
    Limits { connection_buffer: 8 << 20, ..Limits::default() }
}

/// Sends an upload to a dead endpoint, and asserts that it moves the session or ends it. Gives the answer.
async fn upload_to_a_dead_endpoint(persistence: &str, limits: &Limits) -> Answer {
    let mut pods = pods::<2>();
    let (envoy, lost) = begin(&pods, persistence, limits).await;
    pods[0].kill().await.unwrap();
    let client = client(&envoy);
    let first = upload(&client, &lost).await;
    let mut next = first.clone();
    // Without a session the policy chooses, and it does not know yet that an endpoint is dead.
    for _ in 0..10 {
        let left = token(&next);
        if next.status == 200 {
            assert_ne!(left.as_deref(), Some(""));
            assert_eq!(pod(&next), pods[1].pod().pod);
            break;
        }
        assert!([503, 507].contains(&next.status), "{next:?}");
        assert_eq!(left.is_some(), next == first, "{next:?}\n{}", envoy.log());
        next = upload(&client, "").await;
    }
    let back = upload(&client, &token(&next).unwrap()).await;
    assert_eq!((pod(&back), token(&back)), (pods[1].pod().pod.clone(), None));
    assert_eq!(
        envoy.admin().session_events("ended.unreachable").await.unwrap(),
        u64::from(first.status != 200)
    );
    first
}

#[tokio::test]
async fn large_uploads_to_a_dead_endpoint_move_or_end_the_session() {
    for persistence in [COOKIE, HEADER] {
        upload_to_a_dead_endpoint(persistence, &Limits::default()).await;
    }
}

#[tokio::test]
async fn large_uploads_that_cannot_be_retried_end_the_session() {
    for persistence in [COOKIE, HEADER] {
        let failed = upload_to_a_dead_endpoint(persistence, &read_more_than_kept()).await;
        // Which of both depends on how much of the upload Envoy has when it finds the endpoint dead.
        assert!([503, 507].contains(&failed.status), "{failed:?}");
        assert_eq!(token(&failed).as_deref(), Some(""), "{failed:?}");
        assert_eq!(failed.value("cache-control").as_deref(), Some("private"));
        if persistence == COOKIE {
            let line = failed.set_cookie("session").unwrap();
            assert_eq!(line, "session=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax");
        }
    }
}

#[tokio::test]
async fn large_uploads_rejected_by_a_live_endpoint_keep_the_session() {
    for persistence in [COOKIE, HEADER] {
        let pods = pods::<2>();
        let (envoy, kept) = begin(&pods, persistence, &read_more_than_kept()).await;
        pods[0].behave(Behaviour::HangUp);
        let failed = upload(&client(&envoy), &kept).await;
        assert_eq!((failed.status, token(&failed)), (503, None), "{failed:?}\n{}", envoy.log());
        pods[0].behave(Behaviour::Answer);
        let back = upload(&client(&envoy), &kept).await;
        assert_eq!((pod(&back), token(&back)), (pods[0].pod().pod.clone(), None));
        assert_eq!(envoy.admin().session_events("ended.unreachable").await.unwrap(), 0);
    }
}
