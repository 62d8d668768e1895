//! What the most expensive request costs: at most twice a returning client's.
//!
//! A client chooses its headers: Envoy takes 60 KB of them, and the key id and old tokens of a rule are known to whoever had a
//! session. So what counts is the worst that can be sent, in the CPU instructions of the whole request in Envoy: what Envoy
//! itself spends on a request with sessions, each host call, and the module's own instructions by wasmi's count. The prices
//! were measured with callgrind on Envoy 1.40. They put a returning client at 262,000 instructions, where callgrind counted
//! 272,000; for a hostile request they leave out what Envoy itself spends on 60 KB of headers, with or without the filter.

use std::fmt::Write as _;

use crate::exchange::{Costs, Request, Response};
use crate::plugin::Plugin;
use crate::proxy::Call;
use crate::sample::{
    BLUE, Browser, COOKIE, Client, HEADER, KEY, NEW_KEY, Program, START, begin, plugin_with_keys,
};

/// What Envoy's default limit leaves for the session's header.
const LARGEST: usize = 60_000;

/// A token of version 1 for the share `default/v1:80` of the rule of [`COOKIE`], sealed in 2023 with [`KEY`].
const OLD: &str = "AWMNzSlAQUJDREVGR0hJSktMTU5PUFFSU1RVVlfUXFaB0OB5Fo-Lh76kl91ND1pze6UkpD4Mpfng0zTW";

/// A request with a session filter that does nothing, and Envoy's filters behind it.
const ENVOY: u64 = 190_700;

/// A host call, in instructions.
fn price(call: &Call) -> u64 {
    match call.function {
        "get_property" if call.returned_data => 12_400,
        // Metadata of an endpoint, with an empty value.
        "get_property" => 6_000,
        "get_header_map_value" if call.returned_data => 11_000,
        "get_header_map_value" => 2_100,
        "replace_header_map_value" | "remove_header_map_value" => 4_700,
        "add_header_map_value" => 3_600,
        "increment_metric" => 1_000,
        "get_current_time_nanoseconds" => 1_200,
        _ => 3_100,
    }
}

/// A thousand of wasmi's instructions, compiled by V8.
const NATIVE_PER_THOUSAND: u64 = 370;

fn instructions(costs: &[Costs]) -> u64 {
    let calls = costs.iter().flat_map(|costs| &costs.calls).map(price).sum::<u64>();
    let fuel = costs.iter().map(|costs| costs.fuel).sum::<u64>();
    ENVOY + calls + fuel * NATIVE_PER_THOUSAND / 1_000
}

/// The fuel and the instructions of a request and its answer.
fn cost(plugin: &mut Plugin, request: Request) -> (u64, u64) {
    let (forwarded, answer) = plugin.exchange(request, Response::from_endpoint(BLUE));
    let costs = [forwarded.costs, answer.costs];
    (costs.iter().map(|costs| costs.fuel).sum(), instructions(&costs))
}

/// Sends hostile headers to a route, and asserts that each costs at most twice what `normal` does.
#[track_caller]
fn assert_at_most_twice(plugin: &mut Plugin, normal: Request, hostile: Vec<(&str, Request)>) {
    let normal = cost(plugin, normal);
    let mut report = format!("a returning client: {normal:?}\n");
    let mut worst = 0;
    for (what, request) in hostile {
        let cost = cost(plugin, request);
        worst = worst.max(cost.1);
        writeln!(report, "{what}: {cost:?}, {} %", cost.1 * 100 / normal.1).unwrap();
    }
    println!("{report}");
    assert!(worst <= 2 * normal.1, "{report}");
}

/// Different tokens of this client, enough to fill a request.
fn tokens<C: Client>(plugin: &mut Plugin) -> Vec<String> {
    (0..720).map(|_| begin::<C>(plugin, BLUE)).collect()
}

fn cookies(tokens: &[String]) -> String {
    tokens.iter().map(|token| format!("Session-A={token}")).collect::<Vec<_>>().join("; ")
}

