//! Health checks that begin and end while clients have sessions: the rule changes to the other pin and back.

use super::clients::{Clients, Probe, Visit};
use super::{endpoints, new_session, places, services, watched_cart_and_desk};
use crate::setup::pods_of;
use crate::traffic_policies::policy;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sessions_stay_when_health_checks_begin_and_end() {
    let pods = pods_of::<3>("old");
    let (all, new) = (endpoints(&pods), endpoints(&pods_of::<1>("new")));
    let services = |endpoints: &[_]| services(endpoints, &new, &new).text().to_owned();
    let watched = watched_cart_and_desk(&services(&all)).await;
    let visit = |number: u32| {
        let cookie = number.is_multiple_of(2);
        Visit { address: watched.http, tls: false, path: if cookie { "/cart" } else { "/desk" }, cookie }
    };
    let clients = Clients::start((0..40).map(visit));
    // Without a pause, they see also what lasts milliseconds.
    let probes: Vec<Probe> = (0..4).map(|number| Probe::start(visit(number), "/desk")).collect();
    let all_have_sessions = async || clients.records().iter().all(|record| !record.pods.is_empty());
    watched.until("clients without a session", all_have_sessions).await;
    let before = clients.records();
    let answered = async |more: u64| {
        let sent = clients.requests();
        watched.until("no requests are answered", async || clients.requests() > sent + more).await;
    };

    let checks = "healthCheck: {active: {type: HTTP, interval: 100ms, http: {path: /health}}, passive: {}}";
    watched.put("policy.yaml", &policy("policy", "kind: Gateway, name: eg", checks));
    let is_checked = async || watched.sum("health_check.success").await > 20;
    watched.until("no health checks", is_checked).await;
    answered(400).await;
    for (before, during) in before.iter().zip(&clients.records()) {
        assert_eq!(during.pods, before.pods, "a session moved when health checks began");
    }

    // An endpoint that is removed passes its checks, but must not stay.
    let [_, others @ ..] = all.as_slice() else { panic!("{all:?}") };
    watched.put("services.yaml", &services(others));
    let has_moved = async || !places(&clients.records()).contains_key("old-0");
    watched.until("sessions stay on an endpoint that was removed", has_moved).await;
    let moved = clients.records();

    watched.put("policy.yaml", "");
    let is_unchecked = async || {
        new_session(&watched, "/cart").await;
        !watched.file("clusters.yaml").contains("health_checks")
            && watched.envoy.admin().config_dump().await.is_ok_and(|dump| !dump.contains("/health"))
    };
    watched.until("health checks go on", is_unchecked).await;
    answered(400).await;
    for probe in probes {
        let statuses = probe.stop().await;
        assert_eq!(statuses.keys().collect::<Vec<_>>(), [&200], "{statuses:?}");
    }
    let last = clients.stop().await;
    for ((before, moved), record) in before.iter().zip(&moved).zip(last) {
        assert_eq!(record.failures, [""; 0], "{record:?}");
        assert_eq!(record.pods, moved.pods, "a session moved when health checks ended");
        assert_eq!(record.pods.len(), 1 + usize::from(before.pods[0] == "old-0"), "{record:?}");
    }
}
