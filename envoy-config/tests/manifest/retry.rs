//! Reading timeouts and retries of a rule.

use std::time::Duration;

use envoy_config::manifest::gateway_api::route::Rule;

use super::{at, read, route};

fn valid(rule: &str) -> Rule {
    let (manifests, diagnostics) = read(&route(rule));
    assert_eq!(diagnostics, [], "{rule}");
    manifests.routes[0].spec.rules[0].as_ref().unwrap().clone()
}

#[test]
fn timeouts_are_durations_and_can_be_zero() {
    let timeouts = valid("timeouts: {request: 1m30s, backendRequest: 0s}").timeouts;
    assert_eq!(timeouts.request.unwrap().value, Duration::from_secs(90));
    assert_eq!(timeouts.backend_request.unwrap().value, Duration::ZERO);
}

#[test]
fn an_attempt_can_last_as_long_as_the_request_timeout() {
    for timeouts in ["{request: 1s, backendRequest: 1000ms}", "{request: 0s, backendRequest: 1h}"] {
        valid(&format!("timeouts: {timeouts}"));
    }
}

#[test]
fn retries_are_read() {
    let retry = valid("retry: {codes: [503, 429], attempts: 3, backoff: 100ms}").retry.unwrap().value;
    let codes: Vec<u16> = retry.codes.iter().map(|code| code.value).collect();
    assert_eq!((codes, retry.attempts), (vec![503, 429], 3));
    assert_eq!(retry.backoff, Some(Duration::from_millis(100)));
    let empty = valid("retry: {}").retry.unwrap().value;
    assert_eq!((empty.codes.len(), empty.attempts, empty.backoff), (0, 1, None));
}

#[test]
fn invalid_timeouts_and_retries_are_errors() {
    for (rule, code, place) in [
        ("timeouts: {request: 1s, backendRequest: 1001ms}", "backend-timeout-too-long", "1001ms"),
        ("timeouts: {request: 1.5s}", "invalid-duration", "1.5s"),
        ("timeouts: {request: 10}", "wrong-type", "10"),
        ("timeouts: {idle: 1s}", "unknown-field", "idle"),
        ("retry: {codes: [399]}", "out-of-range", "399"),
        ("retry: {codes: [600]}", "out-of-range", "600"),
        ("retry: {codes: [500, 502, 500]}", "duplicate-value", "500"),
        ("retry: {attempts: 0}", "out-of-range", "0"),
        ("retry: {backoff: soon}", "invalid-duration", "soon"),
    ] {
        let text = route(rule);
        let (manifests, diagnostics) = read(&text);
        let found: Vec<_> =
            diagnostics.iter().map(|found| (found.code.name(), at(&text, found.span))).collect();
        assert_eq!(found, [(code, place)], "{rule}");
        assert!(manifests.routes.is_empty());
    }
}
