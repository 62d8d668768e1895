//! The lifetime of a session, from its first response to its end, for both carriers.

use crate::exchange::Response;
use crate::plugin::Plugin;
use crate::sample::{
    BLUE, Browser, CONFIGURATION, Client, GREEN, KEY, NEW_KEY, Program, START, begin, come_back, plugin,
    plugin_with_keys,
};

/// Runs a scenario for each carrier.
macro_rules! both {
    ($($(#[$meta:meta])* fn $name:ident<$client:ident>() $body:block)*) => {$(
        $(#[$meta])*
        mod $name {
            use super::*;

            #[test]
            fn in_a_cookie() {
                type $client = Browser;
                $body
            }

            #[test]
            fn in_a_header() {
                type $client = Program;
                $body
            }
        }
    )*};
}

both! {
    fn a_client_stays_on_its_endpoint<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, GREEN);
        for _ in 0..20 {
            let (forwarded, answer) = come_back::<C>(&mut plugin, &token);
            assert_eq!(forwarded.pin().as_deref(), Some(GREEN));
            assert_eq!(C::token(&answer), None);
        }
    }

    fn a_session_moves_with_the_answer_of_another_endpoint<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, BLUE);
        let (forwarded, answer) = plugin.exchange(C::back(&token), Response::from_endpoint(GREEN));
        assert_eq!(forwarded.pin().as_deref(), Some(BLUE));
        let moved = C::token(&answer).unwrap();
        let (forwarded, answer) = come_back::<C>(&mut plugin, &moved);
        assert_eq!(forwarded.pin().as_deref(), Some(GREEN));
        assert_eq!(C::token(&answer), None);
    }

    fn an_unused_session_ends_after_its_idle_timeout<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, BLUE);
        plugin.wait(99);
        assert_eq!(plugin.request(C::back(&token)).pin().as_deref(), Some(BLUE));
        plugin.wait(1);
        let (forwarded, answer) = plugin.exchange(C::back(&token), Response::from_endpoint(GREEN));
        assert_eq!(forwarded.pin(), None);
        let next = C::token(&answer).unwrap();
        assert_eq!(come_back::<C>(&mut plugin, &next).0.pin().as_deref(), Some(GREEN));
        assert_eq!(plugin.counted("rejected.idle"), 1);
    }

    fn a_busy_session_is_refreshed_but_ends_after_its_absolute_timeout<C>() {
        let mut plugin = plugin();
        let mut token = begin::<C>(&mut plugin, BLUE);
        // Every 50 seconds to 3,550: each answer refreshes the idle timeout.
        for _ in 0..71 {
            plugin.wait(50);
            let (_, answer) = come_back::<C>(&mut plugin, &token);
            token = C::token(&answer).unwrap();
        }
        plugin.wait(50);
        assert_eq!(plugin.request(C::back(&token)).pin(), None);
        assert_eq!(plugin.counted("rejected.expired"), 1);
    }

    fn a_refresh_waits_for_a_tenth_of_the_idle_timeout<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, BLUE);
        plugin.wait(9);
        assert_eq!(C::token(&come_back::<C>(&mut plugin, &token).1), None);
        plugin.wait(1);
        assert!(C::token(&come_back::<C>(&mut plugin, &token).1).is_some());
    }

    fn a_token_outlives_the_rotation_of_keys<C>() {
        let mut before = plugin();
        let old = begin::<C>(&mut before, BLUE);
        let mut during = plugin_with_keys(&format!("{NEW_KEY},{KEY}"));
        let (forwarded, answer) = come_back::<C>(&mut during, &old);
        assert_eq!(forwarded.pin().as_deref(), Some(BLUE));
        let sealed_again = C::token(&answer).unwrap();
        let mut after = plugin_with_keys(NEW_KEY);
        assert_eq!(after.request(C::back(&old)).pin(), None);
        assert_eq!(after.counted("rejected.unknown_key"), 1);
        assert_eq!(after.request(C::back(&sealed_again)).pin().as_deref(), Some(BLUE));
    }

    fn sealing_again_does_not_extend_a_session<C>() {
        let mut before = plugin();
        let token = begin::<C>(&mut before, BLUE);
        let mut late = Plugin::start(Some(&format!("{NEW_KEY},{KEY}")), CONFIGURATION, START + 50).unwrap();
        let mut token = C::token(&come_back::<C>(&mut late, &token).1).unwrap();
        for _ in 0..70 {
            late.wait(50);
            token = C::token(&come_back::<C>(&mut late, &token).1).unwrap();
        }
        late.wait(50);
        assert_eq!(late.request(C::back(&token)).pin(), None);
    }

    fn a_token_works_in_every_vm_with_its_key<C>() {
        let token = begin::<C>(&mut plugin(), GREEN);
        assert_eq!(plugin().request(C::back(&token)).pin().as_deref(), Some(GREEN));
    }

    fn a_token_from_more_than_a_minute_ahead_is_refused<C>() {
        let mut ahead = plugin();
        ahead.wait(60);
        let token = begin::<C>(&mut ahead, BLUE);
        assert_eq!(plugin().request(C::back(&token)).pin().as_deref(), Some(BLUE));
        ahead.wait(1);
        let token = begin::<C>(&mut ahead, BLUE);
        assert_eq!(plugin().request(C::back(&token)).pin(), None);
    }

    fn a_local_reply_issues_nothing<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, BLUE);
        for request in [C::first(), C::back(&token), C::back("no token")] {
            let (_, answer) = plugin.exchange(request, Response::local());
            assert_eq!(C::token(&answer), None);
        }
    }

    fn a_reply_of_envoy_about_a_failed_endpoint_issues_nothing<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, BLUE);
        for request in [C::first(), C::back(&token), C::back("no token")] {
            let (_, answer) = plugin.exchange(request, Response::local_after(GREEN));
            assert_eq!(C::token(&answer), None);
        }
    }

    fn a_session_ends_when_its_endpoint_cannot_be_reached_and_the_body_is_lost<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, BLUE);
        let request = || C::back(&token).with_body();
        let (_, answer) = plugin.exchange(request(), Response::unreachable(BLUE));
        assert_eq!(C::token(&answer).as_deref(), Some(""));
        assert_eq!(plugin.counted("ended.unreachable"), 1);
        let forwarded = plugin.request(C::back(""));
        assert_eq!(forwarded.pin(), None);
        // The next request reaches it, or nobody says that it does not, or another endpoint fails.
        for response in [Response::local_after(BLUE), Response::local(), Response::unreachable(GREEN)] {
            let (_, answer) = plugin.exchange(request(), response);
            assert_eq!(C::token(&answer), None);
        }
        // Without a body, Envoy has tried other endpoints.
        let (_, answer) = plugin.exchange(C::back(&token), Response::unreachable(BLUE));
        assert_eq!(C::token(&answer), None);
        assert_eq!(plugin.counted("ended.unreachable"), 1);
    }

    fn an_answer_with_a_token_is_private<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, BLUE);
        let response = || {
            Response::from_endpoint(BLUE)
                .header("cache-control", "public, max-age=60")
                .header("cache-control", "s-maxage=600")
                .header("cdn-cache-control", "max-age=60")
                .header("surrogate-control", "max-age=60")
                .header("x-accel-expires", "60")
        };
        let (_, answer) = plugin.exchange(C::first(), response());
        assert_eq!(answer.values("cache-control"), ["max-age=60, private"]);
        for name in ["cdn-cache-control", "surrogate-control", "x-accel-expires"] {
            assert_eq!(answer.values(name), [""; 0], "{name}");
        }
        let (_, answer) = plugin.exchange(C::back(&token), response());
        assert_eq!(answer.values("cache-control"), ["public, max-age=60", "s-maxage=600"]);
        assert_eq!(answer.values("cdn-cache-control"), ["max-age=60"]);
        let (_, answer) = plugin.exchange(C::back(&token).with_body(), Response::unreachable(BLUE));
        assert_eq!(answer.values("cache-control"), ["private"]);
        let response = Response::from_endpoint(BLUE).header("cache-control", "no-store");
        let (_, answer) = plugin.exchange(C::first(), response);
        assert_eq!(answer.values("cache-control"), ["no-store"]);
    }

    /// Timeouts are 40 seconds, and 20 without a request.
    fn clocks_that_differ_by_more_than_the_timeout_end_sessions_early<C>() {
        let short = CONFIGURATION.replace("3600s", "40s").replace("100s", "20s");
        let start = |ahead| Plugin::start(Some(KEY), &short, START + ahead).unwrap();
        // 30 seconds apart: every visit to the fast Envoy ends a session that the slow one has begun.
        let (mut slow, mut fast) = (start(0), start(30));
        for visit in 1..=5 {
            let token = begin::<C>(&mut slow, BLUE);
            assert_eq!(slow.request(C::back(&token)).pin().as_deref(), Some(BLUE));
            assert_eq!(fast.request(C::back(&token)).pin(), None);
            assert_eq!(fast.counted("rejected.idle"), visit);
        }
        // What the fast one has begun is good on the slow one for longer than the timeouts.
        let token = begin::<C>(&mut fast, GREEN);
        slow.wait(40);
        assert_eq!(slow.request(C::back(&token)).pin().as_deref(), Some(GREEN));
        slow.wait(10);
        assert_eq!(slow.request(C::back(&token)).pin(), None);
        // 10 seconds apart, less than the timeouts, sessions live on both.
        let (mut slow, mut fast) = (start(0), start(10));
        let token = begin::<C>(&mut slow, BLUE);
        assert_eq!(fast.request(C::back(&token)).pin().as_deref(), Some(BLUE));
        let token = begin::<C>(&mut fast, BLUE);
        assert_eq!(slow.request(C::back(&token)).pin().as_deref(), Some(BLUE));
    }

    fn two_streams_at_once_do_not_mix<C>() {
        let mut plugin = plugin();
        let (blue, green) = (begin::<C>(&mut plugin, BLUE), begin::<C>(&mut plugin, GREEN));
        let first = plugin.request(C::back(&blue));
        let newcomer = plugin.request(C::first());
        let second = plugin.request(C::back(&green));
        assert_eq!((first.pin().as_deref(), second.pin().as_deref()), (Some(BLUE), Some(GREEN)));
        assert_eq!(newcomer.pin(), None);
        assert_eq!(C::token(&plugin.respond(&second, Response::from_endpoint(GREEN))), None);
        let token = C::token(&plugin.respond(&newcomer, Response::from_endpoint(GREEN))).unwrap();
        assert_eq!(C::token(&plugin.respond(&first, Response::from_endpoint(BLUE))), None);
        assert_eq!(plugin.request(C::back(&token)).pin().as_deref(), Some(GREEN));
    }

    fn a_client_that_leaves_early_leaves_nothing_behind<C>() {
        let mut plugin = plugin();
        let token = begin::<C>(&mut plugin, BLUE);
        let forwarded = plugin.request(C::back(&token));
        plugin.end(&forwarded);
        assert_eq!(come_back::<C>(&mut plugin, &token).0.pin().as_deref(), Some(BLUE));
    }

    fn the_access_log_learns_what_session_a_request_had<C>() {
        let mut plugin = plugin();
        let shown = |plugin: &mut Plugin, request, response| {
            let (_, answer) = plugin.exchange(request, response);
            answer.filter_state.get("session_persistence").map(|shown| shown.escape_ascii().to_string())
        };
        let token = begin::<C>(&mut plugin, BLUE);
        let from = Response::from_endpoint;
        assert_eq!(shown(&mut plugin, C::first(), from(BLUE)).unwrap(), "none");
        assert_eq!(shown(&mut plugin, C::back("no token"), from(BLUE)).unwrap(), "refused: it is not a token");
        // The log has the endpoint of a pinned session from the metadata.
        for response in [from(BLUE), from(GREEN), Response::local()] {
            assert_eq!(shown(&mut plugin, C::back(&token), response), None);
        }
    }
}
