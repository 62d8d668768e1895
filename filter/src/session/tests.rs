//! The decision table, row by row, and the ends of a session.

use super::*;
use crate::config::{Carrier, Cookie, CookiePath, Header, Lifetime, RuleId};
use crate::key::{Key, KeyRing};
use crate::test;
use crate::token::Sealer;

const START: u64 = 1_700_000_000;
const A: &str = "10.0.0.1:80";
const B: &str = "10.0.0.2:80";

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_seconds(START + seconds)
}

fn endpoint(text: &str) -> Endpoint {
    Endpoint::parse(text.as_bytes()).unwrap()
}

fn timeout(seconds: u32) -> Option<Timeout> {
    (seconds > 0).then(|| Timeout::try_from(format!("{seconds}s")).unwrap())
}

/// A rule with these timeouts in seconds; 0 for none.
fn rule(absolute: u32, idle: u32) -> Rule {
    let name = "sid".to_owned().try_into().unwrap();
    let lifetime = if absolute > 0 { Lifetime::Permanent } else { Lifetime::Session };
    let carrier = Carrier::Cookie(Cookie::new(name, CookiePath::default(), lifetime));
    let id = RuleId::try_from("default/shop".to_owned()).unwrap();
    Rule::new(id, carrier, timeout(absolute), timeout(idle)).unwrap()
}

fn sealer(rule: &Rule, secrets: &[u8]) -> Sealer {
    let mut keys = secrets.iter().map(|&byte| Key::new([byte; 32]));
    Sealer::new(&KeyRing::new(keys.next().unwrap(), keys), rule.id(), rule.carrier())
}

fn token(rule: &Rule, issued: u64, last_seen: u64) -> String {
    let contents =
        Contents { issued: at(issued), last_seen: at(last_seen), endpoint: endpoint(A), identity: None };
    sealer(rule, &[1]).seal(&contents, None, &[7; 24]).unwrap()
}

fn request(rule: &Rule, tokens: &[&str], now: u64) -> Session {
    request_with(rule, &sealer(rule, &[1]), tokens, now)
}

fn request_with(rule: &Rule, sealer: &Sealer, tokens: &[&str], now: u64) -> Session {
    let mut opener = sealer.opener(&[]);
    let mut read = |token: &&str| pin(rule, opener.open(token.as_bytes())?, at(now));
    let mut session = Session::None;
    for token in tokens {
        session.add(read(token));
    }
    session
}

fn pinned(rule: &Rule, tokens: &[&str], now: u64) -> Pinned {
    match request(rule, tokens, now) {
        Session::Pinned(pinned) => pinned,
        other => panic!("{other}"),
    }
}

fn issued(session: &Session, served_by: Option<&str>, rule: &Rule, now: u64) -> Option<Due> {
    on_response(rule, session, served_by.map(endpoint)).and_then(|issue| issue.at(at(now), rule))
}

fn fresh(at_second: u64, endpoint_text: &str, seconds_left: Option<u64>) -> Due {
    let contents = Contents {
        issued: at(at_second),
        last_seen: at(at_second),
        endpoint: endpoint(endpoint_text),
        identity: None,
    };
    Due { contents, seconds_left }
}

#[test]
fn a_request_without_a_token_starts_a_session_on_the_endpoint_that_serves_it() {
    let rule = rule(10, 0);
    let session = request(&rule, &[], 0);
    assert_eq!(session, Session::None);
    assert_eq!(issued(&session, Some(B), &rule, 3), Some(fresh(3, B, Some(10))));
}

#[test]
fn a_session_that_stays_on_its_endpoint_gets_no_new_token() {
    let rule = rule(10, 0);
    let session = Session::Pinned(pinned(&rule, &[&token(&rule, 0, 0)], 9));
    assert_eq!(issued(&session, Some(A), &rule, 9), None);
}

