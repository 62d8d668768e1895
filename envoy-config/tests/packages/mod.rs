//! Files of packages that the tests depend on: only Cargo knows where they are.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder of a package.
///
/// Cargo answers for a probe whose one dependency is this package: everything in that package's tree was downloaded to build
/// this test. Asked about the whole workspace, it also wants packages of other platforms and of crates that this test does
/// not need, which a fresh machine does not have.
pub(crate) fn folder(package: &str) -> PathBuf {
    let probe = Path::new(env!("CARGO_TARGET_TMPDIR")).join(package);
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    fs::create_dir_all(probe.join("src")).unwrap();
    fs::write(probe.join("src/lib.rs"), "").unwrap();
    // The requirement is any version: the lock file, a copy of ours, has the one that this test was built with.
    let dependency = format!("[dependencies]\n{package} = {{ version = \"*\", default-features = false }}\n");
    let manifest = "[package]\nname = \"probe\"\nversion = \"0.0.0\"\nedition = \"2024\"\n";
    fs::write(probe.join("Cargo.toml"), format!("{manifest}{dependency}[workspace]\n")).unwrap();
    fs::copy(lock, probe.join("Cargo.lock")).unwrap();
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform", &host_platform()])
        .current_dir(probe)
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let found = packages.iter().find(|known| known["name"] == package).unwrap();
    Path::new(found["manifest_path"].as_str().unwrap()).parent().unwrap().to_owned()
}

/// The platform that this test was built on, as `x86_64-unknown-linux-gnu`.
fn host_platform() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}
