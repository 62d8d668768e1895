//! Which addresses are bound.

use std::net::SocketAddr;

use envoy_config::options::{Bind, NamespacedName, OptionError, Options, PortMapping, UsageError};

use super::{BASE, codes, compiled, finding, gateway, model_with, prefix, route};

fn options(mappings: &[&str]) -> Options {
    let port_mappings = mappings.iter().map(|mapping| mapping.parse().unwrap()).collect();
    Options { port_mappings, ..Options::default() }
}

fn binds(documents: &[&str], options: &Options) -> Vec<(String, String)> {
    let listeners = model_with(documents, options).listeners;
    listeners.into_iter().map(|listener| (listener.name, listener.bind.to_string())).collect()
}

fn usage_errors(documents: &[&str], options: &Options) -> Vec<String> {
    let compilation = compiled(documents, options);
    assert!(compilation.model.is_none());
    compilation.usage_errors.iter().map(UsageError::to_string).collect()
}

fn two(port: u16) -> String {
    gateway(
        "two",
        &format!(
            "[{{name: http, protocol: HTTP, port: {port}}}, {{name: b, protocol: HTTP, port: {port}, hostname: b.example}}]"
        ),
    )
}

#[test]
fn a_listener_binds_its_own_port_on_the_listen_address() {
    let options = Options { listen_address: "::1".parse().unwrap(), ..Options::default() };
    assert_eq!(binds(&[BASE], &options), [("default/eg/80".to_owned(), "[::1]:80".to_owned())]);
}

#[test]
fn the_listeners_of_a_gateway_on_one_port_share_an_address() {
    let found = binds(&[BASE, &two(81)], &Options::default());
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], ("default/two/81".to_owned(), "0.0.0.0:81".to_owned()));
}

#[test]
fn a_mapping_names_a_listener_as_far_as_it_needs() {
    for mapping in ["b=8888", "two/http=8888", "default/two/b=8888", "two/http=0.0.0.0:8888"] {
        let found = binds(&[BASE, &two(81)], &options(&[mapping]));
        assert_eq!(found[1], ("default/two/81".to_owned(), "0.0.0.0:8888".to_owned()), "{mapping}");
    }
    let found = binds(&[BASE], &options(&["eg/http=[::1]:8888"]));
    assert_eq!(found[0].1, "[::1]:8888");
}

#[test]
fn an_unknown_or_ambiguous_listener_is_a_usage_error_that_lists_the_choices() {
    assert_eq!(
        usage_errors(&[BASE, &two(81)], &options(&["web=1", "http=2"])),
        [
            "listener web not found; the manifests contain default/eg/http, default/two/http, default/two/b",
            "listener http is ambiguous; expected one of default/eg/http, default/two/http",
        ]
    );
}

#[test]
fn two_mappings_of_one_port_must_agree() {
    assert_eq!(
        usage_errors(&[BASE, &two(81)], &options(&["two/http=8888", "b=8889"])),
        [
            "default/two/b is mapped to both 0.0.0.0:8888 and 0.0.0.0:8889, but listeners on the same port must share one address"
        ]
    );
    assert_eq!(binds(&[BASE, &two(81)], &options(&["two/http=8888", "b=8888"]))[1].1, "0.0.0.0:8888");
}

#[test]
fn two_gateways_on_one_address_are_an_error_that_says_how_to_part_them() {
    let documents = [BASE, &two(80)];
    let found = finding(&documents);
    assert_eq!(found.code.name(), "address-conflict");
    assert_eq!(found.object.as_deref(), Some("Gateway default/two"));
    assert_eq!(
        found.hint.as_deref(),
        Some("move all but one, for example with --map-port default/two/http=8889")
    );
    assert_eq!(binds(&documents, &options(&["default/two/http=8889"])).len(), 2);
}

#[test]
fn an_address_conflict_is_reported_once_and_no_suggested_port_is_taken() {
    let listeners = |name: &str| {
        let listener = |port| format!("{{name: p{port}, protocol: HTTP, port: {port}}}");
        gateway(name, &format!("[{}, {}]", listener(80), listener(8890)))
    };
    let documents = [BASE, &listeners("f"), &listeners("g")];
    let found = compiled(&documents, &Options::default()).diagnostics;
    let hints: Vec<_> =
        found.iter().map(|found| (found.code.name(), found.hint.as_deref().unwrap())).collect();
    let advice = "move all but one, for example with";
    assert_eq!(
        hints,
        [
            (
                "address-conflict",
                &*format!("{advice} --map-port default/f/p80=8889 --map-port default/g/p80=8891")
            ),
            ("address-conflict", &*format!("{advice} --map-port default/g/p8890=8892")),
        ]
    );
    let all = ["default/f/p80=8889", "default/g/p80=8891", "default/g/p8890=8892"];
    assert_eq!(binds(&documents, &options(&all)).len(), 5);
}

#[test]
fn a_mapping_for_a_gateway_that_is_not_served_is_no_mistake_of_the_call() {
    let refused = gateway(
        "other",
        "[{name: web, protocol: HTTP, port: 80}]\n  addresses: [{type: Hostname, value: a.example}]",
    );
    let found = compiled(&[BASE, &refused], &options(&["other/web=8080"]));
    assert_eq!(found.usage_errors, []);
    assert!(found.diagnostics.iter().any(|found| {
        found.code.name() == "unused-map-port" && found.object.as_deref() == Some("Gateway default/other")
    }));
    let selected = Options { gateway: Some("default/eg".parse().unwrap()), ..options(&["web=8080"]) };
    let found = compiled(&[BASE, &refused], &selected);
    assert_eq!(codes(&found.diagnostics), ["unused-map-port"]);
    assert!(found.model.is_some());
}

#[test]
fn of_two_gateways_on_one_address_neither_is_served_and_their_routes_are_no_second_fault() {
    let options = Options { keep_going: true, ..Options::default() };
    let found = compiled(
        &[BASE, &two(80), &gateway("c", "[{name: c, protocol: HTTP, port: 82}]"), &route("r", &prefix("/"))],
        &options,
    );
    assert_eq!(codes(&found.diagnostics), ["address-conflict"]);
    let names: Vec<_> = found.model.unwrap().listeners.into_iter().map(|listener| listener.name).collect();
    assert_eq!(names, ["default/c/82"]);
}

#[test]
fn a_gateway_to_select_must_be_there() {
    let options = Options { gateway: Some("infra/eg".parse().unwrap()), ..Options::default() };
    assert_eq!(
        usage_errors(&[BASE], &options),
        ["Gateway infra/eg not found; the manifests contain default/eg"]
    );
}

#[test]
fn nothing_to_read_is_a_usage_error() {
    assert_eq!(usage_errors(&[], &Options::default()), ["there are no manifests to read"]);
}

#[test]
fn option_values_that_mean_nothing_are_refused() {
    for text in ["http", "=80", "a/b/c/d=80", "a//b=80", "/b=80"] {
        assert_eq!(text.parse::<PortMapping>(), Err(OptionError::PortMapping), "{text}");
    }
    for text in ["", "0", "65536", "http", "127.0.0.1", "127.0.0.1:0", "::1:80", "-1"] {
        assert_eq!(text.parse::<Bind>(), Err(OptionError::Bind(text.to_owned())), "{text}");
    }
    for text in ["eg", "/eg", "default/", "a/b/c", ""] {
        assert_eq!(text.parse::<NamespacedName>(), Err(OptionError::NamespacedName), "{text}");
    }
    let address: SocketAddr = "127.0.0.1:80".parse().unwrap();
    assert_eq!("127.0.0.1:80".parse(), Ok(Bind::Address(address)));
}
