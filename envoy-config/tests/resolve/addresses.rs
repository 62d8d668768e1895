//! Which addresses listeners bind.

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
fn listeners_bind_their_port_on_the_listen_address() {
    let options = Options { listen_address: "::1".parse().unwrap(), ..Options::default() };
    assert_eq!(binds(&[BASE], &options), [("default/eg/80".to_owned(), "[::1]:80".to_owned())]);
}

#[test]
fn listeners_on_one_port_share_an_address() {
    let found = binds(&[BASE, &two(81)], &Options::default());
    assert_eq!(found.len(), 2);
    assert_eq!(found[1], ("default/two/81".to_owned(), "0.0.0.0:81".to_owned()));
}

#[test]
fn mappings_can_omit_the_namespace_and_gateway() {
    for mapping in ["b=8888", "two/http=8888", "default/two/b=8888", "two/http=0.0.0.0:8888"] {
        let found = binds(&[BASE, &two(81)], &options(&[mapping]));
        assert_eq!(found[1], ("default/two/81".to_owned(), "0.0.0.0:8888".to_owned()), "{mapping}");
    }
    let found = binds(&[BASE], &options(&["eg/http=[::1]:8888"]));
    assert_eq!(found[0].1, "[::1]:8888");
}

#[test]
fn unknown_and_ambiguous_listeners_are_usage_errors_that_list_the_choices() {
    assert_eq!(
        usage_errors(&[BASE, &two(81)], &options(&["web=1", "http=2"])),
        [
            "listener web not found; the manifests contain default/eg/http, default/two/http, default/two/b",
            "listener http is ambiguous; expected one of default/eg/http, default/two/http",
        ]
    );
}

#[test]
fn mappings_of_one_port_must_agree() {
    assert_eq!(
        usage_errors(&[BASE, &two(81)], &options(&["two/http=8888", "b=8889"])),
        [
            "default/two/b is mapped to both 0.0.0.0:8888 and 0.0.0.0:8889, but listeners on the same port must share one address"
        ]
    );
    assert_eq!(binds(&[BASE, &two(81)], &options(&["two/http=8888", "b=8888"]))[1].1, "0.0.0.0:8888");
}

#[test]
fn address_conflicts_suggest_a_port_mapping() {
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
fn address_conflicts_are_reported_once_and_suggest_free_ports() {
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
fn mappings_for_gateways_that_are_not_served_are_warnings() {
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
fn gateways_on_one_address_are_not_served_and_their_routes_report_nothing() {
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
fn the_selected_gateway_must_exist() {
    let options = Options { gateway: Some("infra/eg".parse().unwrap()), ..Options::default() };
    assert_eq!(
        usage_errors(&[BASE], &options),
        ["Gateway infra/eg not found; the manifests contain default/eg"]
    );
}

#[test]
fn empty_input_is_a_usage_error() {
    assert_eq!(usage_errors(&[], &Options::default()), ["there are no manifests to read"]);
}

#[test]
fn invalid_option_values_are_rejected() {
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
