//! What each kind of request may cost in the chain of its route: calls to the host, those of them that return data, and fuel.
//!
//! A call that returns data costs Envoy more than opening a token does, because the host lets the module allocate memory for it.
//! Fuel is wasmi's count of instructions: the same in every run, so that a limit stands a tenth above what was measured.

use crate::exchange::{Costs, Request, Response};
use crate::plugin::Plugin;
use crate::sample::{BLUE, Browser, Client, KEY, Program, START};

/// The costs of one request and its answer.
#[derive(Debug)]
struct Budget {
    calls: usize,
    returning_data: usize,
    fuel: u64,
}

const fn budget(calls: usize, returning_data: usize, fuel: u64) -> Budget {
    Budget { calls, returning_data, fuel }
}

/// `pin` is the value of that field, or more fields.
fn plugin(carrier: &str, pin: &str) -> Plugin {
    let rule = format!(r#"{{"rule": {{"id": "i", {carrier}, "pin": {pin}, "absolute_timeout": "3600s"}}}}"#);
    Plugin::start(Some(KEY), rule, START).unwrap()
}

const COOKIE: &str = r#""cookie": {"name": "Session-A"}"#;
const HEADER: &str = r#""header": {"name": "Session-A", "removed_by_route": true}"#;

const METADATA: &str = r#""metadata""#;
const STATEFUL_SESSION: &str = r#""stateful_session""#;
const STRICT: &str = r#""stateful_session", "on_endpoint_lost": "reject""#;

/// The answer of an endpoint to a client that has a session there, or to a new one, in which Envoy's `stateful_session` names it.
fn response(pin: &str, new: bool) -> Response {
    let response = Response::from_endpoint(BLUE);
    if new && pin != METADATA {
        response.header("x-session-persistence-override-host", "MTAuMC4wLjE6MzAwMA==")
    } else {
        response
    }
}

fn costs(plugin: &mut Plugin, request: Request, response: Response) -> Costs {
    let (forwarded, answer) = plugin.exchange(request, response);
    let calls = [forwarded.costs.calls, answer.costs.calls].concat();
    Costs { calls, fuel: forwarded.costs.fuel + answer.costs.fuel }
}

#[track_caller]
fn assert_within(what: &str, costs: &Costs, budget: &Budget) {
    let returning_data = costs.calls.iter().filter(|call| call.returned_data).count();
    let found = (costs.calls.len(), returning_data);
    assert_eq!(found, (budget.calls, budget.returning_data), "{what}: {:#?}", costs.calls);
    assert!(costs.fuel <= budget.fuel, "{what}: {} of {budget:?}", costs.fuel);
    assert!(costs.fuel * 5 >= budget.fuel * 4, "{what}: only {} of {budget:?}: lower the limit", costs.fuel);
}

fn first_token<C: Client>(plugin: &mut Plugin, pin: &str) -> String {
    let (_, answer) = plugin.exchange(C::first(), response(pin, true));
    C::token(&answer).unwrap()
}

/// A client whose token the plugin remembers, one whose token it has to open, and one without a token.
fn assert_carrier<C: Client>(carrier: &str, pin: &str, budgets: [Budget; 3]) {
    let mut plugin = plugin(carrier, pin);
    let token = first_token::<C>(&mut plugin, pin);
    let [remembered, opened, new] = budgets;
    let what = format!("{carrier}, {pin}");
    let open = costs(&mut plugin, C::back(&token), response(pin, false));
    assert_within(&format!("{what}, opened"), &open, &opened);
    assert_within(
        &format!("{what}, remembered"),
        &costs(&mut plugin, C::back(&token), response(pin, false)),
        &remembered,
    );
    assert_within(&format!("{what}, new"), &costs(&mut plugin, C::first(), response(pin, true)), &new);
}

#[test]
fn a_session_in_a_cookie() {
    assert_carrier::<Browser>(
        COOKIE,
        METADATA,
        [budget(4, 1, 14_000), budget(4, 1, 49_000), budget(14, 2, 77_000)],
    );
}

#[test]
fn a_session_in_a_header() {
    assert_carrier::<Program>(
        HEADER,
        METADATA,
        [budget(4, 1, 14_000), budget(4, 1, 49_000), budget(14, 2, 77_000)],
    );
}

#[test]
fn a_session_that_envoys_stateful_session_pins() {
    for (carrier, budgets) in [
        (COOKIE, [budget(4, 1, 14_000), budget(4, 1, 52_000), budget(15, 2, 80_000)]),
        (HEADER, [budget(4, 1, 14_000), budget(4, 1, 49_000), budget(15, 2, 76_500)]),
    ] {
        if carrier == COOKIE {
            assert_carrier::<Browser>(carrier, STATEFUL_SESSION, budgets);
        } else {
            assert_carrier::<Program>(carrier, STATEFUL_SESSION, budgets);
        }
    }
}

/// A rule in front of a gateway's persistence, alone in its plugin: the address of an endpoint is read if Envoy names one.
#[test]
fn a_session_that_a_gateway_pins() {
    const GATEWAY: &str = r#""stateful_session", "pin_header": "x-pin""#;
    let mut plugin = plugin(COOKIE, GATEWAY);
    let named = || Response::from_endpoint(BLUE).header("x-pin", "MTAuMC4wLjE6MzAwMA==");
    let (_, answer) = plugin.exchange(Browser::first(), named());
    let token = Browser::token(&answer).unwrap();
    let mut back = || costs(&mut plugin, Browser::back(&token), Response::from_endpoint(BLUE));
    assert_within("gateway, opened", &back(), &budget(4, 1, 53_000));
    assert_within("gateway, remembered", &back(), &budget(4, 1, 15_000));
    assert_within("gateway, new", &costs(&mut plugin, Browser::first(), named()), &budget(16, 3, 80_000));
}

/// Two calls for a route without retries, and one for the reason of the answer.
#[test]
fn a_strict_session() {
    let budgets = [budget(7, 2, 22_000), budget(7, 2, 58_000), budget(15, 2, 80_000)];
    assert_carrier::<Browser>(COOKIE, STRICT, budgets);
    let budgets = [budget(7, 2, 22_000), budget(7, 2, 58_000), budget(15, 2, 76_500)];
    assert_carrier::<Program>(HEADER, STRICT, budgets);
}

/// Five calls less than with protection.
#[test]
fn a_new_session_whose_caches_the_backend_decides_about() {
    let mut plugin = plugin(COOKIE, r#""metadata", "cacheable": "ignore""#);
    // The first token takes a call for random numbers.
    first_token::<Browser>(&mut plugin, METADATA);
    let new = costs(&mut plugin, Browser::first(), Response::from_endpoint(BLUE));
    assert_within("cacheable", &new, &budget(9, 2, 72_000));
}

/// A client that comes back, whose rule has these fields more, and a new one, to an endpoint that answers with these headers.
fn returning_and_new<C: Client>(carrier: &str, fields: &str, headers: &[(&str, &str)]) -> [Costs; 2] {
    let mut plugin = plugin(carrier, &format!("{METADATA}, {fields}"));
    let answer =
        || headers.iter().fold(Response::from_endpoint(BLUE), |it, (name, value)| it.header(name, value));
    let token = C::token(&plugin.exchange(C::first(), answer()).1).unwrap();
    let mut back = || costs(&mut plugin, C::back(&token), answer());
    back();
    let returning = back();
    [returning, costs(&mut plugin, C::first(), answer())]
}

#[test]
fn what_settings_of_a_rule_cost() {
    const BEGIN: &[(&str, &str)] = &[("set-cookie", "JSESSIONID=1; Path=/; HttpOnly")];
    for (fields, headers, [returning, new]) in [
        (r#""hide_from_backend": true"#, &[][..], [budget(5, 2, 20_000), budget(15, 3, 84_500)]),
        (
            r#""start_on": {"backend_cookie": "JSESSIONID"}"#,
            BEGIN,
            [budget(4, 1, 14_000), budget(15, 3, 86_000)],
        ),
        (
            r#""start_on": {"backend_header": "set-cookie"}"#,
            BEGIN,
            [budget(4, 1, 14_000), budget(15, 3, 86_000)],
        ),
        (r#""end_on": {"backend_header": "x-end"}"#, &[], [budget(5, 1, 18_000), budget(15, 2, 86_000)]),
    ] {
        let [back, first] = returning_and_new::<Browser>(COOKIE, fields, headers);
        assert_within(&format!("{fields}, returning"), &back, &returning);
        assert_within(&format!("{fields}, new"), &first, &new);
    }
    let header = r#""header": {"name": "Session-A"}"#;
    let [back, first] = returning_and_new::<Program>(header, r#""envelope": true"#, &[("session-a", "v-1")]);
    assert_within("envelope, returning", &back, &budget(7, 2, 60_000));
    assert_within("envelope, new", &first, &budget(15, 3, 86_000));
}

#[test]
fn an_expired_token_and_foreign_cookies() {
    let mut plugin = plugin(COOKIE, METADATA);
    let token = first_token::<Browser>(&mut plugin, METADATA);
    let others = "another-cookie=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA; ".repeat(20);
    let with_others = || Browser::first().header("cookie", format!("{others}Session-A={token}"));
    costs(&mut plugin, with_others(), Response::from_endpoint(BLUE));
    assert_within(
        "20 other cookies",
        &costs(&mut plugin, with_others(), Response::from_endpoint(BLUE)),
        &budget(4, 1, 31_000),
    );
    plugin.wait(3_600);
    assert_within(
        "expired",
        &costs(&mut plugin, Browser::back(&token), Response::from_endpoint(BLUE)),
        &budget(19, 4, 102_000),
    );
}

/// A rule with a thousand pods, in which every session has the pod of its endpoint.
fn plugin_with_pods(pin: &str) -> Plugin {
    let pods: Vec<String> =
        (0..1_000).map(|n| format!(r#""shop/cart-{n}": "10.0.{}.{}:3000""#, n / 250, n % 250 + 1)).collect();
    let rule = format!(r#""id": "i", {COOKIE}, "pin": "{pin}", "absolute_timeout": "3600s""#);
    let config = format!(r#"{{"rule": {{{rule}, "pods": {{{}}}}}}}"#, pods.join(", "));
    Plugin::start(Some(KEY), config, START).unwrap()
}

#[test]
fn a_session_on_one_of_a_thousand_pods() {
    for (pin, [remembered, opened, new]) in [
        ("metadata", [budget(4, 1, 14_500), budget(4, 1, 52_000), budget(14, 2, 81_500)]),
        ("stateful_session", [budget(4, 1, 14_500), budget(4, 1, 58_000), budget(15, 2, 82_500)]),
    ] {
        let mut plugin = plugin_with_pods(pin);
        let token = first_token::<Browser>(&mut plugin, pin);
        let mut back = || costs(&mut plugin, Browser::back(&token), response(pin, false));
        assert_within(&format!("{pin}, opened"), &back(), &opened);
        assert_within(&format!("{pin}, remembered"), &back(), &remembered);
        assert_within(
            &format!("{pin}, new"),
            &costs(&mut plugin, Browser::first(), response(pin, true)),
            &new,
        );
    }
}
