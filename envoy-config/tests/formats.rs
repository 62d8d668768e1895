//! `check` for programs: SARIF logs follow their schema, and every diagnostic is in them and among the annotations.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

#[path = "packages/mod.rs"]
mod packages;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use envoy_config::cli::{Exit, Streams, run};
use envoy_config::diagnostic::{github, sarif};
use envoy_config::options::Options;
use envoy_config::source::Source;
use serde_json::Value;

/// The manifests of each golden case.
fn cases() -> Vec<(PathBuf, Vec<Source>)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = |folder: &Path| {
        let mut paths: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let source = |path: &PathBuf| {
        let name = path.file_name()?.to_str()?;
        let is_manifest = path.extension()? == "yaml" && name != "envoy.yaml";
        // The names of files are parts of URIs and commands.
        is_manifest.then(|| Source {
            name: format!("./a folder/100%,{name}"),
            text: fs::read_to_string(path).unwrap(),
        })
    };
    entries(&root)
        .into_iter()
        .filter(|case| case.is_dir())
        .map(|case| (case.clone(), entries(&case).iter().filter_map(source).collect()))
        .collect()
}

#[test]
fn every_diagnostic_is_in_both_formats_and_logs_follow_the_schema_of_sarif() {
    let schema = fs::read_to_string(packages::folder("serde-sarif").join("src/schema.json")).unwrap();
    let mut schema: Value = serde_json::from_str(&schema).unwrap();
    // This pattern is not valid, and our logs name no language.
    for definition in ["run", "toolComponent"] {
        let language = &mut schema["definitions"][definition]["properties"]["language"];
        language.as_object_mut().unwrap().remove("pattern").unwrap();
    }
    let schema = jsonschema::validator_for(&schema).unwrap();
    let options = Options { keep_going: true, ..Options::default() };
    let mut found = 0;
    for (case, sources) in cases() {
        let diagnostics = envoy_config::compile(&sources, &options).diagnostics;
        found += diagnostics.len();
        let log: Value = serde_json::from_str(&sarif(&diagnostics, &sources).unwrap()).unwrap();
        let errors: Vec<String> =
            schema.iter_errors(&log).map(|error| format!("{}: {error}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}: {}", case.display(), errors.join("\n"));
        let results = log["runs"][0]["results"].as_array().unwrap();
        assert_eq!(results.len(), diagnostics.len(), "{}", case.display());
        let rules = log["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap();
        for result in results {
            assert!(rules.iter().any(|rule| rule["id"] == result["ruleId"]), "{result}");
        }
        let commands = github(&diagnostics, &sources);
        assert_eq!(commands.lines().count(), diagnostics.len(), "{}", case.display());
        for command in commands.lines() {
            let file = "file=a folder/100%25%2C";
            assert!(command.starts_with("::") && command.matches("::").count() >= 2, "{command}");
            assert!(command.contains(file) || !command.contains("file="), "{command}");
        }
    }
    assert!(found > 300, "only {found} diagnostics");
}

#[test]
fn results_have_place_object_and_help() {
    let ended = call(&["--output", "sarif"]);
    let log: Value = serde_json::from_str(&ended.1).unwrap();
    let result = &log["runs"][0]["results"][0];
    let place = &result["locations"][0]["physicalLocation"];
    let region = serde_json::json!({"startLine": 6, "startColumn": 3, "endLine": 6, "endColumn": 9});
    assert_eq!((&place["artifactLocation"]["uri"], &place["region"]), (&Value::from("%3Cstdin%3E"), &region));
    assert_eq!((&result["ruleId"], &result["level"]), (&Value::from("unknown-field"), &Value::from("error")));
    let object = &result["locations"][0]["logicalLocations"][0]["fullyQualifiedName"];
    assert_eq!(object, "Gateway default/eg spec.lissen");
    let help = log["runs"][0]["tool"]["driver"]["rules"][0]["help"]["markdown"].as_str().unwrap();
    assert!(help.starts_with("The object has no such field.") && help.contains("- Fix: "), "{help}");
    let commands = call(&["--output", "github"]).1;
    // Standard input is no file of the repository.
    let start = "::error title=unknown-field::";
    assert!(commands.starts_with(start), "{commands}");
}

#[test]
fn the_exit_status_can_count_warnings_or_nothing() {
    assert_eq!(call(&[]).0, Exit::Diagnostics);
    assert_eq!(call(&["--exit-zero"]).0, Exit::Fine);
    assert_eq!(check(WARNING, &[]).0, Exit::Fine);
    assert_eq!(check(WARNING, &["--warnings-as-errors"]).0, Exit::Diagnostics);
    assert_eq!(check(WARNING, &["--warnings-as-errors", "--exit-zero"]).0, Exit::Usage);
    assert_eq!(check("", &["--exit-zero", "--gateway", "a/b"]).0, Exit::Usage);
}

const ERROR: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  lissen: []
  listeners: [{name: http, protocol: HTTP, port: 80}]
";

/// A label of infrastructure is a warning.
const WARNING: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  infrastructure: {labels: {a: b}}
  listeners: [{name: http, protocol: HTTP, port: 80}]
";

fn call(arguments: &[&str]) -> (Exit, String) {
    check(ERROR, arguments)
}

/// The exit status and standard output of `check`.
fn check(manifests: &str, arguments: &[&str]) -> (Exit, String) {
    let (mut output, mut errors) = (Vec::new(), Vec::new());
    let streams =
        Streams { input: &mut manifests.as_bytes(), output: &mut output, errors: &mut errors, colour: false };
    let start = ["envoy-config", "check", "-f", "-"];
    let exit = run(start.iter().chain(arguments).map(OsString::from), streams);
    (exit, String::from_utf8(output).unwrap())
}
