//! Counters and access log of sessions.

use std::time::Duration;

use integration::harness::{deadline, keys};

use crate::setup::{COOKIE, Mint, client, deployment, get_with_cookie, manifests, pods, serve, start, token};

#[tokio::test]
async fn counters_count_issued_and_rejected_tokens() {
    let mut pods = pods::<2>();
    let manifests = manifests(&pods, COOKIE);
    let keys = keys::fresh().unwrap();
    let envoy = start(&deployment(&manifests).with_keys(&keys)).await;
    let client = client(&envoy);
    let mint = Mint::new(&manifests, "default/route/0/0", &keys);
    let first = token(&client.get("/get").await.unwrap()).unwrap();
    get_with_cookie(&client, &first).await;
    get_with_cookie(&client, "nonsense").await;
    get_with_cookie(&client, &mint.token(3601, 3601, pods[0].address())).await;
    get_with_cookie(&client, &mint.token(-120, -120, pods[0].address())).await;
    let unknown = Mint::new(&manifests, "default/route/0/0", &keys::fresh().unwrap());
    get_with_cookie(&client, &unknown.fresh(pods[0].address())).await;
    let moving = mint.fresh(pods[1].address());
    pods[1].kill().await.unwrap();
    get_with_cookie(&client, &moving).await;

    let stats = envoy.admin().stats("session_persistence.").await.unwrap();
    let count = |name: &str| {
        let found = stats.iter().find(|(full, _)| full.ends_with(name));
        *found.unwrap_or_else(|| panic!("no counter {name} in {stats:?}")).1
    };
    assert_eq!(count("issued.new"), 5);
    assert_eq!(count("issued.moved"), 1);
    assert_eq!(count("issued.again"), 0);
    assert_eq!(count("refused.malformed"), 1);
    assert_eq!(count("refused.expired"), 1);
    assert_eq!(count("refused.future_dated"), 1);
    assert_eq!(count("refused.unknown_key"), 1);
    assert_eq!(count("refused.forged"), 0);
}

#[tokio::test]
async fn access_log_records_the_session_of_each_request() {
    let pods = pods::<1>();
    let envoy = serve(&manifests(&pods, COOKIE)).await;
    let client = client(&envoy);
    let token = token(&client.get("/first").await.unwrap()).unwrap();
    client.get_with("/second", &[("cookie", &format!("session={token}"))]).await.unwrap();
    client.get_with("/third", &[("cookie", "session=nonsense")]).await.unwrap();
    let line = async |path: &str| {
        let found = deadline::until(Duration::from_secs(30), async || {
            envoy.log().lines().find(|line| line.contains("GET") && line.contains(path)).map(str::to_owned)
        });
        found.await.unwrap_or_else(|elapsed| panic!("{path}: {elapsed}"))
    };
    assert!(line("/first").await.ends_with(" none"), "{}", line("/first").await);
    let pinned = pods[0].address().to_string();
    assert!(line("/second").await.ends_with(&pinned), "{}", line("/second").await);
    assert!(line("/third").await.contains("refused: "), "{}", line("/third").await);
    assert!(!envoy.log().contains(&token), "a token in the log is a session for whoever reads it");
}
