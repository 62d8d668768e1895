//! Endpoints that drain keep their sessions, and end without an error.

use integration::harness::manifests::{Endpoint, EndpointState, Manifests};

use super::clients::{Clients, Visit};
use super::watched::Watched;
use super::{HEADER, cookie, endpoints, new_session, places, route, rule, services};
use crate::setup::pods_of;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn draining_endpoints_keep_their_sessions_until_they_go() {
    for pin in ["metadata", "stateful-session"] {
        let mut pods = pods_of::<3>("old");
        let (ready, new) = (endpoints(&pods), endpoints(&pods_of::<1>("new")));
        let services = |endpoints: &[Endpoint]| services(endpoints, &new, &new).text().to_owned();
        let gateway = Manifests::gateway();
        let cart = rule("cart", [1, 0], &cookie("absoluteTimeout: 1h"));
        let watched = Watched::start(
            &[
                ("gateway.yaml", gateway.text()),
                ("services.yaml", &services(&ready)),
                ("routes.yaml", &route(&[cart, rule("desk", [1, 0], HEADER)])),
            ],
            &["--pin", pin],
        )
        .await;
        let visit = |number: u32| {
            let cookie = number.is_multiple_of(2);
            Visit { address: watched.http, tls: false, path: if cookie { "/cart" } else { "/desk" }, cookie }
        };
        let clients = Clients::start((0..40).map(visit));
        let all_have_sessions = async || clients.records().iter().all(|record| !record.pods.is_empty());
        watched.until("clients without a session", all_have_sessions).await;
        let before = clients.records();
        let draining = places(&before)["old-0"];
        assert!(draining > 0);

        let [first, others @ ..] = ready.as_slice() else { panic!("{ready:?}") };
        let drained = [&[first.in_state(EndpointState::Draining)], others].concat();
        watched.put("services.yaml", &services(&drained));
        let mut elsewhere = 0;
        let gets_no_sessions = async || {
            elsewhere = if new_session(&watched, "/cart").await == "old-0" { 0 } else { elsewhere + 1 };
            elsewhere == 20
        };
        watched.until("a draining endpoint gets new sessions", gets_no_sessions).await;
        let sent = clients.requests();
        watched.until("no requests are answered", async || clients.requests() > sent + 200).await;
        for (before, during) in before.iter().zip(&clients.records()) {
            assert_eq!(during.pods, before.pods, "{pin}: a session left a draining endpoint");
        }

        // It ends, and leaves the Service only then.
        pods[0].kill().await.unwrap();
        let has_moved = async || !places(&clients.records()).contains_key("old-0");
        watched.until("sessions stay on an endpoint that is gone", has_moved).await;
        watched.put("services.yaml", &services(others));
        watched
            .until("the endpoint is not removed", async || watched.sum("membership_total").await == 6)
            .await;
        let sent = clients.requests();
        watched.until("no requests are answered", async || clients.requests() > sent + 200).await;
        for (before, record) in before.iter().zip(clients.stop().await) {
            assert_eq!(record.failures, [""; 0], "{pin}: {record:?}");
            assert_eq!(record.pods.len(), 1 + usize::from(before.pods[0] == "old-0"), "{pin}: {record:?}");
        }
        println!("{pin}: {draining} of 40 sessions drained");
    }
}
