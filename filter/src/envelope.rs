//! Envelopes: tokens around the value that the backend itself gives its session header.
//!
//! Some protocols have a session header of their own, such as `Mcp-Session-Id`. The client gets a token instead of the value, and the
//! backend gets its value back. So a session starts when the backend sets the header, and the value never reaches the client.
//!
//! | session | the answer | token issued |
//! | --- | --- | --- |
//! | any | of an endpoint that sets no header | none, unless the session goes on and a new token is due: around the old value |
//! | pinned to A | of A, with the value in the token | none, unless a new token is due |
//! | pinned to A | of A, with another value | a new session on A around the new value |
//! | pinned to A, strict rule | of B, with a value | none |
//! | any other | of B, with a value | a session on B around that value |
//!
//! [`session`](crate::session) decides what is due, and `host` removes a value that no token wraps.

use crate::endpoint::Endpoint;
use crate::session::{Issue, Session};

/// The token that a response issues, and the value in it. `issue` is what would be issued without an envelope, `held` is the value in
/// the token of the request, and `sent` is that of the backend; both are empty if there is none.
#[must_use]
pub fn on_response<'v>(
    session: &Session,
    issue: Option<Issue>,
    served_by: Option<&Endpoint>,
    held: &'v [u8],
    sent: &'v [u8],
) -> Option<(Issue, &'v [u8])> {
    if sent.is_empty() {
        // The backend starts no session. One that goes on can get a new token.
        return issue
            .filter(|issue| matches!(issue, Issue::Again(_)) && !held.is_empty())
            .map(|it| (it, held));
    }
    if sent != held && session.is_on(served_by) {
        return Some((Issue::New(served_by?.clone()), sent));
    }
    Some((issue?, sent))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Carrier, Header, Rule};
    use crate::session;
    use crate::test;
    use crate::time::Timestamp;
    use crate::token::{Contents, Opened};

    const NOW: Timestamp = Timestamp::from_unix_seconds(1_700_000_000);

    fn endpoint(text: &str) -> Endpoint {
        Endpoint::parse(text.as_bytes()).unwrap()
    }

    fn rule() -> Rule {
        let header = Header { name: "x".to_owned().try_into().unwrap(), removed_by_route: false };
        Rule::new("r".to_owned().try_into().unwrap(), Carrier::Header(header), None, None).unwrap()
    }

    /// The session of a token for `10.0.0.1:80`.
    fn pinned(older_key: bool) -> Session {
        let endpoint = endpoint("10.0.0.1:80");
        let contents = Contents { issued: NOW, last_seen: NOW, endpoint, identity: None };
        session::pin(&rule(), Opened { contents, older_key, share: None }, NOW).unwrap()
    }

    /// What an answer of this endpoint issues: the kind and the value.
    fn issued(rule: &Rule, session: &Session, from: &str, held: &str, sent: &str) -> Option<String> {
        let from = Some(endpoint(from));
        let issue = session::on_response(rule, session, from.clone());
        let (issue, value) = on_response(session, issue, from.as_ref(), held.as_bytes(), sent.as_bytes())?;
        let kind = match issue {
            Issue::New(_) => "new",
            Issue::Moved(_) => "moved",
            Issue::Again(_) => "again",
        };
        Some(format!("{kind} {}", str::from_utf8(value).unwrap()))
    }

    #[test]
    fn tokens_are_issued_around_values_of_backends() {
        let (a, b, plain) = ("10.0.0.1:80", "10.0.0.2:80", rule());
        let none = Session::None;
        for (session, from, held, sent, expected) in [
            (&none, a, "", "", None),
            (&none, a, "", "v", Some("new v")),
            (&Session::Lost, a, "v", "", None),
            (&Session::Lost, a, "v", "w", Some("moved w")),
            (&pinned(false), a, "v", "", None),
            (&pinned(false), a, "v", "v", None),
            (&pinned(false), a, "v", "w", Some("new w")),
            (&pinned(false), b, "v", "", None),
            (&pinned(false), b, "v", "v", Some("moved v")),
            (&pinned(true), a, "v", "", Some("again v")),
            (&pinned(true), a, "v", "v", Some("again v")),
            (&pinned(true), a, "v", "w", Some("new w")),
            // A token from before the rule had envelopes.
            (&pinned(true), a, "", "", None),
            (&pinned(false), a, "", "v", Some("new v")),
        ] {
            let found = issued(&plain, session, from, held, sent);
            assert_eq!(found.as_deref(), expected, "{session} from {from}: {held:?}, then {sent:?}");
        }
    }

    #[test]
    fn strict_sessions_do_not_move_to_the_value_of_another_endpoint() {
        assert_eq!(issued(&rule().strict(), &pinned(false), "10.0.0.2:80", "v", "w"), None);
    }
}
