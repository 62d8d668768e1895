//! The library that shifts an Envoy's clock. It is built here, since nothing else needs it.

use std::path::PathBuf;
use std::process::Command;

use integration::harness::workspace;

/// The library's path.
///
/// It has a build folder of its own: cargo would otherwise replace what the build under test still needs.
pub(super) fn library() -> PathBuf {
    let platform = (std::env::consts::OS, usize::BITS);
    assert_eq!(
        platform,
        ("linux", 64),
        "this test shifts clocks with LD_PRELOAD: it needs Linux with 64 bits"
    );
    let folder = workspace::target().join("clock-shift");
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args(["build", "--quiet", "--locked", "--package", "clock-shift", "--target-dir"]).arg(&folder);
    let output = cargo.current_dir(workspace::root()).output().unwrap();
    assert!(
        output.status.success(),
        "cannot build the library that shifts clocks: `cargo build --package clock-shift` needs a linker\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    folder.join("debug/libclock_shift.so")
}

/// The environment of a program whose clock is ahead by these seconds.
pub(super) fn environment(library: &std::path::Path, seconds: i64) -> [(String, String); 2] {
    [
        (String::from("LD_PRELOAD"), library.display().to_string()),
        (String::from("CLOCK_SHIFT"), seconds.to_string()),
    ]
}
