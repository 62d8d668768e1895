//! The order of files, and of the documents in them, changes nothing in what is written: Kubernetes knows no order either.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::limits::Limits;
use envoy_config::options::{AccessLog, AdminAddress, Options};
use envoy_config::render;
use envoy_config::source::Source;
use session_persistence::config::Pin;

#[test]
fn the_order_of_documents_and_files_changes_nothing_in_the_output() {
    let (mut compared, mut wrong) = (0, Vec::new());
    for case in cases() {
        let name = case.file_name().unwrap().to_string_lossy().into_owned();
        let documents = documents(&case);
        if documents.len() < 2 {
            continue;
        }
        let expected = bootstrap(&documents);
        compared += usize::from(expected.is_some());
        for (order, documents) in orders(&documents) {
            if bootstrap(&documents) != expected {
                wrong.push(format!("{name}, {order}"));
            }
        }
    }
    assert!(compared > 20, "only {compared} cases write anything");
    assert!(wrong.is_empty(), "written differently in another order: {wrong:#?}");
}

/// The documents in other orders, each a file of its own; and all in one file.
fn orders(documents: &[Source]) -> Vec<(&'static str, Vec<Source>)> {
    let reversed: Vec<Source> = documents.iter().rev().cloned().collect();
    let mut rotated = documents.to_vec();
    rotated.rotate_left(documents.len() / 2);
    let texts: Vec<&str> = reversed.iter().map(|document| document.text.as_str()).collect();
    let joined = vec![Source { name: String::from("all.yaml"), text: texts.join("\n---\n") }];
    vec![("reversed", reversed), ("rotated", rotated), ("reversed in one file", joined)]
}

/// What is written, whatever is wrong; none when nothing is.
fn bootstrap(sources: &[Source]) -> Option<String> {
    let options = Options { keep_going: true, allow_loopback_endpoints: true, ..Options::default() };
    let model = envoy_config::compile(sources, &options).model?;
    let options = render::Options {
        admin: AdminAddress::default(),
        module: String::from("filter.wasm"),
        system_authorities: String::from("authorities.pem"),
        limits: Limits::default(),
        pin: Pin::default(),
        access_log: AccessLog::default(),
    };
    Some(render::render(&model, &options).unwrap())
}

/// Every document of a case.
fn documents(case: &Path) -> Vec<Source> {
    let mut files: Vec<PathBuf> = fs::read_dir(case).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let manifests = files.iter().filter(|path| {
        path.extension().is_some_and(|end| end == "yaml" || end == "yml") && !path.ends_with("envoy.yaml")
    });
    let texts = manifests.map(|path| fs::read_to_string(path).unwrap());
    let documents = texts.flat_map(|text| {
        let documents: Vec<String> = format!("\n{text}").split("\n---").map(str::to_owned).collect();
        documents
    });
    documents.enumerate().map(|(number, text)| Source { name: format!("{number}.yaml"), text }).collect()
}

fn cases() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let cases = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<PathBuf> = cases.filter(|path| path.is_dir()).collect();
    cases.sort();
    cases
}