#[test]
fn a_session_moves_to_the_endpoint_that_serves_it_with_a_new_issue_time() {
    let rule = rule(10, 0);
    let session = Session::Pinned(pinned(&rule, &[&token(&rule, 0, 0)], 9));
    assert_eq!(on_response(&rule, &session, Some(endpoint(B))), Some(Issue::Moved(endpoint(B))));
    assert_eq!(issued(&session, Some(B), &rule, 9), Some(fresh(9, B, Some(10))));
}

#[test]
fn a_strict_session_never_moves() {
    let rule = rule(10, 5).strict();
    let session = Session::Pinned(pinned(&rule, &[&token(&rule, 0, 0)], 1));
    assert!(session.is_held_by(&rule));
    assert_eq!(issued(&session, Some(B), &rule, 1), None);
    // It is refreshed, and a request without a session starts one, as with other rules.
    assert!(issued(&session, Some(A), &rule, 1).is_some());
    let expired = request(&rule, &[&token(&rule, 0, 0)], 10);
    for new in [Session::None, expired] {
        assert!(!new.is_held_by(&rule));
        assert_eq!(issued(&new, Some(B), &rule, 10), Some(fresh(10, B, Some(10))));
    }
}

#[test]
fn a_local_reply_issues_nothing() {
    let rule = rule(10, 0);
    for session in
        [request(&rule, &[], 0), request(&rule, &["x"], 0), request(&rule, &[&token(&rule, 0, 0)], 0)]
    {
        assert_eq!(issued(&session, None, &rule, 0), None, "{session}");
    }
}

#[test]
fn a_rejected_token_is_replaced() {
    let rule = rule(10, 0);
    let session = request(&rule, &["garbage"], 0);
    assert_eq!(session, Session::Rejected(Rejection::Unopened(OpenError::Malformed)));
    assert_eq!(issued(&session, Some(A), &rule, 0), Some(fresh(0, A, Some(10))));
}

#[test]
fn resealing_with_a_new_key_does_not_extend_the_session() {
    let rule = rule(10, 0);
    let old = token(&rule, 0, 0);
    let session = request_with(&rule, &sealer(&rule, &[2, 1]), &[&old], 4);
    let due = issued(&session, Some(A), &rule, 5).unwrap();
    assert_eq!(
        due.contents,
        Contents { issued: at(0), last_seen: at(5), endpoint: endpoint(A), identity: None }
    );
    assert_eq!(due.seconds_left, Some(5));
}

#[test]
fn the_absolute_timeout_ends_a_session_to_the_second() {
    let rule = rule(10, 0);
    let token = token(&rule, 0, 9);
    assert_eq!(pinned(&rule, &[&token], 9).endpoint, endpoint(A));
    assert_eq!(request(&rule, &[&token], 10), Session::Rejected(Rejection::Expired));
    assert_eq!(request(&rule, &[&token], 1_000_000), Session::Rejected(Rejection::Expired));
}

#[test]
fn a_session_without_timeouts_never_ends() {
    let rule = rule(0, 0);
    let session = request(&rule, &[&token(&rule, 0, 0)], 100 * 365 * 86_400);
    assert!(matches!(session, Session::Pinned(_)), "{session}");
    assert_eq!(issued(&session, Some(A), &rule, 0), None);
}

#[test]
fn the_idle_timeout_ends_unused_sessions() {
    let rule = rule(0, 100);
    let token = token(&rule, 0, 50);
    assert_eq!(pinned(&rule, &[&token], 149).endpoint, endpoint(A));
    assert_eq!(request(&rule, &[&token], 150), Session::Rejected(Rejection::Idle));
}

#[test]
fn the_last_seen_time_is_refreshed_after_a_tenth_of_the_idle_timeout() {
    let rule = rule(1000, 100);
    let token = token(&rule, 0, 50);
    let early = Session::Pinned(pinned(&rule, &[&token], 59));
    assert_eq!(issued(&early, Some(A), &rule, 59), None);
    let late = Session::Pinned(pinned(&rule, &[&token], 60));
    let due = issued(&late, Some(A), &rule, 60).unwrap();
    assert_eq!(
        due.contents,
        Contents { issued: at(0), last_seen: at(60), endpoint: endpoint(A), identity: None }
    );
    assert_eq!(due.seconds_left, Some(940));
}

