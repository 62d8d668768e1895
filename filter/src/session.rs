//! Sessions: finds out which session a request has, and which token its response issues.
//!
//! | session | served by | token issued |
//! | --- | --- | --- |
//! | pinned to A, current key, nothing due | A | none |
//! | pinned to A, older key or idle refresh due | A | A again, same issue time: neither may extend the absolute timeout |
//! | pinned to A | B | B, new issue time |
//! | none or rejected | B | B, new issue time |
//! | pinned to A, strict rule | none, or B | none: the client keeps its token |
//! | pinned to A | none: A could not be reached, and the request was not sent to another endpoint | none; the session ends |
//! | any | none (another local reply) | none |
//!
//! | pinned to pod P at A, P is now at B | B | B, same issue time: following a pod may not extend the absolute timeout |
//! | lost: its pod is gone | B | B, new issue time |
//! | lost, strict rule | none | none: the client keeps its token |
//!
//! A rejected token does not fail the request, which is treated like one without a token. A session whose token names a pod is never
//! pinned to the address in the token if the pod is no longer there: the address may belong to another pod.

use std::fmt;

use crate::config::{Rule, Timeout};
use crate::endpoint::Endpoint;
use crate::identity::Identity;
use crate::time::Timestamp;
use crate::token::{Contents, OpenError, Opened};

/// The maximum number of seconds by which the clock of the Envoy that issued a token can be ahead of ours.
pub const CLOCK_SKEW: u64 = 60;

/// The session of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// No token.
    None,
    /// The token is not valid.
    Rejected(Rejection),
    /// The token is valid.
    Pinned(Pinned),
    /// The token is valid, but its pod has no endpoint any more.
    Lost,
}

/// Why a token is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// It did not open.
    #[error(transparent)]
    Unopened(#[from] OpenError),
    /// Its absolute timeout has passed.
    #[error("its absolute timeout has passed")]
    Expired,
    /// Its idle timeout has passed.
    #[error("its idle timeout has passed")]
    Idle,
    /// It is dated more than [`CLOCK_SKEW`] in the future.
    #[error("it is dated in the future")]
    FutureDated,
}

/// A valid session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pinned {
    /// The endpoint of the session.
    pub endpoint: Endpoint,
    /// The pod of the endpoint, if it is known.
    identity: Option<Identity>,
    issued: Timestamp,
    last_seen: Timestamp,
    /// Why to issue the token again; `None` if it is not due.
    due: Option<Renewal>,
}

/// Why the token of a session is issued again. Of several reasons, the first one is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// An older key sealed it.
    Key,
    /// It does not name the pod of its endpoint, or the current address of its pod.
    Pod,
    /// Its last-seen time must be refreshed.
    Idle,
}

/// The token that a response issues.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Issue {
    /// The token of a new session.
    New(Endpoint),
    /// The token of a session that moves, because another endpoint served the request.
    Moved(Endpoint),
    /// A new token of the same session.
    Again(Pinned),
}

/// A token to seal, and how long it is valid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Due {
    /// The contents of the token.
    pub contents: Contents,
    /// The remaining absolute timeout, in seconds.
    pub seconds_left: Option<u64>,
}

/// The session of a token that opened, if its timeouts have not passed: pinned or lost.
///
/// # Errors
/// Why the token is rejected.
pub fn pin(
    rule: &Rule,
    Opened { contents, older_key, .. }: Opened,
    now: Timestamp,
) -> Result<Session, Rejection> {
    let Contents { issued, last_seen, endpoint, identity } = contents;
    if last_seen.seconds_since(now) > CLOCK_SKEW {
        return Err(Rejection::FutureDated);
    }
    let passed =
        |timeout: Option<Timeout>, since| timeout.is_some_and(|t| now.seconds_since(since) >= t.seconds());
    if passed(rule.absolute_timeout(), issued) {
        return Err(Rejection::Expired);
    }
    if passed(rule.idle_timeout(), last_seen) {
        return Err(Rejection::Idle);
    }
    // A tenth, so that a busy session does not get a new token with every response.
    let idle = now.seconds_since(last_seen);
    let refresh =
        rule.idle_timeout().is_some_and(|timeout| idle > 0 && idle.saturating_mul(10) >= timeout.seconds());
    let pods = rule.pods();
    let due = |names_pod: bool| match (older_key, names_pod, refresh) {
        (true, _, _) => Some(Renewal::Key),
        (_, false, _) => Some(Renewal::Pod),
        (_, _, true) => Some(Renewal::Idle),
        _ => None,
    };
    let Some(identity) = identity else {
        // A token from before the pods were known.
        let identity = if pods.is_empty() { None } else { pods.identity_of(&endpoint) };
        let due = due(identity.is_none());
        return Ok(Session::Pinned(Pinned { endpoint, identity, issued, last_seen, due }));
    };
    Ok(match pods.endpoint_of(identity, &endpoint) {
        Some(current) => {
            let due = due(current == endpoint);
            Session::Pinned(Pinned { endpoint: current, identity: Some(identity), issued, last_seen, due })
        }
        None => Session::Lost,
    })
}

