//! The table can be written whatever names the manifests have.

use envoy_config::compile;
use envoy_config::diagnostic;
use envoy_config::options::Options;
use envoy_config::source::Source;
use envoy_config::status::{json, table};

use super::{BACKEND, BASE, route};

/// More characters than the maximum width of formatted text.
const LONG: usize = 66_000;

/// Everything that `check` prints about these documents.
fn printed(text: String) -> String {
    let sources = [Source { name: String::from("test.yaml"), text }];
    let checked = compile(&sources, &Options { keep_going: true, ..Options::default() });
    let found = diagnostic::print(&checked.diagnostics, &sources, false);
    let statuses = checked.statuses(&sources);
    [table::write(&statuses), json::write(&statuses).unwrap(), found].concat()
}

#[test]
fn names_of_any_length_are_printed() {
    let long = "x".repeat(LONG);
    let route =
        route("r", "parentRefs: [{name: eg, sectionName: http}], hostnames: [a.example.com]", BACKEND);
    let documents = format!("{BASE}---{route}");
    for name in [" eg", " http", " HTTP", " r", " backend", " a.example.com", " Gateway", " 3000", "spec"] {
        let text = documents.replace(name, &format!("{name}{long}"));
        assert!(printed(text).len() < 100 * LONG, "{name}");
    }
}

#[test]
fn long_titles_do_not_widen_the_title_column() {
    let long = "x".repeat(LONG);
    let route = route("r", &format!("parentRefs: [{{name: eg, sectionName: 1}}, {{name: {long}}}]"), BACKEND);
    let table = printed(format!("{BASE}---{route}"));
    let line = table.lines().find(|line| line.starts_with("GatewayClass")).unwrap();
    assert!(line.ends_with("ok") && line.len() < 100, "{line}");
}
