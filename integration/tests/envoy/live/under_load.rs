//! 200 clients with open sessions send requests while everything changes, and notice nothing.

use std::collections::BTreeMap;
use std::fs;
use std::time::Instant;

use integration::harness::client::Client;
use integration::harness::manifests::{Endpoint, Manifests};
use integration::harness::workspace;
use tokio_rustls::rustls::pki_types::{CertificateDer, pem::PemObject};

use super::clients::{Clients, Probe, Record, Visit, certificate};
use super::watched::Watched;
use super::{HEADER, cookie, endpoints, new_session, places, route, rule, services};
use crate::setup::pods_of;

const LISTENERS: &str = "
listeners:
- {name: http, protocol: HTTP, port: 80}
- {name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: site}]}}
";

const CERTIFICATE: &str = "ecdsa-p256";

const RENEWED: &str = "ed25519";

/// The times of a session.
const SHORT: &str = "absoluteTimeout: 1h";

/// Other times of a session.
const LONG: &str = "absoluteTimeout: 2h, idleTimeout: 30m";

/// A Secret with this certificate of the compiler's tests, and the certificate as clients see it.
fn secret(name: &str) -> (String, Vec<u8>) {
    let path = workspace::root().join(format!("envoy-config/tests/certificates/accepted/{name}.pem"));
    let pem = fs::read_to_string(path).unwrap();
    let text = serde_json::to_string(&pem).unwrap();
    let secret = format!(
        "{{apiVersion: v1, kind: Secret, metadata: {{name: site}}, type: kubernetes.io/tls, \
         stringData: {{tls.crt: {text}, tls.key: {text}}}}}"
    );
    (secret, CertificateDer::from_pem_slice(pem.as_bytes()).unwrap().to_vec())
}

/// A rule for the path `/wish`, with other backends than all other rules.
fn wish(more: &str) -> String {
    format!(
        "{{name: wish, matches: [{{path: {{value: /wish}}}}], backendRefs: [{{name: other, port: 3000}}]{more}}}"
    )
}

/// The route with this rule, and two others: one with sessions in cookies that last so long, one with sessions in headers. They
/// divide new sessions by these weights.
fn rules(first: Option<String>, weights: [u32; 2], times: &str) -> String {
    let others = [rule("cart", weights, &cookie(times)), rule("desk", weights, HEADER)];
    route(&first.into_iter().chain(others).collect::<Vec<_>>())
}

async fn status(watched: &Watched, path: &str) -> u16 {
    Client::new(watched.http).get(path).await.unwrap().status
}

/// An Envoy with clients, and the endpoints of the Services.
struct Stage {
    watched: Watched,
    clients: Clients,
    old: Vec<Endpoint>,
    new: Vec<Endpoint>,
    other: Vec<Endpoint>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_lose_no_session_no_connection_and_no_request() {
    changes_lose_nothing(&[], "changed endpoints of ").await;
}

/// With too many files for Envoy, endpoints are in their clusters, which Envoy replaces.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn changes_of_clusters_lose_nothing_either() {
    changes_lose_nothing(&["--xds-files", "6"], "changed clusters ").await;
}

async fn changes_lose_nothing(options: &[&str], first_report: &str) {
    let (old, new, other) = (pods_of::<4>("old"), pods_of::<2>("new"), pods_of::<1>("other"));
    let (old, new, other) = (endpoints(&old), endpoints(&new), endpoints(&other));
    let (gateway, first) = (Manifests::gateway_with(LISTENERS), services(&old[..3], &new, &other));
    let manifests = [
        ("gateway.yaml", gateway.text()),
        ("secret.yaml", &secret(CERTIFICATE).0),
        ("services.yaml", first.text()),
        ("routes.yaml", &rules(None, [9, 1], SHORT)),
    ];
    let watched = Watched::start(&manifests, options).await;
    let visit = |number: u32| {
        let (tls, cookie) = (number.is_multiple_of(2), number % 4 < 2);
        let address = if tls { watched.https } else { watched.http };
        Visit { address, tls, path: if cookie { "/cart" } else { "/desk" }, cookie }
    };
    let clients = Clients::start((0..200).map(visit));
    let probes: Vec<Probe> = (0..4).map(|number| Probe::start(visit(number), "/wish")).collect();
    let all_have_sessions = async || clients.records().iter().all(|record| !record.pods.is_empty());
    watched.until("clients without a session", all_have_sessions).await;
    let before = clients.records();

    let start = Instant::now();
    let stage = Stage { watched, clients, old, new, other };
    stage.add_an_endpoint(first_report).await;
    stage.change_weights().await;
    stage.add_a_rule_and_change_times().await;
    stage.use_a_wrong_manifest().await;
    stage.renew_a_certificate_and_end_sessions_of_a_rule().await;
    let during = stage.clients.records();
    stage.remove_an_endpoint_and_a_rule().await;

    let (requests, took) = (stage.clients.requests(), start.elapsed());
    let mut statuses: BTreeMap<u16, u64> = BTreeMap::new();
    for probe in probes {
        for (status, count) in probe.stop().await {
            *statuses.entry(status).or_default() += count;
        }
    }
    let after = stage.clients.stop().await;
    let moved = places(&during)["old-0"];
    println!(
        "{requests} requests in {took:?}; {moved} of 200 sessions moved; without a session: {statuses:?}"
    );
    assert!(moved > 0);
    assert_eq!(statuses.keys().collect::<Vec<_>>(), [&200, &404], "{statuses:?}");
    assert_only_removed_endpoints_lost_sessions(&before, &during, &after);
    for counter in REMAIN_ZERO {
        assert_eq!(stage.watched.sum(counter).await, 0, "{counter}");
    }
}