#[test]
fn a_short_idle_timeout_is_not_refreshed_within_the_same_second() {
    let rule = rule(0, 2);
    let token = token(&rule, 0, 5);
    assert_eq!(issued(&Session::Pinned(pinned(&rule, &[&token], 5)), Some(A), &rule, 5), None);
    assert!(issued(&Session::Pinned(pinned(&rule, &[&token], 6)), Some(A), &rule, 6).is_some());
}

#[test]
fn refreshing_never_extends_the_absolute_timeout() {
    let rule = rule(100, 50);
    let mut token = token(&rule, 0, 0);
    let mut now = 0;
    while let Session::Pinned(pinned) = request(&rule, &[&token], now) {
        if let Some(due) = issued(&Session::Pinned(pinned), Some(A), &rule, now) {
            assert_eq!(due.seconds_left, Some(100 - now));
            token = sealer(&rule, &[1]).seal(&due.contents, None, &[8; 24]).unwrap();
        }
        now += 1;
    }
    assert_eq!(now, 100);
    assert_eq!(request(&rule, &[&token], now), Session::Rejected(Rejection::Expired));
}

#[test]
fn a_session_that_ends_while_its_request_is_served_is_not_issued_again() {
    let rule = rule(100, 50);
    let session = Session::Pinned(pinned(&rule, &[&token(&rule, 0, 60)], 99));
    assert_eq!(issued(&session, Some(A), &rule, 100), None);
    assert_eq!(issued(&session, Some(B), &rule, 100), Some(fresh(100, B, Some(100))));
}

#[test]
fn tokens_can_be_dated_up_to_a_minute_in_the_future() {
    let rule = rule(10, 10);
    let ahead = token(&rule, CLOCK_SKEW, CLOCK_SKEW);
    assert_eq!(pinned(&rule, &[&ahead], 0).endpoint, endpoint(A));
    let too_far = token(&rule, CLOCK_SKEW + 1, CLOCK_SKEW + 1);
    assert_eq!(request(&rule, &[&too_far], 0), Session::Rejected(Rejection::FutureDated));
    let seen_too_far = token(&rule, 0, CLOCK_SKEW + 1);
    assert_eq!(request(&rule, &[&seen_too_far], 0), Session::Rejected(Rejection::FutureDated));
}

#[test]
fn a_slow_clock_does_not_set_back_the_last_seen_time() {
    let rule = rule(0, 100);
    let old = token(&rule, 0, 30);
    let session = request_with(&rule, &sealer(&rule, &[2, 1]), &[&old], 20);
    assert_eq!(issued(&session, Some(A), &rule, 20).unwrap().contents.last_seen, at(30));
}

#[test]
fn the_first_valid_token_is_used_at_any_position() {
    let rule = rule(10, 0);
    let (good, expired) = (token(&rule, 5, 5), token(&rule, 0, 0));
    assert_eq!(pinned(&rule, &["garbage", &expired, &good], 12).endpoint, endpoint(A));
    assert_eq!(request(&rule, &[&expired, "garbage"], 12), Session::Rejected(Rejection::Expired));
}

#[test]
fn changed_timeouts_apply_to_existing_sessions() {
    let (before, shortened) = (rule(1000, 0), rule(10, 0));
    let token = token(&before, 0, 0);
    assert!(matches!(request(&before, &[&token], 20), Session::Pinned(_)));
    assert_eq!(request(&shortened, &[&token], 20), Session::Rejected(Rejection::Expired));
}

#[test]
fn the_access_log_shows_the_kind_of_session() {
    let rule = rule(10, 0);
    assert_eq!(request(&rule, &[], 0).to_string(), "none");
    assert_eq!(request(&rule, &[&token(&rule, 0, 0)], 0).to_string(), "10.0.0.1:80");
    assert_eq!(
        request(&rule, &[&token(&rule, 0, 0)], 10).to_string(),
        "refused: its absolute timeout has passed"
    );
    assert_eq!(request(&rule, &[""], 0).to_string(), "refused: it is not a token");
}

