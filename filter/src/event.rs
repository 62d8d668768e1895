//! What can happen to a session, and the name of the counter for it. Requests that continue their session are no event: Envoy counts
//! requests itself, and each increment costs a call.
//!
//! The counter of an event is `session_persistence.EVENT.rule.ID`, or `session_persistence.EVENT.REASON.rule.ID`. Envoy's `stats_tags`
//! make labels of the reason and the id ([`RULE_TAG`](crate::names::RULE_TAG)). The id comes last, because it can have any form.

use crate::session::{Issue, Rejection, Renewal, Session};
use crate::token::OpenError;

/// An event in the life of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Event {
    /// A session began.
    Started,
    /// Another endpoint than its own served a request, and the session continues there.
    Moved,
    /// The same session got a new token, because an older key sealed the old one.
    RenewedKey,
    /// The same, to record when it was used last.
    RenewedIdle,
    /// The same, because the token did not name the pod or its address.
    RenewedPod,
    /// The response ended the session, because its endpoint could not be reached.
    EndedUnreachable,
    /// The response ended the session, because the backend said so.
    EndedBackend,
    /// The pod of a session is gone.
    Lost,
    /// The request of a strict session failed, because its endpoint could not serve it.
    Unavailable,
    /// No session began, because the backend did not say so.
    NotStartedBackend,
    /// A token was due but not issued, because there are no random numbers.
    NotStartedRandom,
    /// A token was due but not issued, because it could not be sealed.
    NotStartedSealing,
    /// A token that is not one.
    RejectedMalformed,
    /// A token that an unknown key sealed.
    RejectedUnknownKey,
    /// A token that was changed, or issued for another rule.
    RejectedForged,
    /// A token after its absolute timeout.
    RejectedExpired,
    /// A token after its idle timeout.
    RejectedIdle,
    /// A token from the future.
    RejectedFutureDated,
}

/// The number of events.
pub const EVENTS: usize = 18;

/// The names, in the order of the events.
const NAMES: [&str; EVENTS] = [
    "started",
    "moved",
    "renewed.key",
    "renewed.idle",
    "renewed.pod",
    "ended.unreachable",
    "ended.backend",
    "lost",
    "unavailable",
    "not_started.backend",
    "not_started.random",
    "not_started.sealing",
    "rejected.malformed",
    "rejected.unknown_key",
    "rejected.forged",
    "rejected.expired",
    "rejected.idle",
    "rejected.future_dated",
];

impl Event {
    /// The position of its counter among those of a rule.
    #[must_use]
    pub const fn position(self) -> usize {
        self as usize
    }

    /// The name of the counter of this event for the rule with this id.
    #[must_use]
    pub fn counter(self, rule: &str) -> String {
        let name = NAMES.get(self.position()).copied().unwrap_or_default();
        ["session_persistence.", name, ".rule.", rule].concat()
    }
}

impl Event {
    /// Whether the response has a header for it: a token, or the end of one.
    #[must_use]
    pub const fn is_answered(self) -> bool {
        matches!(self.flag(), b'I' | b'M' | b'U' | b'D')
    }

    /// The second of the two flags of [`State`].
    const fn flag(self) -> u8 {
        match self {
            Self::Started => b'I',
            Self::Moved => b'M',
            Self::RenewedKey | Self::RenewedIdle | Self::RenewedPod => b'U',
            Self::EndedUnreachable | Self::EndedBackend => b'D',
            Self::Unavailable => b'K',
            Self::NotStartedRandom | Self::NotStartedSealing => b'F',
            _ => b'N',
        }
    }
}

/// What a session came to, for the access log: one letter for the request and one for the response, after the model of the cookie
/// flags of `HAProxy`'s termination state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// The letter for the request.
    pub read: u8,
    /// What the response did.
    pub event: Option<Event>,
}

impl State {
    /// The letter of a valid session.
    pub const VALID: u8 = b'V';

