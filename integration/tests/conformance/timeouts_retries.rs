//! Timeouts of requests and attempts, and retries.

use crate::case::get;
use crate::documents::{TO_V1, TO_V3, route, rule};
use crate::infrastructure::{SAME_NAMESPACE, V1, V3};
use crate::replay::Replay;

/// Requests that take too long get 504; zero disables the timeout.
#[tokio::test]
async fn httproute_timeout_request() {
    timeouts("request").await;
}

/// Attempts that take too long get 504; zero disables the timeout.
#[tokio::test]
async fn httproute_timeout_backend_request() {
    timeouts("backendRequest").await;
}

async fn timeouts(field: &str) {
    let rules = [
        rule("/soon", &[TO_V1, &format!("timeouts: {{{field}: 500ms}}")]),
        rule("/whenever", &[TO_V1, &format!("timeouts: {{{field}: 0s}}")]),
    ];
    let replay = Replay::start(&[route("timeouts", SAME_NAMESPACE, &rules.concat())]).await;
    let cases =
        [get("/soon").reaches(V1), get("/soon?delay=1s").answers(504), get("/whenever?delay=1s").reaches(V1)];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// A path below `/retry/` that fails this number of times with this status.
fn failing(path: &str, status: u16, times: u32) -> String {
    format!("/retry/{path}?responseCode={status}&succeedAfter={times}&uuid={{unique}}")
}

/// Only the listed statuses are retried, up to the number of attempts.
#[tokio::test]
async fn httproute_retry() {
    let rules = [
        rule("/retry/one-code", &[TO_V3, "retry: {codes: [500], attempts: 3}"]),
        rule("/retry/all-codes", &[TO_V3, "retry: {codes: [500, 502, 503, 504], attempts: 2}"]),
    ];
    let replay = Replay::start(&[route("retries", SAME_NAMESPACE, &rules.concat())]).await;
    let mut cases = vec![
        get(&failing("one-code", 500, 2)).reaches(V3),
        get(&failing("one-code", 500, 4)).answers(500),
        get(&failing("one-code", 503, 2)).answers(503),
    ];
    for status in [500, 502, 503, 504] {
        cases.push(get(&failing("all-codes", status, 1)).reaches(V3));
        cases.push(get(&failing("all-codes", status, 3)).answers(status));
    }
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Connection errors are retried up to the number of attempts.
#[tokio::test]
async fn httproute_retry_connection_error() {
    let rules = rule("/retry/breaks", &[TO_V3, "retry: {attempts: 3}"]);
    let replay = Replay::start(&[route("connections", SAME_NAMESPACE, &rules)]).await;
    let cases = [
        get("/retry/breaks?succeedAfter=2&uuid={unique}").reaches(V3),
        get("/retry/breaks?succeedAfter=4&uuid={unique}").answers_one_of(&[500, 503]),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}

/// Attempts that time out are retried; the request timeout includes all attempts.
#[tokio::test]
async fn httproute_retry_with_timeouts() {
    let rules = [
        rule("/retry/attempts", &[TO_V3, "retry: {attempts: 2}", "timeouts: {backendRequest: 200ms}"]),
        rule(
            "/retry/request",
            &[
                TO_V3,
                "retry: {codes: [500], attempts: 5}",
                "timeouts: {backendRequest: 200ms, request: 400ms}",
            ],
        ),
    ];
    let replay = Replay::start(&[route("retries-in-time", SAME_NAMESPACE, &rules.concat())]).await;
    let slow =
        |path: &str, times: u32, delay: &str| format!("{}&delayRetry={delay}", failing(path, 500, times));
    let cases = [
        get(&slow("attempts", 2, "300ms")).reaches(V3),
        get(&slow("attempts", 3, "300ms")).answers(504),
        get(&failing("request", 500, 1)).reaches(V3),
        get(&slow("request", 4, "100ms")).answers(504),
    ];
    replay.check(SAME_NAMESPACE, 80, &cases).await;
}
