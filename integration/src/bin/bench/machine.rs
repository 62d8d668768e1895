//! What the results were measured on.

use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;
use std::thread;

use integration::harness::envoy;

use super::table::thousands;

/// A load of more than this part of the processors makes times unreliable.
const BUSY: f64 = 0.5;

/// The module, Envoy and the machine, in a sentence each.
///
/// # Errors
/// The module or Envoy cannot be looked at.
pub(super) fn describe(module: &Path, envoy: &Path) -> io::Result<String> {
    let size = u32::try_from(fs::metadata(module)?.len()).unwrap_or(u32::MAX);
    let version = Command::new(envoy).arg("--version").output()?.stdout;
    let version = String::from_utf8_lossy(&version);
    let version = version.split_once("version: ").map_or("unknown", |(_, version)| version.trim());
    let processor = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let processor = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let processor = processor.map_or(std::env::consts::ARCH, |(_, name)| name);
    Ok(format!(
        "- Envoy {}, `{version}`\n- the module: {} bytes\n- the machine: {processor}, {} processors",
        envoy::VERSION,
        thousands(f64::from(size)),
        processors()
    ))
}

/// A sentence on what else the machine did, for results that depend on it.
pub(super) fn load() -> String {
    let text = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let Some(load) = text.split(' ').next().and_then(|load| load.parse::<f64>().ok()) else {
        return String::from("The load of the machine is not known.");
    };
    let processors = processors();
    let busy = load > BUSY * f64::from(processors);
    let verdict = if busy { "**busy: times are not reliable**" } else { "quiet" };
    format!("When this began, the machine was {verdict} (a load of {load:.1} on {processors} processors).")
}

fn processors() -> u32 {
    thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}
