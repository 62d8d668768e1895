//! Every diagnostic code has exactly one entry in `docs/diagnostics.md`, in the section of its stage, and a test
//! produces it.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use envoy_config::diagnostic::{Code, Stage};
use envoy_config::options::Options;
use envoy_config::source::Source;

/// Codes that no manifests produce, and why.
const UNREACHABLE: &[(&str, &str)] =
    &[("invalid-session-persistence", "the reader rejects every combination that would produce it")];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn names() -> BTreeSet<&'static str> {
    Code::ALL.iter().map(|code| code.name).collect()
}

const fn title(stage: Stage) -> &'static str {
    match stage {
        Stage::Text => "YAML and objects",
        Stage::Fields => "Fields",
        Stage::Sessions => "Sessions",
        Stage::Gateways => "Gateways and listeners",
        Stage::Routes => "Routes",
        Stage::Backends => "Backends",
        Stage::CommandLine => "Command line",
    }
}

#[test]
fn names_are_unique_and_in_kebab_case() {
    assert_eq!(names().len(), Code::ALL.len());
    for name in names() {
        assert!(name.split('-').all(|word| !word.is_empty()), "{name}");
        assert!(
            name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-'),
            "{name}"
        );
    }
}

#[test]
fn every_code_has_one_entry_in_the_documentation() {
    let page = fs::read_to_string(root().join("../docs/diagnostics.md")).unwrap();
    let mut section = "";
    let mut entries = Vec::new();
    for line in page.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            section = title;
        } else if let Some(name) = line.strip_prefix("### `").and_then(|rest| rest.strip_suffix('`')) {
            entries.push((section, name));
        }
    }
    let expected: Vec<_> = Code::ALL.iter().map(|code| (title(code.stage), code.name)).collect();
    assert_eq!(entries, expected);
}

#[test]
fn entries_begin_with_the_meaning_of_their_code() {
    let page = fs::read_to_string(root().join("../docs/diagnostics.md")).unwrap();
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let entries: Vec<&str> = page.split("\n### ").collect();
    for code in Code::ALL {
        let entry = entries.iter().find_map(|entry| entry.strip_prefix(&format!("`{}`\n", code.name)));
        let entry = words(entry.expect(code.name));
        assert!(entry.starts_with(code.meaning), "{}: {entry}", code.name);
    }
}

#[test]
fn every_code_is_produced_by_some_test() {
    let mut missing = names();
    for case in fs::read_dir(root().join("tests/golden")).unwrap() {
        let printed = fs::read_to_string(case.unwrap().path().join("stderr")).unwrap_or_default();
        missing.retain(|name| !printed.contains(&format!("[{name}]")));
    }
    // It takes more findings than a golden case should have.
    let text = "--- a\n".repeat(20_000);
    let sources = [Source { name: String::from("manifests.yaml"), text }];
    let found = envoy_config::compile(&sources, &Options::default()).diagnostics;
    missing.retain(|name| found.last().is_none_or(|last| last.code.name() != *name));
    for (name, reason) in UNREACHABLE {
        assert!(missing.remove(name), "{name} is produced, although {reason}");
    }
    assert!(missing.is_empty(), "{missing:?}");
}