#[test]
fn header_sessions_end_like_cookie_sessions() {
    let id = RuleId::try_from("default/header".to_owned()).unwrap();
    let carrier =
        Carrier::Header(Header { name: "session-a".to_owned().try_into().unwrap(), removed_by_route: false });
    let rule = Rule::new(id, carrier, timeout(10), None).unwrap();
    let token = token(&rule, 0, 0);
    assert!(matches!(request(&rule, &[&token], 9), Session::Pinned(_)));
    assert_eq!(request(&rule, &[&token], 10), Session::Rejected(Rejection::Expired));
}

#[test]
fn a_session_ends_if_its_endpoint_cannot_be_connected_to() {
    let rule = rule(10, 0);
    let session = request(&rule, &[&token(&rule, 0, 0)], 0);
    assert!(session.is_on(Some(&endpoint(A))));
    assert!(!session.is_on(Some(&endpoint(B))) && !session.is_on(None));
    assert!(!Session::None.is_on(Some(&endpoint(A))));
    for (details, ends) in [
        ("remote_connection_failure|delayed_connect_error:_Connection_refused}", true),
        ("local_connection_failure}", true),
        ("connection_timeout}", true),
        ("connection_termination}", false),
        ("remote_reset}", false),
        ("overflow}", false),
    ] {
        let details = format!("upstream_reset_before_response_started{{{details}");
        assert_eq!(Session::ends_with(details.as_bytes()), ends, "{details}");
    }
    assert!(Session::ends_with(b"request_payload_exceeded_retry_buffer_limit"));
    for details in [
        "via_upstream",
        "upstream_response_timeout",
        "request_payload_too_large",
        "remote_connection_failure",
        "",
    ] {
        assert!(!Session::ends_with(details.as_bytes()), "{details}");
    }
}

mod identities {
    use super::*;
    use crate::config::Pods;
    use crate::test;

    const P: &str = "game/game-0";
    const Q: &str = "game/game-1";

    /// A rule whose sessions last for 10 seconds, with these pods.
    fn rule(pods: &[(&str, &[&str])]) -> Rule {
        let address = |text: &&str| text.parse().unwrap();
        let pods = pods
            .iter()
            .map(|(name, addresses)| ((*name).to_owned(), addresses.iter().map(address).collect()));
        super::rule(10, 0).with_pods(Pods::new(pods).unwrap())
    }

    fn contents(issued: u64, last_seen: u64, address: &str, pod: Option<&str>) -> Contents {
        Contents {
            issued: at(issued),
            last_seen: at(last_seen),
            endpoint: endpoint(address),
            identity: pod.map(Identity::of),
        }
    }

    /// The session of a token for this pod at address A, issued at second 0.
    fn session(rule: &Rule, pod: Option<&str>, now: u64) -> Session {
        let token = sealer(rule, &[1]).seal(&contents(0, 0, A, pod), None, &[7; 24]).unwrap();
        pin(rule, sealer(rule, &[1]).open(token.as_bytes()).unwrap(), at(now)).unwrap()
    }

    #[test]
    fn a_new_token_names_the_pod_that_serves() {
        let rule = rule(&[(P, &[A]), (Q, &[B])]);
        let due = issued(&Session::None, Some(B), &rule, 3).unwrap();
        assert_eq!(due.contents, contents(3, 3, B, Some(Q)));
        let due = issued(&Session::None, Some("10.0.0.3:80"), &rule, 3).unwrap();
        assert_eq!(due.contents, contents(3, 3, "10.0.0.3:80", None));
    }

    #[test]
    fn a_session_whose_pod_stays_gets_no_new_token() {
        let rule = rule(&[(P, &[A]), (Q, &[B])]);
        let session = session(&rule, Some(P), 9);
        assert_eq!(session.to_string(), A);
        assert_eq!(issued(&session, Some(A), &rule, 9), None);
    }

