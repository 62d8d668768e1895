//! Which files the program reads, replaces and keeps; runs the program itself.

#![cfg(unix)]
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs::{self, File, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

const PROGRAM: &str = env!("CARGO_BIN_EXE_envoy-config");
const MANIFESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/endpoints/input.yaml");
const SECRETS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/https");

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM).args(arguments).stdin(Stdio::null()).output().unwrap()
}

fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// A temporary directory with a manifest file.
fn directory() -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let manifests = directory.path().join("manifests.yaml");
    fs::copy(MANIFESTS, &manifests).unwrap();
    (directory, manifests)
}

/// The names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_output_file_that_is_an_input_file_is_rejected_through_any_link() {
    let (directory, manifests) = directory();
    let [link, hard_link] = ["link.yaml", "hard-link"].map(|name| directory.path().join(name));
    symlink(&manifests, &link).unwrap();
    fs::hard_link(&manifests, &hard_link).unwrap();
    let roundabout = directory.path().join("../").join(directory.path().file_name().unwrap());
    let roundabout = roundabout.join("manifests.yaml");
    for output in [&manifests, &link, &hard_link, &roundabout] {
        for input in [&manifests, &link] {
            let ended = run(&["render", "-f", text(input), "-o", text(output)]);
            assert_eq!(ended.status.code(), Some(2), "{}", errors(&ended));
            assert!(errors(&ended).contains("-f reads this file"), "{}", errors(&ended));
        }
    }
    assert_eq!(fs::read(&manifests).unwrap(), fs::read(MANIFESTS).unwrap());

    let redirected = Command::new(PROGRAM)
        .args(["render", "-f", "-", "-o", text(&manifests)])
        .stdin(File::open(&manifests).unwrap())
        .output()
        .unwrap();
    assert_eq!(redirected.status.code(), Some(2), "{}", errors(&redirected));
}

#[test]
fn an_output_file_in_an_input_directory_is_rejected() {
    let (directory, _) = directory();
    let before = names(directory.path());
    for name in ["envoy.yaml", "envoy.yml", "envoy.json", "manifests.yaml"] {
        let output = directory.path().join(name);
        let ended = run(&["render", "-f", text(directory.path()), "-o", text(&output)]);
        assert_eq!(ended.status.code(), Some(2), "{name}: {}", errors(&ended));
        assert_eq!(names(directory.path()), before);
    }
    let link = directory.path().join("later.txt");
    symlink(directory.path().join("later.yaml"), &link).unwrap();
    let ended = run(&["render", "-f", text(directory.path()), "-o", text(&link)]);
    assert_eq!(ended.status.code(), Some(2), "{}", errors(&ended));
    // Files without the extension of a manifest are not read.
    let output = directory.path().join("envoy.conf");
    let ended = run(&["render", "-f", text(directory.path()), "-o", text(&output)]);
    assert!(ended.status.success(), "{}", errors(&ended));
}

#[test]
fn a_replaced_file_keeps_its_mode_unless_it_has_keys() {
    let (directory, manifests) = directory();
    let output = directory.path().join("envoy.conf");
    let mode = || fs::metadata(&output).unwrap().permissions().mode() & 0o777;
    for kept in [0o600, 0o640, 0o400, 0o664, 0o644] {
        fs::write(&output, "old").unwrap_or_default();
        fs::set_permissions(&output, Permissions::from_mode(kept)).unwrap();
        let ended = run(&["render", "-f", text(&manifests), "-o", text(&output)]);
        assert!(ended.status.success(), "{}", errors(&ended));
        assert_eq!(mode(), kept, "{:o} and {kept:o}", mode());
        assert_ne!(fs::read_to_string(&output).unwrap(), "old");
        fs::set_permissions(&output, Permissions::from_mode(0o600)).unwrap();
    }
    let secrets = ["gateway.yaml", "secrets.yaml"].map(|name| format!("{SECRETS}/{name}"));
    for (before, after) in [(0o644, 0o600), (0o640, 0o600), (0o400, 0o400)] {
        fs::set_permissions(&output, Permissions::from_mode(before)).unwrap();
        let [gateway, secrets] = secrets.each_ref();
        let ended = run(&["render", "-f", gateway, "-f", secrets, "-o", text(&output)]);
        assert!(ended.status.success(), "{}", errors(&ended));
        assert_eq!(mode(), after, "{before:o}");
    }
    fs::remove_file(&output).unwrap();
    let [gateway, secrets] = secrets.each_ref();
    assert!(run(&["render", "-f", gateway, "-f", secrets, "-o", text(&output)]).status.success());
    assert_eq!(mode(), 0o600);
}

