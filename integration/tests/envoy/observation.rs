//! Counters of sessions.

use std::collections::BTreeMap;

use integration::harness::keys;

use crate::metrics::counters;
use crate::setup::{
    COOKIE, Mint, client, deployment, get_with_cookie, manifests, pods, rule_of, start, token,
};

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

    let rule = rule_of(&manifests, "default/route/0/0").id().to_string();
    let mut expected = BTreeMap::from([(format!("started {rule}"), 5.0), (format!("moved {rule}"), 1.0)]);
    for reason in ["malformed", "expired", "future_dated", "unknown_key"] {
        expected.insert(format!("rejected {rule} {reason}"), 1.0);
    }
    assert_eq!(counters(&envoy).await, expected, "a counter appears with its first event");
}
