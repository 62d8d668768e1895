//! Weights apply to new sessions only.

use integration::backend::Backend;
use integration::harness::keys;
use integration::harness::manifests::Manifests;

use crate::setup::{
    COOKIE, address, browser, client, deployment, pod, pods_of, pods_of_new_sessions, route, rule, serve,
    serve_valid_parts, start,
};

fn split(old: &Backend, new: &Backend, weights: [u32; 2]) -> Manifests {
    let [for_old, for_new] = weights;
    let rule = rule("/", &[("old", for_old), ("new", for_new)], COOKIE);
    Manifests::gateway().service("old", [old]).service("new", [new]).with(&route("route", &[rule]))
}

#[tokio::test]
async fn new_sessions_follow_weights_and_existing_ones_stay() {
    let ([old], [new]) = (pods_of("old"), pods_of("new"));
    let envoy = serve(&split(&old, &new, [70, 30])).await;
    let mut browsers = Vec::new();
    for _ in 0..10 {
        let browser = browser(&envoy);
        browsers.push((pod(&browser.get("/get").await.unwrap()), browser));
    }
    let mut to_old = 0;
    for round in 0..10 {
        let reached = pods_of_new_sessions(&client(&envoy), 10).await;
        to_old += reached.iter().filter(|pod| *pod == "old-0").count();
        for (first, browser) in &browsers {
            assert_eq!(pod(&browser.get("/get").await.unwrap()), *first, "in round {round}");
        }
    }
    assert!((67..=73).contains(&to_old), "{to_old} of 100 new sessions went to the backend of weight 70");
}

#[tokio::test]
async fn weight_zero_keeps_sessions_and_gets_no_new_ones() {
    let ([old], [new]) = (pods_of("old"), pods_of("new"));
    let keys = keys::fresh().unwrap();
    let before = start(&deployment(&split(&old, &new, [1, 0])).with_keys(&keys)).await;
    let browser = browser(&before);
    assert_eq!(pod(&browser.get("/get").await.unwrap()), "old-0");
    drop(before);

    let after = start(&deployment(&split(&old, &new, [0, 1])).with_keys(&keys)).await;
    let browser = browser.moved_to(address(&after));
    for _ in 0..10 {
        assert_eq!(pods_of_new_sessions(&client(&after), 3).await, ["new-0"; 3]);
        assert_eq!(pod(&browser.get("/get").await.unwrap()), "old-0");
    }
}

/// Half of the weight is nobody's. Where a cluster looks a name up, the share is refused in front of it, for requests that bring
/// no session: another cookie, even one whose name ends with ours, is none.
#[tokio::test]
async fn missing_backends_beside_a_hostname_answer_500_whatever_the_cookies() {
    let [pod] = pods_of::<1>("named");
    let service = format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{name: named}}\n\
         spec: {{type: ExternalName, externalName: localhost, ports: [{{port: {}}}]}}\n",
        pod.address().port()
    );
    let rule = rule("/", &[("named", 1), ("gone", 1)], COOKIE).replacen(
        "3000",
        &pod.address().port().to_string(),
        1,
    );
    let envoy = serve_valid_parts(&Manifests::gateway().with(&service).with(&route("route", &[rule]))).await;
    let client = client(&envoy);
    let token = loop {
        let answer = client.get("/get").await.unwrap();
        if let Some(token) = answer.cookie("session") {
            break token;
        }
        assert_eq!(answer.status, 500);
    };
    let refused = async |cookie: String| {
        let mut refused = 0;
        for _ in 0..100 {
            refused +=
                usize::from(client.get_with("/get", &[("cookie", &cookie)]).await.unwrap().status == 500);
        }
        refused
    };
    for ours in
        [format!("session={token}"), format!("a=b; session={token}"), format!("a=b,session = {token}")]
    {
        assert_eq!(refused(ours.clone()).await, 0, "{ours}");
    }
    for other in ["my-session=x; a=session=y", "session", "Session=x"] {
        let refused = refused(other.to_owned()).await;
        assert!((25..=75).contains(&refused), "{refused} of 100 with {other}");
    }
}
