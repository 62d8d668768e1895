//! The table of conformance tests in `docs/gateway-api.md` names the tests in `integration/tests/conformance`: each one that
//! passes is replayed there, and each one that is replayed is in the table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use integration::harness::workspace;

/// Tests of this project in the same folder, with the reason why upstream has none.
const OURS: [(&str, &str); 3] = [
    ("backendtlspolicy_with_an_authority_that_changes", "the suite does not change CA certificates"),
    ("httproute_backend_request_header_modifier", "the suite has it for a mesh only"),
    ("sessions_persist_whatever_else_a_rule_does", "the suite does not combine sessions with other features"),
];

#[test]
fn the_table_of_conformance_tests_names_the_tests_that_are_replayed() {
    let rows = rows();
    let passing = rows.iter().filter(|(_, (result, _))| result == "passes");
    let passing: BTreeSet<String> = passing.map(|(test, _)| test.replace('-', "_")).collect();
    let replayed = replayed();
    let ours: BTreeSet<String> = OURS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let missing: Vec<_> = passing.difference(&replayed).collect();
    assert!(missing.is_empty(), "in the table, but not replayed: {missing:?}");
    let unlisted: Vec<_> =
        replayed.iter().filter(|name| !passing.contains(*name) && !ours.contains(*name)).collect();
    assert!(unlisted.is_empty(), "replayed, but not in the table: {unlisted:?}");
    let gone: Vec<_> = ours.difference(&replayed).collect();
    assert!(gone.is_empty(), "no longer tests: {gone:?}");
}

#[test]
fn a_conformance_test_that_is_not_replayed_has_a_reason() {
    for (test, (result, reason)) in rows() {
        assert_eq!(result == "passes", reason.is_empty(), "{test}: {result}, {reason:?}");
        assert!(matches!(result.as_str(), "passes" | "not replayed"), "{test}: {result}");
    }
}

/// The result and the reason of each test in the table.
fn rows() -> BTreeMap<String, (String, String)> {
    let page = fs::read_to_string(workspace::root().join("docs/gateway-api.md")).unwrap();
    let (_, section) = page.split_once("\n## Conformance tests\n").expect("the section");
    let section = section.split("\n## ").next().unwrap();
    let mut rows = BTreeMap::new();
    for line in section.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [test, result, reason] = cells[..] else { panic!("three cells: {line}") };
        let earlier = rows.insert(test.trim_matches('`').to_owned(), (result.to_owned(), reason.to_owned()));
        assert!(earlier.is_none(), "{test} is there twice");
    }
    assert!(!rows.is_empty(), "the table is empty");
    rows
}

/// The names of the functions that are tests in `integration/tests/conformance`.
fn replayed() -> BTreeSet<String> {
    let folder = workspace::root().join("integration/tests/conformance");
    let mut names = BTreeSet::new();
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    for path in paths.filter(|path| path.extension().is_some_and(|end| end == "rs")) {
        let text = fs::read_to_string(path).unwrap();
        for test in text.split("\n#[").skip(1) {
            if test.starts_with("test]") || test.starts_with("tokio::test") {
                let (_, function) = test.split_once("fn ").expect("a function behind the attribute");
                names.insert(function.split('(').next().unwrap().to_owned());
            }
        }
    }
    names
}