/// As many cookies as are compared with the name, each of them as much work as possible, then tokens, then a long rest.
fn everything(near_miss: &str, tokens: &[String]) -> String {
    let mut text = near_miss.repeat(248);
    text.push_str(&cookies(&tokens[..4]));
    text.push_str("; a=");
    text.push_str(&"a".repeat(LARGEST.saturating_sub(text.len())));
    text
}

#[test]
fn cookies_full_of_tokens_cost_at_most_twice_a_normal_request() {
    let mut plugin = plugin_with_keys(KEY);
    let expired = tokens::<Browser>(&mut plugin);
    plugin.wait(4_000);
    let idle = tokens::<Browser>(&mut plugin);
    plugin.wait(101);
    let foreign = tokens::<Program>(&mut plugin);
    let good = begin::<Browser>(&mut plugin, BLUE);
    let with = |text: &str| Browser::first().header("cookie", text);
    let half = |tokens: &[String]| cookies(&tokens[..358]);
    let hostile = vec![
        ("720 tokens of another rule", with(&cookies(&foreign))),
        ("720 expired tokens", with(&cookies(&expired))),
        ("720 times one expired token", with(&cookies(&vec![expired[0].clone(); 720]))),
        ("716 tokens in two lines", with(&half(&idle)).header("cookie", half(&expired))),
        ("four tokens behind near misses", with(&everything("Session-A ; ", &expired))),
        (
            "a good token behind three expired ones",
            with(&format!("{}; Session-A={good}", cookies(&expired[..3]))),
        ),
    ];
    assert_at_most_twice(&mut plugin, Browser::back(&good), hostile);
}

#[test]
fn cookies_without_tokens_cost_at_most_twice_a_normal_request() {
    let mut plugin = plugin_with_keys(KEY);
    let good = begin::<Browser>(&mut plugin, BLUE);
    let fill = |text: &str| Browser::first().header("cookie", text.repeat(LARGEST / text.len()));
    let mut hostile: Vec<_> = [
        "a",
        " ",
        ";",
        ",",
        "=",
        "; ",
        "\"",
        "a=;",
        "Session-A=;",
        "Session-A=\"\";",
        "Session-A=",
        "Session-A;",
        "Session-B=;",
        "session-a=;",
        "xSession-A=;",
        "Session-A =  \";",
        "Session-A=a=;",
        "\t\t\t\t\t;",
    ]
    .map(|text| (text, fill(text)))
    .into();
    let wrong = format!("Session-A={};", "A".repeat(79));
    hostile.push(("values that are one character short", fill(&wrong)));
    let wrong = format!("Session-A={};", "A".repeat(80));
    hostile.push(("one value that is no token", fill(&wrong)));
    let lines = (0..50).fold(Browser::first(), |request, _| request.header("cookie", ";".repeat(1_200)));
    hostile.push(("fifty lines", lines));
    assert_at_most_twice(&mut plugin, Browser::back(&good), hostile);
}