    /// The letter for the session of a request.
    #[must_use]
    pub const fn read(session: &Session) -> u8 {
        match session {
            Session::None => b'N',
            Session::Pinned(_) => Self::VALID,
            Session::Lost => b'D',
            Session::Rejected(Rejection::Idle) => b'E',
            Session::Rejected(Rejection::Expired) => b'O',
            Session::Rejected(Rejection::Unopened(_) | Rejection::FutureDated) => b'I',
        }
    }

    /// Both letters.
    #[must_use]
    pub fn flags(self) -> [u8; 2] {
        [self.read, self.event.map_or(b'N', Event::flag)]
    }
}

impl From<&Issue> for Event {
    fn from(issue: &Issue) -> Self {
        match issue {
            Issue::New(_) => Self::Started,
            Issue::Moved(_) => Self::Moved,
            Issue::Again(pinned) => match pinned.renewal() {
                Some(Renewal::Key) => Self::RenewedKey,
                Some(Renewal::Pod) => Self::RenewedPod,
                Some(Renewal::Idle) | None => Self::RenewedIdle,
            },
        }
    }
}

impl From<Rejection> for Event {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Unopened(OpenError::Malformed) => Self::RejectedMalformed,
            Rejection::Unopened(OpenError::UnknownKey) => Self::RejectedUnknownKey,
            Rejection::Unopened(OpenError::Forged) => Self::RejectedForged,
            Rejection::Expired => Self::RejectedExpired,
            Rejection::Idle => Self::RejectedIdle,
            Rejection::FutureDated => Self::RejectedFutureDated,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn each_event_has_a_counter_of_its_own() {
        let last = Event::RejectedFutureDated;
        assert_eq!((last.position(), NAMES.len()), (EVENTS - 1, EVENTS));
        for (event, name) in [
            (Event::Started, "session_persistence.started.rule.a/b#c"),
            (Event::RenewedPod, "session_persistence.renewed.pod.rule.a/b#c"),
            (Event::NotStartedSealing, "session_persistence.not_started.sealing.rule.a/b#c"),
            (Event::RejectedUnknownKey, "session_persistence.rejected.unknown_key.rule.a/b#c"),
            (last, "session_persistence.rejected.future_dated.rule.a/b#c"),
        ] {
            assert_eq!(event.counter("a/b#c"), name);
        }
    }

    #[test]
    fn two_flags_say_what_a_session_came_to() {
        let state = |session: &Session, event| {
            let flags = State { read: State::read(session), event }.flags();
            flags.map(char::from).iter().collect::<String>()
        };
        let forged = Session::Rejected(Rejection::Unopened(OpenError::Forged));
        for (session, event, flags) in [
            (&Session::None, Some(Event::Started), "NI"),
            (&Session::None, None, "NN"),
            (&forged, Some(Event::NotStartedSealing), "IF"),
            (&Session::Rejected(Rejection::Expired), Some(Event::Started), "OI"),
            (&Session::Rejected(Rejection::Idle), Some(Event::Started), "EI"),
            (&Session::Lost, Some(Event::Moved), "DM"),
            (&Session::Lost, Some(Event::Unavailable), "DK"),
            (&Session::Lost, Some(Event::EndedBackend), "DD"),
            (&Session::None, Some(Event::NotStartedBackend), "NN"),
            (&Session::Lost, Some(Event::RenewedPod), "DU"),
        ] {
            assert_eq!(state(session, event), flags);
            assert_eq!(
                event.is_some_and(Event::is_answered),
                flags.ends_with(['I', 'M', 'U', 'D']),
                "{flags}"
            );
        }
    }

    #[test]
    fn names_have_the_characters_that_the_tags_expect() {
        for name in NAMES {
            let valid = name.bytes().all(|byte| byte.is_ascii_lowercase() || b"_.".contains(&byte));
            assert!(valid && name.split('.').count() <= 2 && !name.contains("rule"), "{name}");
        }
    }
}
