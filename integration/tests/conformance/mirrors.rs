//! Request mirrors: all requests, several mirrors, and percentages.

use std::time::Duration;

use integration::backend::{Arrival, Backend};
use integration::harness::client::Protocol;
use integration::harness::deadline;
use tokio::sync::broadcast;

use crate::case::{Case, get};
use crate::documents::{TO_V1, route, rule};
use crate::infrastructure::{SAME_NAMESPACE, Target, V1, V2, V3};
use crate::replay::Replay;

/// The longest that a mirrored request may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The requests in each share that is counted.
const REQUESTS: u32 = 500;

/// A change of headers that the mirrored requests come with.
const CHANGE: &str = "{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, value: ours}], \
                      add: [{name: X-Add, value: one}, {name: X-Append, value: more}], remove: [X-Remove]}}, ";

fn mirror(service: Target, more: &str) -> String {
    format!(
        "{{type: RequestMirror, requestMirror: {{backendRef: {{name: {}, port: 8080}}{more}}}}}",
        service.service
    )
}

fn changing(path: &str) -> Case {
    let ask = get(path).header("X-Remove", "any").header("X-Append", "some");
    ask.reaches(V1)
        .with("X-Add", "one")
        .with("X-Append", "some,more")
        .with("X-Set", "ours")
        .without("X-Remove")
}

/// Every request reaches its backend and the mirror.
#[tokio::test]
async fn httproute_request_mirror() {
    let rules = [
        rule("/mirror", &[&format!("filters: [{}]", mirror(V2, "")), TO_V1]),
        rule("/headers", &[&format!("filters: [{CHANGE}{}]", mirror(V2, "")), TO_V1]),
    ];
    let replay = Replay::start(&[route("mirror", SAME_NAMESPACE, &rules.concat())]).await;
    for case in [get("/mirror").reaches(V1), changing("/headers")] {
        check_mirrored(&replay, &case, &[V2]).await;
    }
}

/// Every request reaches its backend and all mirrors.
#[tokio::test]
async fn httproute_request_multiple_mirrors() {
    let mirrors = format!("{}, {}", mirror(V2, ""), mirror(V3, ""));
    let rules = [
        rule("/mirrors", &[&format!("filters: [{mirrors}]"), TO_V1]),
        rule("/headers", &[&format!("filters: [{CHANGE}{mirrors}]"), TO_V1]),
    ];
    let replay = Replay::start(&[route("mirrors", SAME_NAMESPACE, &rules.concat())]).await;
    for case in [get("/mirrors").reaches(V1), changing("/headers")] {
        check_mirrored(&replay, &case, &[V2, V3]).await;
    }
}

/// A share of the requests reaches the mirror, in percent or as a fraction.
#[tokio::test]
async fn httproute_request_percentage_mirror() {
    let fraction = ", fraction: {numerator: 25, denominator: 50}";
    let rules = [
        rule("/percent", &[&format!("filters: [{}]", mirror(V2, ", percent: 20")), TO_V1]),
        rule("/fraction", &[&format!("filters: [{}]", mirror(V2, fraction)), TO_V1]),
        rule("/headers", &[&format!("filters: [{CHANGE}{}]", mirror(V2, ", percent: 35")), TO_V1]),
    ];
    let replay = Replay::start(&[route("shares", SAME_NAMESPACE, &rules.concat())]).await;
    let cases = [
        (get("/percent").reaches(V1), 0.2),
        (get("/fraction").reaches(V1), 0.5),
        (changing("/headers"), 0.35),
    ];
    for (case, share) in cases {
        let before: u64 = replay.pods(V2).map(Backend::requests).sum();
        for _ in 0..REQUESTS {
            assert_eq!(replay.problem(SAME_NAMESPACE, 80, &case, Protocol::Http1).await, None);
        }
        replay.settled().await;
        let mirrored = replay.pods(V2).map(Backend::requests).sum::<u64>() - before;
        // Each request is mirrored or not by itself: five standard deviations are missed once in a million runs.
        let expected = f64::from(REQUESTS) * share;
        let margin = 5.0 * (expected * (1.0 - share)).sqrt();
        let mirrored = f64::from(u32::try_from(mirrored).unwrap());
        assert!((mirrored - expected).abs() <= margin, "{:?}: {mirrored} of {REQUESTS}", case.ask);
    }
}

/// Asserts that a request reaches its backend, and each of the mirrors once.
async fn check_mirrored(replay: &Replay, case: &Case, mirrors: &[Target]) {
    for protocol in [Protocol::Http1, Protocol::Http2] {
        let mut arrivals: Vec<Vec<_>> =
            mirrors.iter().map(|&mirror| replay.pods(mirror).map(Backend::arrivals).collect()).collect();
        assert_eq!(replay.problem(SAME_NAMESPACE, 80, case, protocol).await, None);
        for (mirror, arrivals) in mirrors.iter().zip(&mut arrivals) {
            let arrived = deadline::until(PATIENCE, async || next(arrivals)).await;
            let arrived = arrived.unwrap_or_else(|_| panic!("nothing reached {mirror:?}"));
            assert_eq!((arrived.method, arrived.path), (case.ask.method.clone(), case.ask.path.clone()));
        }
        replay.settled().await;
        assert_eq!(arrivals.iter_mut().find_map(|arrivals| next(arrivals)), None, "mirrored twice");
    }
}

fn next(arrivals: &mut [broadcast::Receiver<Arrival>]) -> Option<Arrival> {
    arrivals.iter_mut().find_map(|arrivals| arrivals.try_recv().ok())
}
