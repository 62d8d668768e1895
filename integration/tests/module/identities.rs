//! Sessions that follow their pod: with both pins, in cookies and headers.

use base64::engine::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::exchange::{Answer, Forwarded, Response};
use crate::plugin::Plugin;
use crate::sample::{BLUE, Browser, Client, GREEN, KEY, Program, START};

const PRIVATE: &str = "x-session-persistence-override-host";

/// Two pods of a `StatefulSet`.
const PODS: &str = r#"{"game/game-0": "10.0.0.1:3000", "game/game-1": "10.0.0.2:3000"}"#;
/// `game-0` has the address of `game-1`, which is gone.
const RESTARTED: &str = r#"{"game/game-0": "10.0.0.2:3000"}"#;
/// Another pod has the address of `game-0`, which is gone.
const STRANGER: &str = r#"{"game/stranger": "10.0.0.1:3000", "game/game-1": "10.0.0.2:3000"}"#;

/// The two kinds of pin.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Pin {
    Metadata,
    StatefulSession,
}

trait Carried: Client {
    const CARRIER: &str;
}

impl Carried for Browser {
    const CARRIER: &str = r#""cookie": {"name": "Session-A"}"#;
}

impl Carried for Program {
    const CARRIER: &str = r#""header": {"name": "Session-A"}"#;
}