/// Counters and gauges of Envoy: rejected updates, listeners that drain, errors.
const REMAIN_ZERO: [&str; 6] = [
    "update_rejected",
    "update_failure",
    "listener_modified",
    "listener_in_place_updated",
    "total_listeners_draining",
    "downstream_rq_5xx",
];

fn assert_only_removed_endpoints_lost_sessions(before: &[Record], during: &[Record], after: &[Record]) {
    for ((before, during), after) in before.iter().zip(during).zip(after) {
        assert_eq!(after.failures, [""; 0], "{after:?}");
        assert_eq!(during.pods, before.pods, "a session was lost before an endpoint was removed");
        let moved = usize::from(before.pods[0] == "old-0");
        assert_eq!(after.pods.len(), 1 + moved, "{after:?}");
    }
}

impl Stage {
    async fn add_an_endpoint(&self, report: &str) {
        let watched = &self.watched;
        let start = Instant::now();
        watched.put("services.yaml", services(&self.old, &self.new, &self.other).text());
        let has_session = async || new_session(watched, "/cart").await == "old-3";
        watched.until("the new endpoint gets no session", has_session).await;
        println!("the new endpoint has a session after {:?}", start.elapsed());
        let last = watched.reports().pop().unwrap();
        assert!(last.starts_with(report) && !last.contains([',', ';']), "{last}");
    }

    /// New sessions go to the other version, existing ones stay.
    async fn change_weights(&self) {
        self.watched.put("routes.yaml", &rules(None, [0, 1], SHORT));
        let mut in_a_row = 0;
        let follow_weights = async || {
            let is_new = new_session(&self.watched, "/cart").await.starts_with("new");
            in_a_row = if is_new { in_a_row + 1 } else { 0 };
            in_a_row == 20
        };
        self.watched.until("new sessions do not follow the weights", follow_weights).await;
    }

    /// The rule comes before all others.
    async fn add_a_rule_and_change_times(&self) {
        let watched = &self.watched;
        watched.put("routes.yaml", &rules(Some(wish(&cookie(SHORT))), [1, 1], LONG));
        watched.until("the new rule is not served", async || status(watched, "/wish").await == 200).await;
        let uses_times = async || watched.envoy.admin().config_dump().await.unwrap().contains("7200s");
        watched.until("the new times are not used", uses_times).await;
    }

    async fn use_a_wrong_manifest(&self) {
        let watched = &self.watched;
        let reports = watched.reports().len();
        let good = rules(Some(wish(&cookie(SHORT))), [1, 1], LONG);
        watched.put("routes.yaml", &good.replace("name: old", "name: nowhere"));
        let is_kept =
            async || watched.errors().iter().any(|line| line.contains("the last good configuration stays"));
        watched.until("the error is not reported", is_kept).await;
        self.serve_more().await;
        assert_eq!(watched.reports().len(), reports);
    }

    async fn renew_a_certificate_and_end_sessions_of_a_rule(&self) {
        let watched = &self.watched;
        let (renewed, expected) = secret(RENEWED);
        watched.put("secret.yaml", &renewed);
        watched.put("routes.yaml", &rules(Some(wish("")), [1, 1], LONG));
        let is_renewed = async || certificate(watched.https).await == expected;
        watched.until("the certificate is the old one", is_renewed).await;
        let has_no_session = async || {
            let answer = Client::new(watched.http).get("/wish").await.unwrap();
            answer.status == 200 && answer.set_cookie("session").is_none()
        };
        watched.until("the rule still has sessions", has_no_session).await;
    }

    async fn remove_an_endpoint_and_a_rule(&self) {
        let watched = &self.watched;
        watched.put("services.yaml", services(&self.old[1..], &self.new, &self.other).text());
        watched.put("routes.yaml", &rules(None, [1, 1], LONG));
        let is_left = async || !places(&self.clients.records()).contains_key("old-0");
        watched.until("sessions stay on a removed endpoint", is_left).await;
        watched
            .until("the removed rule is still served", async || status(watched, "/wish").await == 404)
            .await;
        let is_removed = async || !watched.file("clusters.yaml").contains("#wish");
        watched.until("the removed cluster stays", is_removed).await;
        self.serve_more().await;
    }

    /// Waits for two more answers to each client.
    async fn serve_more(&self) {
        let sent = self.clients.requests();
        self.watched.until("no requests are answered", async || self.clients.requests() > sent + 400).await;
    }
}
