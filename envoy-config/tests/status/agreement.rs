//! The statuses of the golden cases agree with their findings.

use std::fs;
use std::path::Path;

use envoy_config::compile;
use envoy_config::diagnostic::Severity;
use envoy_config::options::Options;
use envoy_config::source::Source;
use envoy_config::status::{Holds, Reason, json};

/// The manifests of every golden case, by name.
fn cases() -> Vec<(String, Vec<Source>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folders = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<_> = folders
        .filter(|folder| folder.is_dir())
        .map(|folder| {
            let files = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
            let manifests = files.filter(|file| {
                let manifest = file.extension().is_some_and(|end| end == "yaml" || end == "json");
                manifest && !file.ends_with("envoy.yaml")
            });
            let source = |file: std::path::PathBuf| Source {
                name: file.display().to_string(),
                text: fs::read_to_string(&file).unwrap(),
            };
            let mut sources: Vec<Source> = manifests.map(source).collect();
            sources.sort_by(|a, b| a.name.cmp(&b.name));
            (folder.file_name().unwrap().to_string_lossy().into_owned(), sources)
        })
        .filter(|(_, sources)| !sources.is_empty())
        .collect();
    cases.sort_by(|(a, _), (b, _)| a.cmp(b));
    cases
}

/// Asserts that each failed condition has a message, and that there is an error for it.
fn assert_agreement(name: &str, sources: &[Source]) {
    let checked = compile(sources, &Options::default());
    if !checked.usage_errors.is_empty() {
        return;
    }
    let failed = checked.diagnostics.iter().any(|found| found.severity == Severity::Error);
    let statuses = checked.statuses(sources);
    for object in &statuses {
        let title = format!("{name}: {} {}", object.kind, object.metadata.name);
        for condition in object.conditions() {
            assert!(condition.is_fine() || !condition.message.is_empty(), "{title}: {condition:?}");
            // A policy that loses to another one is only a warning.
            let harmless = condition.is_fine() || condition.reason == Reason::Conflicted;
            assert!(failed || harmless, "{title}: {condition:?}");
            let pending = condition.reason == Reason::Pending;
            assert_eq!(pending, condition.status == Holds::Unknown, "{title}: {condition:?}");
        }
    }
    let text = json::write(&statuses).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(&text).is_ok(), "{name}");
}

#[test]
fn every_failed_condition_has_a_message_and_a_finding() {
    let cases = cases();
    assert!(cases.len() > 50, "{}", cases.len());
    for (name, sources) in cases {
        assert_agreement(&name, &sources);
    }
}

/// Manifests with a line missing.
#[test]
fn failed_conditions_of_damaged_manifests_have_a_message_and_a_finding() {
    for (number, (name, sources)) in cases().into_iter().enumerate() {
        for (position, source) in sources.iter().enumerate() {
            let lines: Vec<&str> = source.text.lines().collect();
            // A different line in each case, so that all kinds of lines are covered.
            for lost in (number % 13..lines.len()).step_by(13) {
                let mut kept = lines.clone();
                kept.remove(lost);
                let mut sources = sources.clone();
                sources[position].text = kept.join("\n");
                assert_agreement(&format!("{name} without line {}", lost + 1), &sources);
            }
        }
    }
}
