//! How Envoy is found, shown by the demo's output: an unusable or missing one is reported with what to do.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use integration::demo::transcript::PROGRAMS;
use tempfile::TempDir;

/// A machine with only these programs and nothing in cargo's output folder.
struct Machine(TempDir);

impl Machine {
    fn with(programs: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("bin")).unwrap();
        let machine = Self(folder);
        for program in programs {
            let paths = std::env::var_os("PATH").unwrap();
            let found =
                std::env::split_paths(&paths).map(|path| path.join(program)).find(|path| path.is_file());
            symlink(found.unwrap(), machine.program(program)).unwrap();
        }
        machine
    }

    /// The same with a program that does this.
    fn and(self, program: &str, script: &str) -> Self {
        let path = self.program(program);
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    fn program(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join("bin").join(name)
    }

    /// What the demo says when it cannot go on.
    fn complaint(&self, envoy: Option<&Path>) -> String {
        let mut demo = Command::new(env!("CARGO_BIN_EXE_demo"));
        demo.arg("--once").env("PATH", self.0.path().join("bin")).env("CARGO_TARGET_DIR", self.0.path());
        match envoy {
            Some(path) => demo.env("ENVOY", path),
            None => demo.env_remove("ENVOY"),
        };
        let output = demo.output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    }
}

const OLD: &str = "echo 'envoy  version: abc/1.39.2/Clean/RELEASE/BoringSSL'";
const RIGHT: &str = "echo 'envoy  version: abc/1.40.3/Clean/RELEASE/BoringSSL'";

#[test]
fn missing_programs_are_named() {
    let without_curl: Vec<_> = PROGRAMS.into_iter().filter(|program| *program != "curl").collect();
    let said = Machine::with(&without_curl).complaint(None);
    assert!(said.contains("need the program `curl`: install it"), "{said}");
}

#[test]
fn missing_envoy_variable_target_is_an_error() {
    let said = Machine::with(&PROGRAMS).and("envoy", RIGHT).complaint(Some(Path::new("/nonexistent/envoy")));
    assert!(said.contains("ENVOY is set to `/nonexistent/envoy`, which does not run as Envoy"), "{said}");
}

#[test]
fn wrong_version_in_envoy_variable_is_an_error() {
    let machine = Machine::with(&PROGRAMS).and("old", OLD);
    let said = machine.complaint(Some(&machine.program("old")));
    assert!(said.contains("which is Envoy 1.39.2: 1.40.x is needed"), "{said}");
}

#[test]
fn non_envoy_program_in_envoy_variable_is_an_error() {
    let machine = Machine::with(&PROGRAMS).and("other", "echo hello");
    let said = machine.complaint(Some(&machine.program("other")));
    assert!(said.contains("does not run as Envoy: `--version` printed \"hello\""), "{said}");
}

#[test]
fn matching_version_on_path_is_used() {
    // The next thing that the demo looks for is the filter.
    let said = Machine::with(&PROGRAMS).and("envoy", RIGHT).complaint(None);
    assert!(said.contains("there is no compiled filter") && said.contains("make module"), "{said}");
}

#[test]
fn stale_filter_modules_are_rejected() {
    let machine = Machine::with(&PROGRAMS).and("envoy", RIGHT);
    let release = machine.0.path().join("wasm32-wasip1/release");
    fs::create_dir_all(&release).unwrap();
    let (module, source) = (release.join("session_persistence.wasm"), release.join("lib.rs"));
    for path in [&module, &source] {
        fs::write(path, "").unwrap();
    }
    fs::write(module.with_extension("d"), format!("{}: {}\n", module.display(), source.display())).unwrap();
    let written = fs::metadata(&source).unwrap().modified().unwrap();
    fs::File::open(&module).unwrap().set_modified(written - Duration::from_secs(1)).unwrap();
    let said = machine.complaint(None);
    let expected = format!("the compiled filter is older than `{}`: run `make module`", source.display());
    assert!(said.contains(&expected), "{said}");
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn missing_python_is_reported_and_other_versions_on_path_are_ignored() {
    let said = Machine::with(&PROGRAMS).and("envoy", OLD).complaint(None);
    assert!(said.contains("no `python3` to fetch it with"), "{said}");
    assert!(said.contains("set ENVOY to the path of an Envoy 1.40 binary"), "{said}");
}

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
#[test]
fn failed_downloads_report_the_reason_and_leave_no_files() {
    let machine = Machine::with(&PROGRAMS).and("python3", "echo 'no route to host' >&2; exit 1");
    let said = machine.complaint(None);
    assert!(said.contains("cannot fetch") && said.contains("no route to host"), "{said}");
    assert!(said.contains("set ENVOY to the path"), "{said}");
    let left = fs::read_dir(machine.0.path().join("envoy")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(left.collect::<Vec<_>>(), ["lock"]);
}
