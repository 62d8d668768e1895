//! What a token says, in lines for people.

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use session_persistence::config::{Carrier, Rule};
use session_persistence::key::{KeyId, KeyRing};
use session_persistence::session::{self, Session};
use session_persistence::time::Timestamp;
use session_persistence::token::{OpenError, Opened, Sealer, Share};

use super::rules::{RuleShares, Rules};

/// The lines about a token.
pub(super) struct Inspection {
    lines: Vec<(&'static str, String)>,
    accepted: bool,
}

impl Inspection {
    /// Looks for the rule that the token belongs to, and asks the filter's own code whether that rule accepts it.
    pub(super) fn new(token: &str, rules: &Rules, ring: &KeyRing, now: Timestamp) -> Self {
        let mut failure = OpenError::Malformed;
        for RuleShares { rule, shares } in rules.iter() {
            let sealer = Sealer::new(ring, rule.id(), rule.carrier());
            let mut tokens = sealer.opener(shares);
            match tokens.open(token.as_bytes()) {
                Ok(opened) => {
                    let share = opened.share.and_then(|position| shares.get(position));
                    let mut found = Self::of_opened(token, rule, share.map(Share::name), opened, ring, now);
                    let wrapped = tokens.take_value().len();
                    if wrapped > 0 {
                        let text = format!("{wrapped} bytes of the backend's own session header (not shown)");
                        found.lines.push(("wraps", text));
                    }
                    return found;
                }
                // Forged for one rule says the most: the key is known.
                Err(OpenError::Forged) => failure = OpenError::Forged,
                Err(error) if failure == OpenError::Malformed => failure = error,
                Err(_) => {}
            }
        }
        let mut lines = vec![("state", format!("rejected: {}", reason(failure)))];
        if failure != OpenError::Malformed {
            lines.extend(key(token, ring).map(|key| ("key", key)));
        }
        Self { lines, accepted: false }
    }

    fn of_opened(
        token: &str,
        rule: &Rule,
        share: Option<&str>,
        opened: Opened,
        ring: &KeyRing,
        now: Timestamp,
    ) -> Self {
        let contents = opened.contents.clone();
        let verdict = session::pin(rule, opened, now);
        let state = match &verdict {
            Ok(Session::Lost) if rule.is_strict() => {
                String::from("accepted, but its pod is gone: its requests get 503")
            }
            Ok(Session::Lost) => String::from("accepted, but its pod is gone: it moves to another one"),
            Ok(_) => String::from("accepted"),
            Err(rejection) => format!("rejected: {rejection}"),
        };
        let carrier = match rule.carrier() {
            Carrier::Cookie(cookie) => format!("cookie {}", cookie.name.as_str()),
            Carrier::Header(header) => format!("header {}", header.name.as_str()),
        };
        let end = |since: Timestamp, timeout: Option<session_persistence::config::Timeout>| {
            timeout.map(|timeout| since.unix_seconds().saturating_add(timeout.seconds()))
        };
        let ends =
            [end(contents.issued, rule.absolute_timeout()), end(contents.last_seen, rule.idle_timeout())];
        let expires = ends.into_iter().flatten().min().map(Timestamp::from_unix_seconds);
        let mut lines = vec![("state", state), ("rule", rule.id().to_string()), ("carrier", carrier)];
        lines.extend(share.map(|share| ("share", share.to_owned())));
        if let Some(pod) = contents.identity {
            let name = rule.pods().name_of(pod).unwrap_or("not among the pods of the rule");
            lines.push(("pod", name.to_owned()));
        }
        lines.extend([
            ("endpoint", contents.endpoint.to_string()),
            ("issued", at(contents.issued, now)),
            ("last seen", at(contents.last_seen, now)),
            ("expires", expires.map_or_else(|| String::from("never"), |expires| at(expires, now))),
        ]);
        lines.extend(key(token, ring).map(|key| ("key", key)));
        Self { lines, accepted: verdict.is_ok() }
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.accepted
    }
}

/// Why a token does not open, with what to look at.
fn reason(failure: OpenError) -> &'static str {
    match failure {
        OpenError::Malformed => "it is not a token, or was cut short",
        OpenError::UnknownKey => "its key is not in SESSION_KEYS",
        OpenError::Forged => {
            "it was changed, or issued for a rule, cookie or header that is not among these rules"
        }
    }
}

/// The id of the key that sealed a token, and its place in the list.
fn key(token: &str, ring: &KeyRing) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let id = KeyId(*bytes.get(1..)?.first_chunk()?);
    let hex = |id: KeyId| {
        id.0.iter().fold(String::new(), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
    };
    let position = ring.keys().position(|known| known.id() == id);
    let count = ring.keys().count();
    let place = match position {
        Some(0) => format!("key 1 of {count} in SESSION_KEYS, which seals"),
        Some(place) => format!("key {} of {count} in SESSION_KEYS, which only opens", place + 1),
        None => {
            let known: Vec<String> = ring.keys().map(|known| hex(known.id())).collect();
            format!("not in SESSION_KEYS, which has {}", known.join(", "))
        }
    };
    Some(format!("{} ({place})", hex(id)))
}

/// A point in time, and how far away it is.
fn at(time: Timestamp, now: Timestamp) -> String {
    let seconds = Duration::from_secs(time.unix_seconds());
    let Some(date) = SystemTime::UNIX_EPOCH.checked_add(seconds) else {
        return format!("{} seconds after 1970", time.unix_seconds());
    };
    let date = humantime::format_rfc3339_seconds(date);
    let (past, future) = (now.seconds_since(time), time.seconds_since(now));
    let span = |seconds| humantime::format_duration(Duration::from_secs(seconds));
    match (past, future) {
        (0, 0) => format!("{date} (now)"),
        (0, ahead) => format!("{date} (in {})", span(ahead)),
        (past, _) => format!("{date} ({} ago)", span(past)),
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, text) in &self.lines {
            writeln!(f, "{:<11}{text}", format!("{name}:"))?;
        }
        Ok(())
    }
}
