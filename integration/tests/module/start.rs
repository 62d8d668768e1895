//! Start: invalid keys or configuration stop Envoy with a message that names the error.

use crate::plugin::{Plugin, Refused};
use crate::sample::{CONFIGURATION, KEY, NEW_KEY, START};

const ERROR: u32 = 4;

/// The one error that a refused start logs.
fn refusal(keys: Option<&str>, configuration: impl AsRef<[u8]>) -> String {
    let started = Plugin::start(keys, configuration.as_ref(), START);
    let Err(Refused { log }) = started else { panic!("{keys:?} started") };
    let errors: Vec<_> = log.into_iter().filter(|line| line.level >= ERROR).collect();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.into_iter().map(|line| line.text).collect()
}

/// A configuration with one rule of this text.
fn with_rule(fields: &str) -> String {
    format!(r#"{{"rules": {{"ns/route/0/0": {{{fields}}}}}}}"#)
}

#[test]
fn valid_keys_and_configuration_start_without_warnings() {
    for keys in [KEY, "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", &format!("{NEW_KEY}, {KEY}\n")] {
        for configuration in [CONFIGURATION, r#"{"rules": {}}"#] {
            let plugin = Plugin::start(Some(keys), configuration, START).unwrap();
            let complaints = plugin.log().iter().filter(|line| line.level > 2);
            assert_eq!(complaints.count(), 0, "{:?}", plugin.log());
        }
    }
}

#[test]
fn missing_keys_are_rejected_with_instructions() {
    for keys in [None, Some(""), Some(" \n")] {
        let message = refusal(keys, CONFIGURATION);
        for part in ["SESSION_KEYS", "openssl rand -hex 32", "host_env_keys"] {
            assert!(message.contains(part), "{part}: {message}");
        }
    }
}

#[test]
fn malformed_keys_are_rejected_without_leaking_them() {
    let short = KEY.get(..62).unwrap();
    let not_hex = KEY.replace('f', "x");
    for (keys, place) in [
        (short.to_owned(), "key 1 of 1"),
        (not_hex, "key 1 of 1"),
        (format!("{KEY}00"), "key 1 of 1"),
        (format!("{KEY},"), "key 2 of 2"),
        (format!("{KEY},{short}"), "key 2 of 2"),
        (format!("{KEY},{NEW_KEY},{KEY}"), "key 3 of 3"),
        (format!("{KEY},S\u{e9}same ouvre-toi"), "key 2 of 2"),
    ] {
        let message = refusal(Some(&keys), CONFIGURATION);
        assert!(message.contains("SESSION_KEYS") && message.contains(place), "{message}");
        // Four characters of a key may stand in a message by chance (`0000`), eight may not.
        let shown =
            keys.as_bytes().windows(8).find(|part| message.as_bytes().windows(8).any(|shown| shown == *part));
        assert_eq!(shown.map(<[u8]>::escape_ascii).map(|part| part.to_string()), None, "{message}");
    }
}

#[test]
fn invalid_configuration_is_rejected_with_the_field_path() {
    const COOKIE: &str = r#""cookie": {"name": "a"}"#;
    const HEADER: &str = r#""header": {"name": "b"}"#;
    let cookie = |more: &str| with_rule(&format!(r#""id": "i", "cookie": {{"name": "a"{more}}}"#));
    let timeout = |field: &str, text: &str| with_rule(&format!(r#""id": "i", {COOKIE}, "{field}": {text}"#));
    let cases = [
        (String::new(), ".", "EOF"),
        (String::from("rules: {}"), ".", "expected value"),
        (String::from("[]"), ".", "expected an object, found a list"),
        (String::from("{}"), ".", "the field `rule` or `rules` is missing"),
        (String::from(r#"{"rules": []}"#), "rules", "expected an object, found a list"),
        (String::from(r#"{"rules": {}, "ruls": {}}"#), "ruls", "unknown field"),
        (String::from(r#"{"rules": {}, "rule": {}}"#), "rules", "cannot be combined with `rule`"),
        (String::from(r#"{"rules": {}} {}"#), ".", "trailing characters"),
        (with_rule(COOKIE), "rules.ns/route/0/0", "the field `id` is missing"),
        (with_rule(&format!(r#""id": "", {COOKIE}"#)), "rules.ns/route/0/0.id", "invalid rule id"),
        (with_rule(r#""id": "i""#), "rules.ns/route/0/0", "needs a `cookie` or a `header`"),
        (with_rule(&format!(r#""id": "i", {COOKIE}, {HEADER}"#)), "rules.ns/route/0/0", "not in both"),
        (with_rule(r#""id": "i", "cookie": {}"#), "rules.ns/route/0/0.cookie", "the field `name` is missing"),
        (
            with_rule(r#""id": "i", "cookie": {"name": "a b"}"#),
            "rules.ns/route/0/0.cookie.name",
            "' ' is not allowed",
        ),
        (
            with_rule(r#""id": "i", "header": {"name": "Cookie"}"#),
            "rules.ns/route/0/0.header.name",
            "is reserved",
        ),
        (cookie(r#", "path": "x""#), "rules.ns/route/0/0.cookie.path", "start with `/`"),
        (cookie(r#", "path": "/;x""#), "rules.ns/route/0/0.cookie.path", "';'"),
        (cookie(r#", "lifetime": "forever""#), "rules.ns/route/0/0.cookie.lifetime", "\"forever\""),
        (cookie(r#", "lifetime": "permanent""#), "rules.ns/route/0/0", "needs an `absolute_timeout`"),
        (cookie(r#", "secure": 1"#), "rules.ns/route/0/0.cookie.secure", "found a number"),
        (cookie(r#", "max_age": 1"#), "rules.ns/route/0/0.cookie.max_age", "unknown field"),
        (timeout("absolute_timeout", "10"), "rules.ns/route/0/0.absolute_timeout", "found a number"),
        (timeout("absolute_timeout", "\"0s\""), "rules.ns/route/0/0.absolute_timeout", "\"0s\""),
        (timeout("idle_timeout", "\"1h\""), "rules.ns/route/0/0.idle_timeout", "\"1h\""),
    ];
    for (configuration, path, problem) in cases {
        let message = refusal(Some(KEY), &configuration);
        let (place, what) = message.split_once("`: ").unwrap();
        assert!(place.ends_with(&format!("at `{path}")), "{configuration}: {message}");
        assert!(what.contains(problem), "{configuration}: {message}");
    }
}

#[test]
fn arbitrary_configuration_bytes_are_rejected_without_a_trap() {
    let deep = format!(r#"{{"rules": {{"a": {}"#, "[".repeat(100_000));
    for configuration in
        [&b"\xff\xfe"[..], b"\0", b"{\"rules\": {\"\xff\": {}}}", deep.as_bytes(), &b" ".repeat(100_000)]
    {
        refusal(Some(KEY), configuration);
    }
}

#[test]
fn keys_are_checked_before_the_configuration() {
    assert!(refusal(None, "no JSON").contains("SESSION_KEYS"));
}
