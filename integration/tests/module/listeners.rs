//! Several listeners: Envoy runs their plugins in one VM.

use crate::exchange::Response;
use crate::sample::{BLUE, Browser, CONFIGURATION, Client, GREEN, begin, come_back, plugin};

/// The route of the cookie rule belongs to another rule here.
const OTHER: &str = r#"{"rules": {
    "default/cookie/0/0": {"id": "other", "cookie": {"name": "Session-A"}}
}}"#;

#[test]
fn listeners_have_separate_rules() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    let first = plugin.listen(OTHER).unwrap();
    assert_eq!(plugin.request(Browser::back(&token)).pin(), None);
    let other = begin::<Browser>(&mut plugin, GREEN);
    plugin.switch_to(first);
    assert_eq!(plugin.request(Browser::back(&token)).pin().as_deref(), Some(BLUE));
    assert_eq!(plugin.request(Browser::back(&other)).pin(), None);
}

#[test]
fn listeners_with_the_same_rule_share_sessions() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    plugin.listen(CONFIGURATION).unwrap();
    assert_eq!(come_back::<Browser>(&mut plugin, &token).0.pin().as_deref(), Some(BLUE));
}

#[test]
fn rejected_listeners_do_not_affect_others() {
    let mut plugin = plugin();
    let token = begin::<Browser>(&mut plugin, BLUE);
    plugin.listen("no JSON").unwrap_err();
    assert_eq!(come_back::<Browser>(&mut plugin, &token).0.pin().as_deref(), Some(BLUE));
}

#[test]
fn requests_outlive_their_listener() {
    let mut plugin = plugin();
    let under_way = plugin.request(Browser::first());
    let first = plugin.listen(OTHER).unwrap();
    plugin.switch_to(first);
    plugin.stop_listening();
    let answer = plugin.respond(&under_way, Response::from_endpoint(BLUE));
    assert!(Browser::token(&answer).is_some());
}
