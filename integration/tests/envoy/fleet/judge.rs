//! What an answer says about a session: it goes on, or it ends when it may, or a promise is broken.
//!
//! The promise is about the time since the session's first answer, by the clock of the test. Envoy compares two times of whole
//! seconds, which one clock or two have given: it may be wrong by a second, and by what the two clocks are apart.

use std::time::{Duration, Instant};

use super::CLOCKS;
use super::rules::Rule;

/// Times have this resolution.
const RESOLUTION: u64 = 1;

/// A session as its client knows it.
#[derive(Clone, Debug)]
pub(super) struct Session {
    pub(super) token: String,
    pub(super) pod: String,
    /// The time of issue in the token.
    pub(super) issued: u64,
    /// The Envoy that issued it first.
    pub(super) issuer: usize,
    /// It began between these times.
    pub(super) began: [Instant; 2],
}

/// An answer.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) envoy: usize,
    pub(super) pod: String,
    pub(super) token: Option<String>,
    /// When the request was sent and the answer had arrived.
    pub(super) when: [Instant; 2],
    /// The same in seconds since the Unix epoch.
    pub(super) wall: [u64; 2],
}

/// What became of the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There was none, and one began.
    Began,
    /// It goes on.
    Continued,
    /// It goes on, with another token.
    Resealed,
    /// Its time had passed, and another one began.
    Ended,
}

/// How a promise is broken.
#[derive(Clone, Debug, thiserror::Error)]
pub(super) enum Broken {
    /// The session ended before its time.
    #[error("lost: {0}")]
    Lost(String),
    /// The session goes on after its time.
    #[error("extended: {0}")]
    Extended(String),
    /// Anything else.
    #[error("wrong: {0}")]
    Wrong(String),
}

/// Judges an answer to a request with this session, which becomes the one that the client has then.
pub(super) fn judge(rule: &Rule, session: &mut Option<Session>, seen: &Seen) -> Result<Verdict, Broken> {
    let Some(token) = &seen.token else {
        return match session {
            None => Err(Broken::Wrong(format!("no token: {seen:?}"))),
            Some(known) if known.pod != seen.pod => {
                Err(Broken::Lost(format!("another pod without a token: {known:?} {seen:?}")))
            }
            Some(known) => within(rule, known, seen).map(|()| Verdict::Continued),
        };
    };
    let Some(opened) = rule.mint.open(token) else {
        return Err(match session {
            Some(known) => Broken::Lost(format!("a token of another key: {known:?} {seen:?}")),
            None => Broken::Wrong(format!("not a token of this rule: {seen:?}")),
        });
    };
    let issued = opened.contents.issued.unix_seconds();
    if let Some(known) = session
        && known.issued == issued
        && known.pod == seen.pod
    {
        known.token.clone_from(token);
        return within(rule, known, seen).map(|()| Verdict::Resealed);
    }
    let clock = CLOCKS[seen.envoy];
    let [sent, arrived] = seen.wall.map(|seconds| seconds.saturating_add_signed(clock));
    let next =
        Session { token: token.clone(), pod: seen.pod.clone(), issued, issuer: seen.envoy, began: seen.when };
    let before = session.replace(next);
    if !(sent..=arrived).contains(&issued) {
        return Err(Broken::Wrong(format!("issued at {issued}, not between {sent} and {arrived}: {seen:?}")));
    }
    match before {
        None => Ok(Verdict::Began),
        Some(known) => over(rule, &known, seen).map(|()| Verdict::Ended),
    }
}

/// Checks that a session which goes on may do so.
fn within(rule: &Rule, session: &Session, seen: &Seen) -> Result<(), Broken> {
    let least = seen.when[0].saturating_duration_since(session.began[1]);
    let Some(timeout) = rule.timeout else { return Ok(()) };
    if compared(least, session, seen) < milliseconds(timeout + RESOLUTION) {
        return Ok(());
    }
    Err(Broken::Extended(format!("it goes on after {least:?}: {session:?} {seen:?}")))
}

/// Checks that a session which has ended may do so.
fn over(rule: &Rule, session: &Session, seen: &Seen) -> Result<(), Broken> {
    let most = seen.when[1].saturating_duration_since(session.began[0]);
    let is_over = |timeout| compared(most, session, seen) > milliseconds(timeout - RESOLUTION);
    if rule.timeout.is_some_and(is_over) {
        return Ok(());
    }
    Err(Broken::Lost(format!("it ended after {most:?}: {session:?} {seen:?}")))
}

/// This age as the answering Envoy sees it, which compares its own clock with that of the issuer.
fn compared(age: Duration, session: &Session, seen: &Seen) -> i64 {
    let age = i64::try_from(age.as_millis()).unwrap();
    age + (CLOCKS[seen.envoy] - CLOCKS[session.issuer]) * 1000
}

fn milliseconds(seconds: u64) -> i64 {
    i64::try_from(seconds * 1000).unwrap()
}