/// Runs the program with a file size limit that its output exceeds, so that the system kills it while it writes.
fn interrupted(arguments: &[&str]) -> Output {
    let limited = "ulimit -c 0; ulimit -f 1; exec \"$@\"";
    Command::new("sh").args(["-c", limited, "sh", PROGRAM]).args(arguments).output().unwrap()
}

#[test]
fn the_next_run_removes_temporary_files_of_an_interrupted_one() {
    let (directory, manifests) = directory();
    let output = directory.path().join("envoy.conf");
    fs::write(&output, "old").unwrap();
    let arguments = ["render", "-f", text(&manifests), "-o", text(&output)];
    let ended = interrupted(&arguments);
    assert!(ended.status.signal().is_some(), "{:?} {}", ended.status, errors(&ended));
    assert_eq!(fs::read_to_string(&output).unwrap(), "old");
    assert_eq!(names(directory.path()).len(), 3, "{:?}", names(directory.path()));

    // Another process is still writing one of these; the other one belongs to someone else.
    let busy = directory.path().join(".envoy-config-abcdefghijkl.tmp");
    let busy_file = File::create(&busy).unwrap();
    busy_file.lock().unwrap();
    fs::write(directory.path().join(".envoy-config-notes.tmp"), "").unwrap();
    let ended = run(&arguments);
    assert!(ended.status.success(), "{}", errors(&ended));
    let expected =
        [".envoy-config-abcdefghijkl.tmp", ".envoy-config-notes.tmp", "envoy.conf", "manifests.yaml"];
    assert_eq!(names(directory.path()), expected);
    drop(busy_file);
    assert!(run(&arguments).status.success());
    assert!(!busy.exists());
}

#[test]
fn devices_and_named_pipes_are_rejected() {
    let (directory, _) = directory();
    let pipe = directory.path().join("pipe.yaml");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for path in ["/dev/zero", "/dev/null", text(&pipe), text(directory.path())] {
        let ended = run(&["check", "-f", path]);
        assert_eq!(ended.status.code(), Some(2), "{path}");
        assert!(errors(&ended).contains("it is not a regular file; pass its contents"), "{}", errors(&ended));
    }
}

#[test]
fn pipes_of_process_substitution_are_read() {
    let ended = run(&["render", "-f", MANIFESTS]);
    for call in [
        "\"$0\" render -f <(cat \"$1\")",
        "\"$0\" render -f /dev/stdin < \"$1\"",
        "cat \"$1\" | \"$0\" render -f /dev/fd/0",
    ] {
        let piped = Command::new("bash").args(["-c", call, PROGRAM, MANIFESTS]).output().unwrap();
        assert_eq!(
            (piped.status.code(), &piped.stdout),
            (Some(0), &ended.stdout),
            "{call}: {}",
            errors(&piped)
        );
    }
}

#[test]
fn too_much_input_is_rejected_with_its_size_and_the_limit() {
    let (directory, manifests) = directory();
    let ended = Command::new(PROGRAM)
        .args(["check", "-f", "-"])
        .stdin(File::open("/dev/zero").unwrap())
        .output()
        .unwrap();
    assert_eq!(ended.status.code(), Some(2));
    let expected =
        "error: cannot read <stdin>: all manifests together can have at most 64 MiB, but have more\n";
    assert_eq!(errors(&ended), expected);

    let large = directory.path().join("large.json");
    File::create(&large).unwrap().set_len(64 << 20).unwrap();
    let ended = run(&["check", "-f", text(&manifests), "-f", text(&large)]);
    assert_eq!(ended.status.code(), Some(2));
    let size = (64 << 20) + fs::metadata(&manifests).unwrap().len();
    let expected = format!("all manifests together can have at most 64 MiB, but have {size} bytes\n");
    assert!(errors(&ended).ends_with(&expected), "{}", errors(&ended));
}