#[test]
fn a_long_name_costs_at_most_twice_a_normal_request() {
    let name = "n".repeat(256);
    let rule = format!(r#"{{"rules": {{"r": {{"id": "r", "cookie": {{"name": "{name}"}}}}}}}}"#);
    let mut plugin = Plugin::start(Some(KEY), rule, START).unwrap();
    let (_, answer) = plugin.exchange(Request::to("r"), Response::from_endpoint(BLUE));
    let cookie = answer.values("set-cookie")[0].split(';').next().unwrap().to_owned();
    let near_miss = format!("{}m=;", "n".repeat(255));
    let hostile = Request::to("r").header("cookie", near_miss.repeat(LARGEST / near_miss.len()));
    let normal = Request::to("r").header("cookie", cookie);
    assert_at_most_twice(&mut plugin, normal, vec![("near misses", hostile)]);
}

#[test]
fn session_headers_full_of_tokens_cost_at_most_twice_a_normal_request() {
    let mut plugin = plugin_with_keys(KEY);
    let expired = tokens::<Program>(&mut plugin);
    plugin.wait(4_000);
    let good = begin::<Program>(&mut plugin, BLUE);
    let with = |text: String| Program::first().header("session-a", text);
    let lines = |request: Request, token: &String| request.header("session-a", token);
    let hostile = vec![
        ("720 expired tokens", with(expired.join(","))),
        ("two lines", with(expired[..350].join(",")).header("session-a", expired[350..].join(", "))),
        ("a line for each token", expired.iter().take(90).fold(Program::first(), lines)),
        ("commas", with(",".repeat(LARGEST))),
        ("letters", with("a".repeat(LARGEST))),
        ("elements that are no tokens", with("a,".repeat(LARGEST / 2))),
        ("tokens behind commas", with(format!("{}{}", ",".repeat(248), expired[..4].join(",")))),
    ];
    assert_at_most_twice(&mut plugin, Program::back(&good), hostile);
}

#[test]
fn sixteen_backend_refs_and_eight_keys_cost_at_most_twice_a_normal_request() {
    let rule = |number| {
        format!(
            r#""rule/{number}": {{"id": "default/cookie@4f2a9c0d71b6e835", "share": "default/v{number}:80",
                "cookie": {{"name": "Session-A"}}, "absolute_timeout": "3600s"}}"#
        )
    };
    let rules = (1..=16).rev().map(rule).collect::<Vec<_>>().join(",");
    let keys: Vec<_> = (0..7_u8)
        .map(|number| NEW_KEY.replacen('f', &number.to_string(), 1))
        .chain([KEY.to_owned()])
        .collect();
    let mut plugin =
        Plugin::start(Some(&keys.join(",")), format!(r#"{{"rules": {{{rules}}}}}"#), START).unwrap();
    let begin = |plugin: &mut Plugin| {
        let (_, answer) = plugin.exchange(Request::to("rule/7"), Response::from_endpoint(BLUE));
        Browser::token(&answer).unwrap()
    };
    let mut expired: Vec<_> = (0..700).map(|_| begin(&mut plugin)).collect();
    plugin.wait(4_000);
    let good = begin(&mut plugin);
    // Tokens of the rule as it was before it was split: of version 1, and for none of the shares.
    let mut unsplit = plugin_with_keys(KEY);
    let unsplit = tokens::<Browser>(&mut unsplit);
    let with = |text: &str| Request::to("rule/16").header("cookie", text);
    let mut hostile = vec![
        ("700 expired tokens", with(&cookies(&expired))),
        ("720 tokens of version 1", with(&cookies(&unsplit))),
        (
            "716 tokens of version 1 in two lines",
            with(&cookies(&unsplit[..358])).header("cookie", cookies(&unsplit[358..])),
        ),
    ];
    expired[0] = OLD.to_owned();
    hostile.push((
        "near misses, an expired token of version 1, others",
        with(&everything("Session-A ; ", &expired)),
    ));
    let normal = Request::to("rule/7").header("cookie", format!("Session-A={good}"));
    assert_at_most_twice(&mut plugin, normal, hostile);
}

#[test]
fn rejected_tokens_are_counted_and_logged_once() {
    for (route, name) in [(COOKIE, "cookie"), (HEADER, "session-a")] {
        let mut plugin = plugin_with_keys(KEY);
        let separator = if name == "cookie" { "; " } else { ", " };
        let values =
            (0..4).map(|number| format!("Session-A={number:080}")).collect::<Vec<_>>().join(separator);
        plugin.exchange(Request::to(route).header(name, values), Response::from_endpoint(BLUE));
        let refused = ["malformed", "unknown_key", "forged", "expired", "idle", "future_dated"]
            .map(|reason| plugin.counted(&format!("rejected.{reason}")));
        assert_eq!(refused.iter().sum::<u64>(), 1, "{refused:?}");
        assert_eq!(plugin.log().iter().filter(|line| line.text.contains("rejected")).count(), 1);
    }
}
