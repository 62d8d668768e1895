//! Delays and failures that a request asks for, as in `echo-basic`.
//!
//! `?delay=300ms` delays the response. With `?succeedAfter=2`, the first two requests of a `uuid` to a path under `/retry/`
//! fail, each after `delayRetry`: with the status `responseCode` or, without one, by closing the connection.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use hyper::{Request, StatusCode};

/// How often the requests of each `uuid` have failed.
#[derive(Debug, Default)]
pub(super) struct Failures(Mutex<HashMap<String, u32>>);

/// How a request fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// An answer with this status and nothing else.
    Status(StatusCode),
    /// None: the connection is closed.
    HangUp,
}

impl Failures {
    /// Waits as long as the request asks for; returns how it should fail, if it should.
    pub(super) async fn of<B>(&self, request: &Request<B>) -> Option<Failure> {
        let query = Query(request.uri().query().unwrap_or_default());
        if request.uri().path().starts_with("/retry/")
            && let Some(failure) = self.next(&query)
        {
            wait(query.duration("delayRetry")).await;
            return Some(failure);
        }
        wait(query.duration("delay")).await;
        None
    }

    fn next(&self, query: &Query<'_>) -> Option<Failure> {
        let (Some(uuid), Some(limit)) = (query.value("uuid"), query.number("succeedAfter")) else {
            return Some(Failure::Status(StatusCode::BAD_REQUEST));
        };
        let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let failed = failures.entry(uuid).or_default();
        if *failed >= limit {
            return None;
        }
        *failed += 1;
        let status = query.number("responseCode").and_then(|code| StatusCode::from_u16(code).ok());
        Some(status.map_or(Failure::HangUp, Failure::Status))
    }
}

struct Query<'a>(&'a str);

impl Query<'_> {
    fn value(&self, name: &str) -> Option<String> {
        let found = url::form_urlencoded::parse(self.0.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    }

    fn number<N: std::str::FromStr>(&self, name: &str) -> Option<N> {
        self.value(name)?.parse().ok()
    }

    /// A number of `ms` or `s`.
    fn duration(&self, name: &str) -> Option<Duration> {
        let text = self.value(name)?;
        match text.strip_suffix("ms") {
            Some(number) => number.parse().ok().map(Duration::from_millis),
            None => text.strip_suffix('s')?.parse().ok().map(Duration::from_secs),
        }
    }
}

async fn wait(time: Option<Duration>) {
    if let Some(time) = time {
        tokio::time::sleep(time).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn outcomes(failures: &Failures, path: &str) -> [Option<Failure>; 3] {
        let request = Request::get(path).body(()).unwrap();
        [failures.of(&request).await, failures.of(&request).await, failures.of(&request).await]
    }

    #[tokio::test]
    async fn requests_fail_as_often_as_requested() {
        let failures = Failures::default();
        let hang_up = Some(Failure::HangUp);
        let found = outcomes(&failures, "/retry/a?uuid=1&succeedAfter=2").await;
        assert_eq!(found, [hang_up, hang_up, None]);
        let unavailable = Some(Failure::Status(StatusCode::SERVICE_UNAVAILABLE));
        let found = outcomes(&failures, "/retry/a?uuid=2&succeedAfter=1&responseCode=503").await;
        assert_eq!(found, [unavailable, None, None]);
        assert_eq!(outcomes(&failures, "/get?uuid=3&succeedAfter=1").await, [None; 3]);
    }

    #[test]
    fn durations_are_seconds_or_milliseconds() {
        let query = Query("delay=300ms&delayRetry=2s");
        assert_eq!(query.duration("delay"), Some(Duration::from_millis(300)));
        assert_eq!(query.duration("delayRetry"), Some(Duration::from_secs(2)));
        assert_eq!(query.duration("other"), None);
    }
}
