//! Large configurations.

#[path = "../../../envoy-config/benches/scale/workload.rs"]
mod workload;

use integration::harness::manifests::Manifests;

use crate::setup::{client, serve};
use workload::Size;

/// As in the benchmark of `envoy-config`.
const CLUSTER: Size = Size { routes: 1_000, rules: 4, endpoints: 10 };

#[tokio::test]
async fn envoy_loads_4000_rules_and_10000_endpoints() {
    let manifests = Manifests::default().with(&workload::manifests(CLUSTER).text);
    let envoy = serve(&manifests).await;
    let stats = envoy.admin().stats("cluster_manager.active_clusters").await.unwrap();
    assert_eq!(stats.values().copied().collect::<Vec<_>>(), [4_000], "{stats:?}");
    let stats = envoy.admin().stats("membership_total").await.unwrap();
    assert_eq!(stats.values().sum::<u64>(), 40_000);
    // No rule is for this path of the last route.
    let answer = client(&envoy).asking_for("shop-999.example.com").get("/").await.unwrap();
    assert_eq!(answer.status, 404);
}
