//! With any error in a source with a Secret, the output contains no part of its private key.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use envoy_config::options::Options;
use envoy_config::source::Source;
use envoy_config::status::{json, table};
use envoy_config::{compile, diagnostic};
use proptest::prelude::*;

/// A test key that is not used anywhere.
const KEY: [&str; 3] = [
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgevZzL1gdAFr88hb2",
    "OF/2NxApJCzGCEDdfSp6VQO30hyhRANCAAQRWz+jn65BtOMvdyHKcvjBeBSDZH2r",
    "1RTwjmYSi9R/zpBnuQ4EiMnCqfMPWiZqB4QdbAd0E7oH50VpuZ1P087G",
];

/// The length of a substring that would reveal something.
const RUN: usize = 12;

const OTHERS: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  listeners:
  - {name: https, protocol: HTTPS, port: 443, tls: {certificateRefs: [{name: a}]}}
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: r}
spec:
  parentRefs: [{name: eg}]
  rules:
  - backendRefs: [{name: gone, port: 80}]
---
";

fn pem(label: &str) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", KEY.join("\n"))
}

/// A Secret in several styles of manifests.
fn secrets() -> [String; 5] {
    let head = "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ntype: kubernetes.io/tls\n";
    let indented = |text: &str| text.replace('\n', "\n    ");
    let (certificate, key) = (pem("CERTIFICATE"), pem("PRIVATE KEY"));
    let [certificate64, key64] = [&certificate, &key].map(|text| STANDARD.encode(text));
    [
        format!(
            "{head}stringData:\n  tls.crt: |\n    {}\n  tls.key: |\n    {}\n",
            indented(&certificate),
            indented(&key)
        ),
        format!("{head}data:\n  tls.crt: {certificate64}\n  tls.key: {key64}\n"),
        format!("{head}stringData:\n  tls.key: {key:?}\n"),
        format!(
            "{{\"apiVersion\": \"v1\", \"kind\": \"Secret\", \"metadata\": {{\"name\": \"a\"}}, \"data\": {{\"tls.key\": \"{key64}\"}}}}\n"
        ),
        format!("{head}stringData:\n  password: {}\n", KEY.concat()),
    ]
}

/// All substrings of a key, plain and in base64.
fn runs() -> HashSet<Vec<u8>> {
    let texts = [KEY.concat(), STANDARD.encode(pem("PRIVATE KEY")), STANDARD.encode(pem("CERTIFICATE"))];
    // The beginning of every PEM block is not secret.
    let public = STANDARD.encode("-----BEGIN PRIVATE KEY-----\n-----BEGIN CERTIFICATE-----");
    let all = texts.iter().flat_map(|text| text.as_bytes().windows(RUN));
    all.filter(|run| !public.as_bytes().windows(RUN).any(|other| other == *run)).map(<[u8]>::to_vec).collect()
}

/// Everything that the program prints about these sources.
fn printed(sources: &[Source]) -> String {
    let options = Options { keep_going: true, ..Options::default() };
    let checked = compile(sources, &options);
    let statuses = checked.statuses(sources);
    [
        diagnostic::print(&checked.diagnostics, sources, false),
        diagnostic::github(&checked.diagnostics, sources),
        diagnostic::sarif(&checked.diagnostics, sources).unwrap(),
        table::write(&statuses),
        json::write(&statuses).unwrap(),
        checked.usage_errors.iter().map(ToString::to_string).collect(),
    ]
    .concat()
}

