//! Golden cases: folders of manifests with everything that the program says and writes for them.
//!
//! ```text
//! tests/golden/<case>/
//!   *.yaml, *.yml, *.json   the manifests, except envoy.yaml; read as `-f .`, unless there is an `args`
//!   command                 optional: the command to run, `render` when there is no such file
//!   args                    optional: more arguments, one a line; if one of them is `-f`, nothing is read beside
//!   stdin                   optional: the text of standard input
//!   envoy.yaml              what `render` writes to standard output; no such file: nothing
//!   stdout                  what any other command writes there
//!   stderr                  what it writes to standard error; no such file: nothing
//!   exit                    the exit code; no such file: 0
//! ```
//!
//! The manifests are copied to an empty directory, which is the current one of the program, so that paths in messages are
//! the same everywhere. `UPDATE_GOLDEN=1 cargo test -p envoy-config --test golden` writes what the program says now and
//! deletes what it no longer says.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What the program made of a case. An empty text and the exit code 0 have no file.
#[derive(PartialEq, Eq)]
struct Outcome {
    envoy: String,
    stdout: String,
    stderr: String,
    exit: String,
}

/// The files of a case that hold its outcome.
const OUTCOME: [&str; 4] = ["envoy.yaml", "stdout", "stderr", "exit"];

#[test]
fn every_case_says_and_writes_what_its_folder_holds() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let update = std::env::var_os("UPDATE_GOLDEN").is_some_and(|value| value == "1");
    let mut cases: Vec<PathBuf> = fs::read_dir(&root)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .collect();
    cases.sort();
    assert!(!cases.is_empty(), "there are no cases in {}", root.display());
    let mut wrong = Vec::new();
    for case in &cases {
        let outcome = run(case);
        if update {
            write(case, &outcome);
        } else if let Some(difference) = difference(case, &outcome) {
            wrong.push(difference);
        }
    }
    assert!(wrong.is_empty(), "{}\nUPDATE_GOLDEN=1 accepts what the program says now", wrong.join("\n"));
}

fn run(case: &Path) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let mut manifests = 0;
    for entry in fs::read_dir(case).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_manifest = [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end));
        if is_manifest && name != "envoy.yaml" {
            fs::copy(&path, directory.path().join(name)).unwrap();
            manifests += 1;
        }
    }
    let arguments = read(case, "args");
    let arguments: Vec<&str> = arguments.lines().collect();
    let names_input = arguments.contains(&"-f");
    assert!(manifests > 0 || names_input, "{} has no manifests", case.display());

    let mut command = Command::new(env!("CARGO_BIN_EXE_envoy-config"));
    let rendering = !case.join("command").exists();
    let name = if rendering { String::from("render") } else { read(case, "command") };
    command.current_dir(directory.path()).arg(name.trim_end());
    if !names_input {
        command.args(["-f", "."]);
    }
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut program = command.spawn().unwrap();
    // A program that does not read its input closes it, which is no concern here.
    let _ = program.stdin.take().unwrap().write_all(read(case, "stdin").as_bytes());
    let output = program.wait_with_output().unwrap();
    let exit = output.status.code().expect("the program ends by itself");
    let stdout = String::from_utf8(output.stdout).unwrap();
    let (envoy, stdout) = if rendering { (stdout, String::new()) } else { (String::new(), stdout) };
    Outcome {
        envoy,
        stdout,
        stderr: String::from_utf8(output.stderr).unwrap(),
        exit: if exit == 0 { String::new() } else { format!("{exit}\n") },
    }
}

impl Outcome {
    fn files(&self) -> [(&'static str, &str); 4] {
        let [envoy, stdout, stderr, exit] = OUTCOME;
        [(envoy, &self.envoy), (stdout, &self.stdout), (stderr, &self.stderr), (exit, &self.exit)]
    }
}

fn read(case: &Path, file: &str) -> String {
    let path = case.join(file);
    if path.exists() { fs::read_to_string(path).unwrap() } else { String::new() }
}

fn write(case: &Path, outcome: &Outcome) {
    for (file, text) in outcome.files() {
        let path = case.join(file);
        if !text.is_empty() {
            fs::write(path, text).unwrap();
        } else if path.exists() {
            fs::remove_file(path).unwrap();
        }
    }
}

fn difference(case: &Path, outcome: &Outcome) -> Option<String> {
    let wrong = outcome.files().into_iter().find(|(file, text)| read(case, file) != *text)?;
    let (file, found) = wrong;
    let expected = read(case, file);
    let line = expected.lines().zip(found.lines()).take_while(|(expected, found)| expected == found).count();
    Some(format!(
        "{}: {file} differs from line {}:\nexpected: {:?}\nfound:    {:?}\n\nwhole of stderr:\n{}",
        case.file_name().unwrap().to_string_lossy(),
        line + 1,
        expected.lines().nth(line),
        found.lines().nth(line),
        outcome.stderr,
    ))
}
