//! A scratch copy of the checkout, in which the commands of a page may write.

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use integration::harness::{artifact, envoy, workspace};
use tempfile::TempDir;

const FOLDERS: [&str; 2] = ["envoy-config/examples/quickstart", "envoy-config/examples/gateways"];
const MCP_EXAMPLE: &str = "envoy-config/examples/mcp.yaml";

/// `cargo run` runs the program that is built already, without the optimisations of a release, which take minutes.
const CARGO: &str = r#"#!/bin/sh
[ "$1" = run ] || { echo "not a command that the tests of the documentation know: cargo $*" >&2; exit 64; }
shift
[ "$1" != --release ] || shift
[ "$1" = -- ] || { echo "not an option that the tests of the documentation know: $1" >&2; exit 64; }
shift
exec "$ENVOY_CONFIG" "$@"
"#;

/// As it is installed.
const INSTALLED: &str = r#"#!/bin/sh
exec "$ENVOY_CONFIG" "$@"
"#;

/// Envoy reads everything, keys and filter included, and then ends instead of serving.
const ENVOY: &str = r#"#!/bin/sh
exec "$REAL_ENVOY" "$@" --mode validate
"#;

/// The folder. Dropping it removes it.
pub(crate) struct Scratch {
    folder: TempDir,
}

impl Scratch {
    /// A folder with the examples, the compiled filter and nothing else.
    pub(crate) fn new() -> Self {
        let scratch = Self { folder: tempfile::tempdir().unwrap() };
        let module = artifact::module().unwrap();
        scratch.write("target/wasm32-wasip1/release/session_persistence.wasm", &fs::read(module).unwrap());
        for folder in FOLDERS {
            for entry in fs::read_dir(workspace::root().join(folder)).unwrap() {
                let entry = entry.unwrap();
                let path = Path::new(folder).join(entry.file_name());
                scratch.write(path.to_str().unwrap(), &fs::read(entry.path()).unwrap());
            }
        }
        scratch.write(MCP_EXAMPLE, &fs::read(workspace::root().join(MCP_EXAMPLE)).unwrap());
        scratch.program("cargo", CARGO);
        scratch.program("envoy", ENVOY);
        scratch.program("envoy-config", INSTALLED);
        scratch
    }

    /// Writes a file into the folder.
    pub(crate) fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Reads a file of the folder.
    pub(crate) fn read(&self, path: &str) -> Option<String> {
        fs::read_to_string(self.folder.path().join(path)).ok()
    }

    /// Runs a shell script in the folder, up to its first command that fails.
    pub(crate) fn run(&self, script: &str) -> Output {
        let mut paths = vec![self.programs()];
        paths.extend(env::split_paths(&env::var_os("PATH").unwrap()));
        let mut shell = Command::new("sh");
        shell.arg("-euc").arg(script).current_dir(self.folder.path()).stdin(Stdio::null());
        shell.env("PATH", env::join_paths(paths).unwrap());
        shell.env("ENVOY_CONFIG", artifact::envoy_config().unwrap_or_else(|error| panic!("{error}")));
        shell.env("REAL_ENVOY", envoy::locate(|progress| eprintln!("{progress}")).unwrap());
        shell.output().unwrap()
    }

    fn programs(&self) -> PathBuf {
        self.folder.path().join(".programs")
    }

    fn program(&self, name: &str, script: &str) {
        self.write(&format!(".programs/{name}"), script.as_bytes());
        fs::set_permissions(self.programs().join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
}
