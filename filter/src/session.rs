//! Sessions: what a request turns out to have, and what its answer is to give.
//!
//! | session | served by | token issued |
//! | --- | --- | --- |
//! | pinned to A, current key, nothing due | A | none |
//! | pinned to A, older key or idle refresh due | A | A again, same issue time: neither may extend the absolute timeout |
//! | pinned to A | B | B, new issue time |
//! | none or refused | B | B, new issue time |
//! | pinned to A | none: A could not be reached, and the request was not sent elsewhere | the session is ended |
//! | any | none (another local reply) | none |
//!
//! A refused token is no error of the request: it counts as no session.

use std::fmt;

use crate::config::{Rule, Timeout};
use crate::endpoint::Endpoint;
use crate::time::Timestamp;
use crate::token::{Contents, OpenError, Opened};

/// How far ahead of ours the clock of the Envoy that issued a token may be, in seconds.
pub const CLOCK_SKEW: u64 = 60;

/// What a request turned out to have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// No token.
    None,
    /// A token that does not count.
    Refused(Refusal),
    /// A token that counts.
    Pinned(Pinned),
}

/// Why a token does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// It did not open.
    #[error(transparent)]
    Unopened(#[from] OpenError),
    /// Its absolute timeout has passed.
    #[error("its absolute timeout has passed")]
    Expired,
    /// Its idle timeout has passed.
    #[error("its idle timeout has passed")]
    Idle,
    /// It is dated more than [`CLOCK_SKEW`] ahead.
    #[error("it is dated in the future")]
    FutureDated,
}

/// A session that a request goes on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// Where the session lives.
    pub endpoint: Endpoint,
    issued: Timestamp,
    last_seen: Timestamp,
    /// Whether the token is due to be issued again: sealed by an older key, or its last-seen time grows old.
    due: bool,
}

/// What an answer is to give to the client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issue {
    /// The token of a session that begins now.
    New(Endpoint),
    /// The token of a session that another endpoint than its own has served: it lives there from now on.
    Moved(Endpoint),
    /// A new token of the same session.
    Again(Pinned),
}

/// A token to be sealed, and how long it is good for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// What the token is to say.
    pub contents: Contents,
    /// What is left of the absolute timeout, in seconds.
    pub seconds_left: Option<u64>,
}

/// The session that a token stands for, if it is still good.
///
/// # Errors
/// Why the token does not count.
pub fn pin(
    rule: &Rule,
    Opened { contents, older_key, .. }: Opened,
    now: Timestamp,
) -> Result<Pinned, Refusal> {
    let Contents { issued, last_seen, endpoint } = contents;
    if last_seen.seconds_since(now) > CLOCK_SKEW {
        return Err(Refusal::FutureDated);
    }
    let passed =
        |timeout: Option<Timeout>, since| timeout.is_some_and(|t| now.seconds_since(since) >= t.seconds());
    if passed(rule.absolute_timeout(), issued) {
        return Err(Refusal::Expired);
    }
    if passed(rule.idle_timeout(), last_seen) {
        return Err(Refusal::Idle);
    }
    // A tenth, so that a busy session is not given a new token with every answer.
    let idle = now.seconds_since(last_seen);
    let refresh =
        rule.idle_timeout().is_some_and(|timeout| idle > 0 && idle.saturating_mul(10) >= timeout.seconds());
    Ok(Pinned { endpoint, issued, last_seen, due: older_key || refresh })
}

/// What the answer is to give, when this endpoint has given it; `None` as endpoint stands for a local reply.
#[must_use]
pub fn on_response(session: &Session, served_by: Option<Endpoint>) -> Option<Issue> {
    let served_by = served_by?;
    match session {
        Session::None | Session::Refused(_) => Some(Issue::New(served_by)),
        Session::Pinned(pinned) if pinned.endpoint != served_by => Some(Issue::Moved(served_by)),
        Session::Pinned(pinned) => pinned.due.then(|| Issue::Again(pinned.clone())),
    }
}

/// What `response.code_details` says of an endpoint that took no connection, behind the beginning that all resets have.
const RESET: &[u8] = b"upstream_reset_before_response_started{";
const NO_CONNECTION: [&[u8]; 3] =
    [b"remote_connection_failure", b"local_connection_failure", b"connection_timeout"];

/// What `response.code_details` says where the endpoint failed and the request became too large to be sent to another one.
const TOO_LARGE: &[u8] = b"request_payload_exceeded_retry_buffer_limit";

impl Session {
    /// Whether the session is pinned to the endpoint that Envoy chose last.
    #[must_use]
    pub fn is_on(&self, chosen: Option<&Endpoint>) -> bool {
        matches!(self, Self::Pinned(pinned) if Some(&pinned.endpoint) == chosen)
    }

    /// Whether an answer of Envoy's own with these `response.code_details` ends a session that [`is_on`](Self::is_on) the
    /// endpoint that Envoy chose last: it could not be reached, and the request was not sent to another one, since its body
    /// is too large to be kept. The session would be stuck for as long as its client sends such requests. An endpoint that
    /// took the connection lives, whatever happened then.
    #[must_use]
    pub fn ends_with(details: &[u8]) -> bool {
        let reset = details.strip_prefix(RESET);
        details == TOO_LARGE
            || reset.is_some_and(|reason| NO_CONNECTION.iter().any(|failure| reason.starts_with(failure)))
    }

    /// Adds the next of a request's tokens: the first one that counts does, else the first reason.
    pub fn add(&mut self, next: Result<Pinned, Refusal>) {
        match (&self, next) {
            (Self::Pinned(_), _) | (Self::Refused(_), Err(_)) => {}
            (_, Ok(pinned)) => *self = Self::Pinned(pinned),
            (Self::None, Err(refusal)) => *self = Self::Refused(refusal),
        }
    }
}

impl Issue {
    /// The token to seal at this time; none if the session has ended while its request was served.
    #[must_use]
    pub fn at(&self, now: Timestamp, rule: &Rule) -> Option<Due> {
        let (issued, last_seen, endpoint) = match self {
            Self::New(endpoint) | Self::Moved(endpoint) => (now, now, endpoint),
            Self::Again(Pinned { endpoint, issued, last_seen, .. }) => {
                (*issued, (*last_seen).max(now), endpoint)
            }
        };
        let contents = Contents { issued, last_seen, endpoint: endpoint.clone() };
        let seconds_left = match rule.absolute_timeout() {
            Some(timeout) => match timeout.seconds().checked_sub(now.seconds_since(contents.issued)) {
                None | Some(0) => return None,
                left => left,
            },
            None => None,
        };
        Some(Due { contents, seconds_left })
    }
}

impl Session {
    /// Where the request is pinned to.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Pinned(pinned) => Some(&pinned.endpoint),
            Self::None | Self::Refused(_) => None,
        }
    }

    /// The endpoint of this text of Envoy's: most often the one that the session is pinned to. None if it is no address.
    #[must_use]
    pub fn endpoint_of(&self, text: &[u8]) -> Option<Endpoint> {
        let own = self.endpoint().filter(|endpoint| endpoint.as_bytes() == text);
        own.cloned().or_else(|| Endpoint::parse(text).ok())
    }
}

impl fmt::Display for Session {
    /// As the access log shows it: `none`, `refused: …` with the reason, or the endpoint it is pinned to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Refused(refusal) => write!(f, "refused: {refusal}"),
            Self::Pinned(pinned) => pinned.endpoint.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