impl Pin {
    /// A plugin whose rule has these pods, this many seconds after the start.
    fn plugin<C: Carried>(self, pods: &str, late: u64) -> Plugin {
        let pin = if self == Self::Metadata { "metadata" } else { "stateful_session" };
        let rule = format!(r#""id": "i", {}, "pin": "{pin}", "absolute_timeout": "3600s""#, C::CARRIER);
        let config = format!(r#"{{"rule": {{{rule}, "pods": {pods}}}}}"#);
        Plugin::start(Some(KEY), config, START + late).unwrap()
    }

    /// The endpoint that a request is pinned to.
    fn of(self, forwarded: &Forwarded) -> Option<String> {
        let pin = forwarded.pin()?;
        Some(match self {
            Self::Metadata => pin,
            Self::StatefulSession => String::from_utf8(STANDARD.decode(pin).unwrap()).unwrap(),
        })
    }

    /// The answer of an endpoint, which Envoy's `stateful_session` names unless the request was pinned to it.
    fn answer(self, plugin: &mut Plugin, forwarded: &Forwarded, endpoint: &str) -> Answer {
        let response = Response::from_endpoint(endpoint);
        let is_named = self == Self::StatefulSession && self.of(forwarded).as_deref() != Some(endpoint);
        let response = if is_named { response.header(PRIVATE, STANDARD.encode(endpoint)) } else { response };
        plugin.respond(forwarded, response)
    }

    /// A session on this endpoint: its token.
    fn begin<C: Carried>(self, plugin: &mut Plugin, endpoint: &str) -> String {
        let forwarded = plugin.request(C::first());
        C::token(&self.answer(plugin, &forwarded, endpoint)).unwrap()
    }

    /// Where a request with a token is pinned, and the token that the answer of that endpoint issues, if there is one.
    fn come_back<C: Carried>(self, plugin: &mut Plugin, token: &str) -> (String, Option<String>) {
        let forwarded = plugin.request(C::back(token));
        let endpoint = self.of(&forwarded).unwrap();
        let answer = self.answer(plugin, &forwarded, &endpoint);
        (endpoint, C::token(&answer))
    }
}

/// Runs a scenario for each carrier and pin.
macro_rules! all {
    ($(fn $name:ident<$client:ident>($pin:ident) $body:block)*) => {$(
        #[test]
        fn $name() {
            fn scenario<$client: Carried>($pin: Pin) $body
            for pin in [Pin::Metadata, Pin::StatefulSession] {
                scenario::<Browser>(pin);
                scenario::<Program>(pin);
            }
        }
    )*};
}

all! {
    fn a_session_on_a_pod_that_stays_gets_no_new_token<C>(pin) {
        let mut plugin = pin.plugin::<C>(PODS, 0);
        let token = pin.begin::<C>(&mut plugin, GREEN);
        assert_eq!(token.len(), 92);
        for _ in 0..3 {
            assert_eq!(pin.come_back::<C>(&mut plugin, &token), (GREEN.to_owned(), None));
        }
    }

    fn a_session_follows_its_pod_and_keeps_its_issue_time<C>(pin) {
        let token = pin.begin::<C>(&mut pin.plugin::<C>(PODS, 0), BLUE);
        let mut plugin = pin.plugin::<C>(RESTARTED, 3_000);
        let (endpoint, token) = pin.come_back::<C>(&mut plugin, &token);
        assert_eq!(endpoint, GREEN);
        let token = token.unwrap();
        assert_eq!(pin.come_back::<C>(&mut plugin, &token), (GREEN.to_owned(), None));
        assert_eq!(plugin.counted("renewed.pod"), 1);
        assert_eq!(plugin.counted("moved"), 0);
        plugin.wait(599);
        assert_eq!(pin.come_back::<C>(&mut plugin, &token).0, GREEN);
        plugin.wait(1);
        assert_eq!(plugin.request(C::back(&token)).pin(), None);
        assert_eq!(plugin.counted("rejected.expired"), 1);
    }

    fn a_request_is_never_pinned_to_a_stranger_at_the_old_address<C>(pin) {
        let token = pin.begin::<C>(&mut pin.plugin::<C>(PODS, 0), BLUE);
        for pods in [STRANGER, "{}"] {
            let mut plugin = pin.plugin::<C>(pods, 0);
            let forwarded = plugin.request(C::back(&token));
            assert_eq!(forwarded.pin(), None);
            let answer = pin.answer(&mut plugin, &forwarded, GREEN);
            let shown = answer.filter_state.get("session_persistence").unwrap().escape_ascii().to_string();
            assert_eq!(shown, "lost: its pod is gone");
            assert_eq!(answer.values(PRIVATE), [""; 0]);
            assert_eq!(plugin.counted("moved"), 1);
            let token = C::token(&answer).unwrap();
            assert_eq!(pin.come_back::<C>(&mut plugin, &token), (GREEN.to_owned(), None));
        }
    }

    fn a_local_reply_to_a_lost_session_keeps_its_token<C>(pin) {
        let token = pin.begin::<C>(&mut pin.plugin::<C>(PODS, 0), BLUE);
        let mut plugin = pin.plugin::<C>(STRANGER, 0);
        let (_, answer) = plugin.exchange(C::back(&token), Response::local());
        assert_eq!(C::token(&answer), None);
    }

    fn a_token_without_a_pod_gets_the_pod_of_its_address<C>(pin) {
        let old = pin.begin::<C>(&mut pin.plugin::<C>("{}", 0), BLUE);
        assert_eq!(old.len(), 80);
        let (endpoint, token) = pin.come_back::<C>(&mut pin.plugin::<C>(PODS, 3_000), &old);
        assert_eq!(endpoint, BLUE);
        let token = token.unwrap();
        let mut plugin = pin.plugin::<C>(RESTARTED, 3_599);
        assert_eq!(pin.come_back::<C>(&mut plugin, &token).0, GREEN);
        plugin.wait(1);
        assert_eq!(plugin.request(C::back(&token)).pin(), None);
    }

    fn sessions_of_other_endpoints_are_pinned_by_address<C>(pin) {
        const OTHER: &str = "10.0.0.3:3000";
        let mut plugin = pin.plugin::<C>(PODS, 0);
        let token = pin.begin::<C>(&mut plugin, OTHER);
        assert_eq!(token.len(), 80);
        assert_eq!(pin.come_back::<C>(&mut plugin, &token), (OTHER.to_owned(), None));
    }
}

#[test]
fn an_address_of_two_pods_prevents_the_start() {
    let config = r#"{"rule": {"id": "i", "header": {"name": "x"}, "pods": {"a/b": "10.0.0.1:80", "a/c": "10.0.0.1:80"}}}"#;
    let refused = Plugin::start(Some(KEY), config, START).err().unwrap();
    let expected = "plugin configuration: at `rule.pods`: the address 10.0.0.1:80 occurs twice";
    assert!(format!("{refused:?}").contains(expected), "{refused:?}");
}