    #[test]
    fn a_session_follows_its_pod_and_ends_when_it_would_have_ended() {
        // Another pod has the address now, or none.
        for rule in [rule(&[(P, &[B]), (Q, &[A])]), rule(&[(P, &[B])])] {
            let session = session(&rule, Some(P), 4);
            assert_eq!(session.to_string(), B);
            let due = issued(&session, Some(B), &rule, 5).unwrap();
            assert_eq!((due.contents, due.seconds_left), (contents(0, 5, B, Some(P)), Some(5)));
        }
    }

    #[test]
    fn a_session_is_lost_if_its_pod_is_gone_whoever_has_the_address() {
        for rule in [rule(&[(Q, &[A])]), rule(&[(Q, &[B])]), rule(&[])] {
            let session = session(&rule, Some(P), 4);
            assert_eq!(session, Session::Lost);
            assert_eq!((session.endpoint(), session.is_on(Some(&endpoint(A)))), (None, false));
            assert_eq!(session.to_string(), "lost: its pod is gone");
            // A stranger at the old address is a new endpoint, too.
            for served_by in [A, B] {
                let issue = on_response(&rule, &session, Some(endpoint(served_by)));
                assert_eq!(issue, Some(Issue::Moved(endpoint(served_by))));
                let due = issued(&session, Some(served_by), &rule, 5).unwrap();
                let identity = rule.pods().identity_of(&endpoint(served_by));
                assert_eq!(due.contents, Contents { identity, ..contents(5, 5, served_by, None) });
            }
            assert_eq!(on_response(&rule, &session, None), None);
        }
    }

    #[test]
    fn a_lost_session_still_has_timeouts() {
        let rule = rule(&[]);
        let token = sealer(&rule, &[1]).seal(&contents(0, 0, A, Some(P)), None, &[7; 24]).unwrap();
        let opened = sealer(&rule, &[1]).open(token.as_bytes()).unwrap();
        assert_eq!(pin(&rule, opened, at(10)), Err(Rejection::Expired));
    }

    #[test]
    fn a_token_without_a_pod_is_issued_again_with_it() {
        let known = rule(&[(P, &[A])]);
        let adopted = session(&known, None, 4);
        assert_eq!(adopted.to_string(), A);
        let due = issued(&adopted, Some(A), &known, 5).unwrap();
        assert_eq!((due.contents, due.seconds_left), (contents(0, 5, A, Some(P)), Some(5)));
        // The pod of its address is not known, but those of others are.
        let others = rule(&[(Q, &[B])]);
        let session = session(&others, None, 4);
        assert_eq!(session.to_string(), A);
        assert_eq!(issued(&session, Some(A), &others, 5), None);
    }

    #[test]
    fn another_address_of_the_same_pod_is_no_move() {
        let rule = rule(&[(P, &[A, "10.0.0.1:81"]), (Q, &[B])]);
        let session = session(&rule, Some(P), 4);
        let due = issued(&session, Some("10.0.0.1:81"), &rule, 5).unwrap();
        assert_eq!(due.contents, contents(0, 5, "10.0.0.1:81", Some(P)));
        let due = issued(&session, Some(B), &rule, 5).unwrap();
        assert_eq!(due.contents, contents(5, 5, B, Some(Q)));
    }

    #[test]
    fn two_endpoints_without_pods_are_different() {
        let rule = rule(&[(Q, &["10.0.0.9:80"])]);
        let session = session(&rule, None, 4);
        let due = issued(&session, Some(B), &rule, 5).unwrap();
        assert_eq!(due.contents, contents(5, 5, B, None));
    }

    #[test]
    fn a_strict_session_whose_pod_is_gone_keeps_its_token() {
        let strict = rule(&[(Q, &[A])]).strict();
        let session = session(&strict, Some(P), 4);
        assert_eq!(session, Session::Lost);
        assert!(session.is_held_by(&strict) && !session.is_held_by(&rule(&[])));
        for served_by in [None, Some(A)] {
            assert_eq!(issued(&session, served_by, &strict, 5), None);
        }
    }
}