/// The token that a response from this endpoint issues. `None` as endpoint is a local reply.
#[must_use]
pub fn on_response(rule: &Rule, session: &Session, served_by: Option<Endpoint>) -> Option<Issue> {
    let served_by = served_by?;
    match session {
        Session::None | Session::Rejected(_) => Some(Issue::New(served_by)),
        Session::Pinned(pinned) if pinned.endpoint != served_by => {
            // Another address of the same pod, such as another port.
            let same = pinned.identity.is_some() && pinned.identity == rule.pods().identity_of(&served_by);
            if same {
                let due = pinned.due.or(Some(Renewal::Pod));
                return Some(Issue::Again(Pinned { endpoint: served_by, due, ..pinned.clone() }));
            }
            (!rule.is_strict()).then_some(Issue::Moved(served_by))
        }
        Session::Pinned(pinned) => pinned.due.map(|_| Issue::Again(pinned.clone())),
        Session::Lost => (!rule.is_strict()).then_some(Issue::Moved(served_by)),
    }
}

/// The value of `response.code_details` if an endpoint could not be connected to: the prefix of all resets, then one of these.
const RESET: &[u8] = b"upstream_reset_before_response_started{";
const NO_CONNECTION: [&[u8]; 3] =
    [b"remote_connection_failure", b"local_connection_failure", b"connection_timeout"];

/// The value of `response.code_details` if the endpoint failed and the request was too large to be sent to another one.
const TOO_LARGE: &[u8] = b"request_payload_exceeded_retry_buffer_limit";

impl Session {
    /// Whether the session is pinned to the endpoint that Envoy chose last.
    #[must_use]
    pub fn is_on(&self, chosen: Option<&Endpoint>) -> bool {
        matches!(self, Self::Pinned(pinned) if Some(&pinned.endpoint) == chosen)
    }

    /// Whether a local reply with these `response.code_details` ends a session that [`is_on`](Self::is_on) the endpoint that
    /// Envoy chose last. It does if the endpoint could not be reached, and the request was not sent to another one because its
    /// body is too large to be buffered: otherwise the session would be stuck while its client sends such requests. An endpoint
    /// that accepted the connection keeps its sessions, whatever happened then.
    #[must_use]
    pub fn ends_with(details: &[u8]) -> bool {
        let reset = details.strip_prefix(RESET);
        details == TOO_LARGE
            || reset.is_some_and(|reason| NO_CONNECTION.iter().any(|failure| reason.starts_with(failure)))
    }

    /// Whether it may be served only by the endpoint that it is pinned to, or by none if its pod is gone.
    #[must_use]
    pub fn is_held_by(&self, rule: &Rule) -> bool {
        rule.is_strict() && self.is_valid()
    }

    /// Adds the result for the next token of a request: the first valid token wins, otherwise the first rejection.
    pub fn add(&mut self, next: Result<Self, Rejection>) {
        match (&self, next) {
            (Self::Pinned(_) | Self::Lost, _) | (Self::Rejected(_), Err(_)) => {}
            (_, Ok(session)) => *self = session,
            (Self::None, Err(rejection)) => *self = Self::Rejected(rejection),
        }
    }

    /// Whether a valid token was found.
    #[must_use]
    pub const fn is_valid(&self) -> bool {
        matches!(self, Self::Pinned(_) | Self::Lost)
    }
}

impl Pinned {
    /// Why its token is issued again; `None` if it is not due.
    #[must_use]
    pub const fn renewal(&self) -> Option<Renewal> {
        self.due
    }
}

impl Issue {
    /// The token to seal at this time; `None` if the session ended while its request was served.
    #[must_use]
    pub fn at(&self, now: Timestamp, rule: &Rule) -> Option<Due> {
        let (issued, last_seen, endpoint, identity) = match self {
            Self::New(endpoint) | Self::Moved(endpoint) => {
                (now, now, endpoint, rule.pods().identity_of(endpoint))
            }
            Self::Again(Pinned { endpoint, identity, issued, last_seen, .. }) => {
                (*issued, (*last_seen).max(now), endpoint, *identity)
            }
        };
        let contents = Contents { issued, last_seen, endpoint: endpoint.clone(), identity };
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
    /// The endpoint that the request is pinned to.
    #[must_use]
    pub const fn endpoint(&self) -> Option<&Endpoint> {
        match self {
            Self::Pinned(pinned) => Some(&pinned.endpoint),
            Self::None | Self::Rejected(_) | Self::Lost => None,
        }
    }

    /// Parses an address that Envoy printed, which most often is the one that the session is pinned to. `None` if it is not
    /// `ip:port`.
    #[must_use]
    pub fn endpoint_of(&self, text: &[u8]) -> Option<Endpoint> {
        let own = self.endpoint().filter(|endpoint| endpoint.as_bytes() == text);
        own.cloned().or_else(|| Endpoint::parse(text).ok())
    }
}

impl fmt::Display for Session {
    /// The form in the access log: `none`, `refused: …` with the reason, `lost: …`, or the endpoint that it is pinned to.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Rejected(rejection) => write!(f, "refused: {rejection}"),
            Self::Pinned(pinned) => pinned.endpoint.fmt(f),
            Self::Lost => f.write_str("lost: its pod is gone"),
        }
    }
}

#[cfg(test)]
mod tests;
