//! What the filter counts, logs and shows of a session.

use crate::exchange::{Answer, Request, Response};
use crate::plugin::Plugin;
use crate::sample::{
    BLUE, Browser, COOKIE, Client as _, GREEN, HEADER, KEY, NEW_KEY, START, plugin, plugin_with_keys,
};

const ID: &str = "default/cookie@4f2a9c0d71b6e835";

/// A visit with this cookie, served by this endpoint.
fn visit(plugin: &mut Plugin, token: Option<&str>, served_by: &str) -> Answer {
    let request = Request::to(COOKIE);
    let request = match token {
        Some(token) => request.header("cookie", format!("Session-A={token}")),
        None => request,
    };
    plugin.exchange(request, Response::from_endpoint(served_by)).1
}

fn state(answer: &Answer) -> Option<&str> {
    answer.filter_state.get("session_persistence_state").map(|flags| str::from_utf8(flags).unwrap())
}

/// A token with another end, so that its tag is wrong.
fn forge(token: &str) -> String {
    let (start, end) = token.split_at(token.len() - 4);
    let other = if end == "AAAA" { "BBBB" } else { "AAAA" };
    format!("{start}{other}")
}

#[test]
fn counters_are_defined_by_their_first_event() {
    let mut plugin = plugin();
    assert_eq!(plugin.counters(), [""; 0]);
    let token = Browser::token(&visit(&mut plugin, None, BLUE)).unwrap();
    visit(&mut plugin, None, BLUE);
    visit(&mut plugin, Some(&token), BLUE);
    plugin.exchange(Request::to(HEADER), Response::from_endpoint(BLUE));
    let header = "session_persistence.started.rule.default/header@4f2a9c0d71b6e835";
    assert_eq!(plugin.counters(), [&format!("session_persistence.started.rule.{ID}"), header]);
    assert_eq!(plugin.counted("started"), 3);
}

#[test]
fn plugins_of_one_rule_share_its_counters() {
    let rule = format!(r#"{{"rule": {{"id": "{ID}", "cookie": {{"name": "Session-A"}}}}}}"#);
    let mut plugin = Plugin::start(Some(KEY), rule.clone(), START).unwrap();
    visit(&mut plugin, None, BLUE);
    plugin.listen(rule).unwrap();
    let answer = visit(&mut plugin, None, BLUE);
    assert_eq!(plugin.counted("started"), 2);
    let defined = answer.costs.calls.iter().filter(|call| call.function == "define_metric");
    assert_eq!(defined.count(), 0, "{:?}", answer.costs.calls);
}

#[test]
fn events_and_states_of_a_session() {
    let mut plugin = plugin_with_keys(KEY);
    let first = visit(&mut plugin, None, BLUE);
    assert_eq!(state(&first), Some("NI"));
    let token = Browser::token(&first).unwrap();
    let back = visit(&mut plugin, Some(&token), BLUE);
    assert_eq!(state(&back), None, "a session that continues costs no call");
    assert_eq!(state(&visit(&mut plugin, Some(&token), GREEN)), Some("VM"));
    plugin.wait(50);
    assert_eq!(state(&visit(&mut plugin, Some(&token), BLUE)), Some("VU"));
    plugin.wait(50);
    assert_eq!(state(&visit(&mut plugin, Some(&token), BLUE)), Some("EI"));
    plugin.wait(3_500);
    assert_eq!(state(&visit(&mut plugin, Some(&token), BLUE)), Some("OI"));
    assert_eq!(state(&visit(&mut plugin, Some(&forge(&token)), BLUE)), Some("II"));
    let (_, local) = plugin.exchange(Request::to(COOKIE), Response::local());
    assert_eq!(state(&local), Some("NN"));

    let mut rotated = plugin_with_keys(&format!("{NEW_KEY},{KEY}"));
    assert_eq!(state(&visit(&mut rotated, Some(&token), BLUE)), Some("VU"));
    for (plugin, expected) in [
        (&plugin, &[("started", 4), ("moved", 1), ("renewed.idle", 1)][..]),
        (&plugin, &[("rejected.idle", 1), ("rejected.expired", 1), ("rejected.forged", 1)]),
        (&rotated, &[("renewed.key", 1), ("renewed.idle", 0), ("started", 0)]),
    ] {
        for (event, count) in expected {
            assert_eq!(plugin.counted(event), *count, "{event}: {:?}", plugin.counters());
        }
    }
}

fn warnings(plugin: &Plugin) -> Vec<&str> {
    plugin.log().iter().filter(|line| line.level >= 3).map(|line| line.text.as_str()).collect()
}

#[test]
fn ten_thousand_forged_tokens_are_one_warning_a_minute() {
    let mut plugin = plugin();
    let token = Browser::token(&visit(&mut plugin, None, BLUE)).unwrap();
    let forged = forge(&token);
    let lines = plugin.log().len();
    for number in 0..10_000 {
        visit(&mut plugin, Some(&forged), BLUE);
        if number % 200 == 199 {
            // 50 seconds in all.
            plugin.wait(1);
        }
    }
    let warning = format!("{ID}: token rejected: it was changed, or issued for another rule");
    assert_eq!(warnings(&plugin), [warning.as_str()]);
    assert_eq!(plugin.log().len(), lines + 1, "not even at level debug");
    assert_eq!(plugin.counted("rejected.forged"), 10_000);

    plugin.wait(10);
    for _ in 0..3 {
        visit(&mut plugin, Some(&forged), BLUE);
    }
    let second = format!("{warning} (9999 more since the last such message)");
    assert_eq!(warnings(&plugin), [warning.as_str(), &second]);
}

#[test]
fn each_cause_has_its_own_warning() {
    let mut other = plugin_with_keys(NEW_KEY);
    let unknown = Browser::token(&visit(&mut other, None, BLUE)).unwrap();
    let mut plugin = plugin();
    let token = Browser::token(&visit(&mut plugin, None, BLUE)).unwrap();
    for token in [&unknown, &forge(&token), "nonsense", &unknown, &forge(&token)] {
        visit(&mut plugin, Some(token), BLUE);
    }
    let expected = [
        format!("{ID}: token rejected: its key is not among ours"),
        format!("{ID}: token rejected: it was changed, or issued for another rule"),
    ];
    assert_eq!(warnings(&plugin), expected);
    for line in plugin.log() {
        for secret in [&unknown, &token, KEY] {
            assert!(!line.text.contains(secret), "{line:?}");
        }
    }
}
