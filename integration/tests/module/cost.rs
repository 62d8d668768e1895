//! What a request costs: calls to the host, instructions, memory.
//!
//! A call to Envoy that returns data costs more than opening a token does, and every call costs something, so their number is limited
//! here, by what the request brings:
//!
//! | calls | for |
//! | --- | --- |
//! | 1 | any request: the private header set or removed |
//! | +1 | a plugin with a table: the name of the route |
//! | +1 | the route has a rule: the header that carries its sessions |
//! | +1 | that header is there: the time |
//! | +1 | its first line holds no session: all its lines |
//! | +1 | the request is not pinned: the filter state |
//! | +2 | a token is refused: its counter, and the log or the time of the last warning |
//! | +1 | any event: the filter state with the two flags |
//! | +1 | an event happens for the first time: its counter is defined |
//! | +1 | the answer: whether the endpoint of the session gave it, or the address of the endpoint that gave it |
//! | +1 | the endpoint of the session did not give it: the address of the endpoint that did |
//! | +1 | a session header: what the backend sent under its name removed |
//! | +3 | the token is for another share of its rule: the share, the new route, whose name then is |
//! | +1 | the request has a body, and the answer no more headers than Envoy's own: whether it is Envoy's own |
//! | +9 | a token is due: whether that endpoint gave the answer itself, the time, the token, its counter, five for caches |
//!
//! Fuel is wasmi's count of instructions: the same in every run, so that a limit can stand close to what was measured.

use crate::exchange::{Costs, Request, Response};
use crate::plugin::Plugin;
use crate::sample::{BLUE, Browser, Client, GREEN, KEY, Program, START, begin, plugin};

/// The costs of a request and its answer together.
fn both_ways(plugin: &mut Plugin, request: Request, response: Response) -> Costs {
    let (forwarded, answer) = plugin.exchange(request, response);
    let calls = [forwarded.costs.calls, answer.costs.calls].concat();
    Costs { calls, fuel: forwarded.costs.fuel + answer.costs.fuel }
}

#[track_caller]
fn assert_calls(plugin: &mut Plugin, request: Request, response: Response, number: usize) {
    let calls = both_ways(plugin, request, response).calls;
    assert_eq!(calls.len(), number, "{calls:#?}");
}

/// A plugin that has given its first token, and with it drawn its first random numbers.
fn warm<C: Client>() -> (Plugin, String) {
    let mut plugin = plugin();
    let token = begin::<C>(&mut plugin, BLUE);
    (plugin, token)
}

#[test]
fn routes_without_a_rule_take_two_calls() {
    let (mut plugin, token) = warm::<Browser>();
    let cookie = format!("Session-A={token}");
    for request in [Request::without_route(), Request::to("default/none/0/0")] {
        assert_calls(&mut plugin, request.header("cookie", &cookie), Response::from_endpoint(BLUE), 2);
    }
}