/// A change of a text.
#[derive(Clone, Debug)]
enum Edit {
    Insert(&'static str),
    Remove(usize),
    RemoveLine,
    RepeatLine,
    /// Swaps a line with the next one.
    SwapLines,
    Unindent,
    Join,
    Split,
}

fn edit() -> impl Strategy<Value = Edit> {
    let pieces = [
        "---\n", "\n---\n", "\n", ": ", "- ", "  ", "\t", "\"", "'", "|", ">", "{", "}", "[", "]", ",",
        "&a ", "*a", "<<: ", "# ", "x", "\n  ", "\nkind: ", "\nname: ", "? ",
    ];
    prop_oneof![
        4 => prop::sample::select(pieces.to_vec()).prop_map(Edit::Insert),
        2 => (1usize..12).prop_map(Edit::Remove),
        2 => Just(Edit::RemoveLine),
        1 => Just(Edit::RepeatLine),
        2 => Just(Edit::SwapLines),
        2 => Just(Edit::Unindent),
        2 => Just(Edit::Join),
        2 => Just(Edit::Split),
    ]
}

fn apply(text: &str, edit: &Edit, place: prop::sample::Index) -> String {
    let mut lines: Vec<&str> = text.lines().collect();
    if lines.is_empty() {
        return String::new();
    }
    let line = place.index(lines.len());
    let at = place.index(text.len());
    let split = |first: usize| (text.get(..first).unwrap_or_default(), text.get(first..).unwrap_or_default());
    match edit {
        Edit::Insert(piece) => {
            let (before, after) = split(at);
            return [before, piece, after].concat();
        }
        Edit::Remove(count) => {
            let (before, _) = split(at);
            return [before, text.get(at + count..).unwrap_or_default()].concat();
        }
        Edit::Split => {
            let (before, after) = split(at);
            return [before, "\n", after].concat();
        }
        Edit::RemoveLine => drop(lines.remove(line)),
        Edit::RepeatLine => lines.insert(line, lines.get(line).copied().unwrap_or_default()),
        Edit::SwapLines => lines.swap(line, (line + 1) % text.lines().count()),
        Edit::Unindent => {
            if let Some(line) = lines.get_mut(line) {
                *line = line.trim_start();
            }
        }
        Edit::Join => {
            let joined = lines.get(line..(line + 2).min(lines.len())).unwrap_or_default().join(" ");
            let before = lines.get(..line).unwrap_or_default().join("\n");
            let after = lines.get((line + 2).min(lines.len())..).unwrap_or_default().join("\n");
            return [before, joined, after].join("\n");
        }
    }
    lines.join("\n") + "\n"
}

fn assert_no_run(printed: &str, text: &str) {
    let runs = runs();
    let shown = printed.as_bytes().windows(RUN).find(|run| runs.contains(*run));
    let shown = shown.map(String::from_utf8_lossy);
    assert!(shown.is_none(), "{shown:?} is shown\n{printed}\n{text}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn no_part_of_a_private_key_is_printed_with_any_error(
        which in 0..5usize,
        edits in prop::collection::vec((edit(), any::<prop::sample::Index>()), 1..6),
        in_front in any::<bool>(),
    ) {
        let secret = secrets().into_iter().nth(which).unwrap();
        let mut text = if in_front { format!("{OTHERS}{secret}") } else { format!("{secret}---\n{OTHERS}") };
        for (edit, place) in &edits {
            text = apply(&text, edit, *place);
        }
        let name = String::from("all.yaml");
        assert_no_run(&printed(&[Source { name, text: text.clone() }]), &text);
    }
}

#[test]
fn known_leaks_of_private_keys_stay_fixed() {
    let key = pem("PRIVATE KEY");
    for text in [
        // A misspelled kind.
        secrets()[0].replace("Secret", "Sercet"),
        secrets()[1].replace("Secret", "Sercet").replace("data", "dota"),
        // A stray separator inside a Secret.
        secrets()[0].replace("PRIVATE KEY-----\n", "PRIVATE KEY-----\n---\n"),
        // A key folded into a value of another object.
        format!(
            "{OTHERS}apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{name: {}}}\n",
            key.replace('\n', " ")
        ),
        format!(
            "{OTHERS}apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: b}}\nspec: {{gatewayClassName: {key:?}}}\n"
        ),
        format!("kind: {}\napiVersion: {}\n", KEY[0], KEY[1]),
        format!(
            "apiVersion: v1\nkind: Service\nmetadata: {{name: s}}\nspec: {{ports: [{{port: {}}}], {}: 1}}\n",
            KEY[0], KEY[1]
        ),
    ] {
        let printed = printed(&[Source { name: String::from("all.yaml"), text: text.clone() }]);
        assert!(printed.contains("--> all.yaml:"), "{printed}");
        assert_no_run(&printed, &text);
    }
}

#[test]
fn diagnostics_beside_a_secret_have_place_and_field() {
    let name = String::from("all.yaml");
    let printed = printed(&[Source { name, text: format!("{OTHERS}{}", secrets()[0]) }]);
    assert!(printed.contains("--> all.yaml:15:26"), "{printed}");
    assert!(printed.contains("field: spec.rules[0].backendRefs[0].name"), "{printed}");
    assert!(printed.contains("object: HTTPRoute default/r"), "{printed}");
    assert!(!printed.contains("gone"), "{printed}");
}
