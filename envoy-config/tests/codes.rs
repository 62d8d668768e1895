//! Every code that the program can say is explained in `docs/diagnostics.md`, and no other is.

#![cfg(test)]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use envoy_config::limits::NAMES;

/// Texts of the sources that look like codes.
const NO_CODES: &[&str] = &[
    "content-length",
    "cors-preflights",
    "envoy-config",
    "keep-alive",
    "map-port",
    "proxy-connection",
    "retry-safe-methods",
    "transfer-encoding",
    "x-envoy-ratelimited",
    "x-envoy-retry-on",
];

fn is_code(text: &str) -> bool {
    let words: Vec<&str> = text.split('-').collect();
    words.len() > 1
        && words.iter().all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase()))
}

fn literals(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            literals(&path, found);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            found.extend(text.split('"').filter(|text| is_code(text)).map(str::to_owned));
        }
    }
}

#[test]
fn the_codes_and_their_explanations_are_the_same() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut said = BTreeSet::new();
    literals(&here.join("src"), &mut said);
    said.retain(|code| {
        !NO_CODES.contains(&code.as_str())
            && !NAMES.contains(&code.as_str())
            && !code.starts_with("access-control-")
    });
    let text = fs::read_to_string(here.join("../docs/diagnostics.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let cells = rows.filter_map(|row| row.split('|').nth(1));
    let explained: BTreeSet<String> =
        cells.flat_map(|cell| cell.split('`')).filter(|text| is_code(text)).map(str::to_owned).collect();
    assert_eq!(said, explained);
}