/// The plugin in the filter chain of one route: this rule.
fn plugin_of_route(rule: &str) -> Plugin {
    Plugin::start(Some(KEY), format!(r#"{{"rule": {rule}}}"#), START).unwrap()
}

#[test]
fn a_client_that_brings_its_cookie_takes_four_calls_in_the_chain_of_its_route() {
    let mut plugin = plugin_of_route(r#"{"id": "i", "cookie": {"name": "Session-A"}}"#);
    let (_, answer) = plugin.exchange(Browser::first(), Response::from_endpoint(BLUE));
    let token = Browser::token(&answer).unwrap();
    assert_calls(&mut plugin, Browser::back(&token), Response::from_endpoint(BLUE), 4);
    assert_calls(&mut plugin, Browser::first(), Response::from_endpoint(BLUE), 14);
}

#[test]
fn a_client_that_brings_its_header_takes_five_calls_in_the_chain_of_its_route() {
    let mut plugin = plugin_of_route(r#"{"id": "i", "header": {"name": "Session-A"}}"#);
    let (_, answer) = plugin.exchange(Program::first(), Response::from_endpoint(BLUE));
    let token = Program::token(&answer).unwrap();
    assert_calls(&mut plugin, Program::back(&token), Response::from_endpoint(BLUE), 5);
}

/// The route's own configuration removes what the backend sends under the name of the session.
#[test]
fn a_client_that_brings_its_header_takes_four_calls_where_the_route_removes_that_of_the_backend() {
    let mut plugin =
        plugin_of_route(r#"{"id": "i", "header": {"name": "Session-A", "removed_by_route": true}}"#);
    let (_, answer) = plugin.exchange(Program::first(), Response::from_endpoint(BLUE));
    let token = Program::token(&answer).unwrap();
    assert_calls(&mut plugin, Program::back(&token), Response::from_endpoint(BLUE), 4);
}

#[test]
fn a_client_that_brings_its_cookie_takes_five_calls() {
    let (mut plugin, token) = warm::<Browser>();
    assert_calls(&mut plugin, Browser::back(&token), Response::from_endpoint(BLUE), 5);
}

/// One more than with a cookie: no header of the backend's may take the place of the session.
#[test]
fn a_client_that_brings_its_header_takes_six_calls() {
    let (mut plugin, token) = warm::<Program>();
    assert_calls(&mut plugin, Program::back(&token), Response::from_endpoint(BLUE), 6);
}

#[test]
fn a_local_reply_to_a_returning_client_takes_six_calls() {
    let (mut plugin, token) = warm::<Browser>();
    assert_calls(&mut plugin, Browser::back(&token), Response::local(), 6);
}

/// An endpoint with a DNS name, or one in a configuration written by hand.
#[test]
fn a_client_of_an_endpoint_without_metadata_takes_six_calls() {
    let (mut plugin, token) = warm::<Browser>();
    let response = || Response::from_endpoint(BLUE).without_metadata();
    assert_calls(&mut plugin, Browser::back(&token), response(), 6);
    let (_, answer) = plugin.exchange(Browser::back(&token), response());
    assert_eq!(Browser::token(&answer), None, "the session did not move");
}

/// Only Envoy's own answers have so few headers.
#[test]
fn request_body_takes_one_more_call_when_the_response_has_few_headers() {
    let (mut plugin, token) = warm::<Browser>();
    let request = || Browser::back(&token).with_body();
    assert_calls(&mut plugin, request(), Response::from_endpoint(BLUE), 6);
    let response = ["date", "server", "content-type", "content-length"]
        .iter()
        .fold(Response::from_endpoint(BLUE), |response, name| response.header(name, "x"));
    assert_calls(&mut plugin, request(), response, 5);
}

#[test]
fn a_client_without_a_token_takes_fifteen_calls() {
    let (mut plugin, _) = warm::<Browser>();
    assert_calls(&mut plugin, Browser::first(), Response::from_endpoint(BLUE), 15);
    let (mut plugin, _) = warm::<Program>();
    assert_calls(&mut plugin, Program::first(), Response::from_endpoint(BLUE), 15);
}

#[test]
fn a_client_with_foreign_cookies_only_takes_seventeen_calls() {
    let (mut plugin, _) = warm::<Browser>();
    let request = Browser::first().header("cookie", "a=1; Session-B=2; _ga=GA1.2.3");
    assert_calls(&mut plugin, request, Response::from_endpoint(BLUE), 17);
}

/// One of them defines the counter.
#[test]
fn an_expired_token_takes_twenty_calls() {
    let (mut plugin, token) = warm::<Browser>();
    plugin.wait(3_600);
    assert_calls(&mut plugin, Browser::back(&token), Response::from_endpoint(BLUE), 20);
    let (mut plugin, token) = warm::<Program>();
    plugin.wait(3_600);
    assert_calls(&mut plugin, Program::back(&token), Response::from_endpoint(BLUE), 20);
}

/// One of them defines the counter.
#[test]
fn a_session_that_moves_takes_seventeen_calls_and_one_that_is_refreshed_sixteen() {
    let (mut plugin, token) = warm::<Browser>();
    assert_calls(&mut plugin, Browser::back(&token), Response::from_endpoint(GREEN), 17);
    plugin.wait(10);
    assert_calls(&mut plugin, Browser::back(&token), Response::from_endpoint(BLUE), 16);
}

/// A session of a rule whose backends are told apart, on the way to its share or to another one.
#[test]
fn token_of_another_backend_ref_takes_three_more_calls() {
    let rule =
        |share| format!(r#""rule/{share}": {{"id": "r", "header": {{"name": "x"}}, "share": "{share}"}}"#);
    let rules = ["one", "two"].map(rule).join(",");
    let mut plugin = Plugin::start(Some(KEY), format!(r#"{{"rules": {{{rules}}}}}"#), START).unwrap();
    let (_, answer) = plugin.exchange(Request::to("rule/one"), Response::from_endpoint(BLUE));
    let token = answer.values("x").remove(0);
    let back = |route: &str| Request::to(route).header("x", token.clone());
    assert_calls(&mut plugin, back("rule/one"), Response::from_endpoint(BLUE), 6);
    assert_calls(&mut plugin, back("rule/two"), Response::from_endpoint(BLUE), 9);
    let (forwarded, answer) = plugin.exchange(back("rule/two"), Response::from_endpoint(BLUE));
    assert_eq!(forwarded.pin().as_deref(), Some(BLUE));
    assert_eq!(answer.filter_state["session_persistence_share"], b"one");
    assert!(answer.values("x").is_empty());
}

#[test]
fn thirty_two_tokens_take_one_call_for_random_bytes() {
    let mut plugin = plugin();
    let mut draws = 0;
    for _ in 0..64 {
        let costs = both_ways(&mut plugin, Browser::first(), Response::from_endpoint(BLUE));
        draws += costs.calls.iter().filter(|call| call.function == "random_get").count();
    }
    assert_eq!(draws, 2);
}

#[test]
fn instructions_grow_no_faster_than_the_cookie_header() {
    let (mut plugin, _) = warm::<Browser>();
    let mut fuel = |cookies| {
        let request = Browser::first().header("cookie", "Session-B=AAAAAAAAAAAAAAAAAAAA; ".repeat(cookies));
        both_ways(&mut plugin, request, Response::from_endpoint(BLUE)).fuel
    };
    let (few, many) = (fuel(100), fuel(1_000));
    assert!(many < few * 10, "{few} for 100 cookies, {many} for 1,000");
}

#[test]
fn ten_thousand_requests_do_not_grow_memory() {
    let (mut plugin, token) = warm::<Browser>();
    let mut size_after = |requests| {
        for number in 0..requests {
            let (request, endpoint) = match number % 4 {
                0 => (Browser::back(&token), BLUE),
                1 => (Browser::back(&token), GREEN),
                2 => (Browser::first().header("cookie", "a=1; b=2"), BLUE),
                _ => (Program::back("no token"), GREEN),
            };
            plugin.exchange(request, Response::from_endpoint(endpoint));
        }
        plugin.memory_size()
    };
    let warm = size_after(100);
    assert_eq!(size_after(10_000), warm);
}

#[test]
fn a_full_token_cache_takes_at_most_128_kilobytes_more_than_an_empty_one() {
    let mut plugin = plugin();
    let tokens: Vec<String> = (0..4_000).map(|_| begin::<Browser>(&mut plugin, BLUE)).collect();
    let empty = plugin.memory_size();
    for token in &tokens {
        plugin.exchange(Browser::back(token), Response::from_endpoint(BLUE));
    }
    let grown = plugin.memory_size() - empty;
    assert!(grown <= 128 << 10, "{empty} bytes, then {grown} more");
}

/// A plugin with so many rules, for the routes `0`, `1` and so on.
fn plugin_of(rules: u32) -> Plugin {
    let rule = |n| format!(r#""{n}": {{"id": "rule {n}", "cookie": {{"name": "Session-A"}}}}"#);
    let rules: Vec<String> = (0..rules).map(rule).collect();
    Plugin::start(Some(KEY), format!(r#"{{"rules": {{{}}}}}"#, rules.join(",")), START).unwrap()
}

#[test]
fn request_cost_does_not_grow_with_the_number_of_rules() {
    let fuel = |rules: u32| {
        let mut plugin = plugin_of(rules);
        let request = Request::to("0");
        let (_, answer) = plugin.exchange(request.clone(), Response::from_endpoint(BLUE));
        let back = request.header("cookie", format!("Session-A={}", Browser::token(&answer).unwrap()));
        assert_eq!(plugin.request(back.clone()).pin().as_deref(), Some(BLUE));
        both_ways(&mut plugin, back, Response::from_endpoint(BLUE)).fuel
    };
    let (one, thousand) = (fuel(1), fuel(1_000));
    assert!(thousand < one + one / 10, "{one} with one rule, {thousand} with a thousand");
}

#[test]
fn start_cost_per_rule_is_bounded() {
    let fuel = |rules| plugin_of(rules).take_costs().fuel;
    let (few, many) = (fuel(100), fuel(1_000));
    // Twice the share leaves room for the routing table, which doubles its size from time to time.
    assert!(many < few * 20, "{few} for 100 rules, {many} for 1,000");
}
