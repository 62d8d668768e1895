//! The examples: manifests are given to `envoy-config check`, plugin configurations to the filter's own reader, and a
//! bootstrap to Envoy.

use std::fs;

use integration::harness::{artifact, workspace};
use session_persistence::names;
use session_persistence::plugin::Plugin;

use super::pages::Page;
use super::scratch::Scratch;

/// Blocks in other languages, which nothing here can try, and why.
const NOT_TRIED: [(&str, &str); 5] = [
    ("console", "`commands` runs them"),
    ("ini", "a unit of systemd, which is the first process or none"),
    ("rust", "parts of the sources; `quoted_lines_exist_in_the_sources` looks for them there"),
    ("sh", "a script for Envoy's hot restarter, which Envoy's packages do not have"),
    ("text", "drawings, formats and output"),
];

/// What the manifests of the pages refer to, beside the quickstart.
const COMPANIONS: &str = "
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {ports: [{port: 8080}]}
";

/// A Secret for the HTTPS listener, with a key made for tests.
fn secret() -> String {
    include_str!("../conformance/certificate.yaml")
        .replace("tls-validity-checks-certificate, namespace: gateway-conformance-infra", "example-com")
}

#[test]
fn manifests_in_the_documentation_are_accepted() {
    let mut checked = 0;
    for page in Page::all() {
        for block in page.blocks() {
            let manifest = match block.language.as_str() {
                "yaml" if block.text.starts_with("apiVersion: ") => block.text,
                "yaml" if block.text.starts_with("listeners:") => gateway(&block.text),
                _ => continue,
            };
            checked += 1;
            accept(&page.name, &manifest);
        }
    }
    assert!(checked > 0, "no page has a manifest");
}

/// The Gateway of some listeners.
fn gateway(listeners: &str) -> String {
    let listeners = listeners.replace('\n', "\n  ");
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {{name: shop}}\nspec:\n  gatewayClassName: eg\n  {listeners}\n"
    )
}

fn accept(page: &str, manifest: &str) {
    let scratch = Scratch::new();
    scratch.write("example.yaml", manifest.as_bytes());
    scratch.write("companions.yaml", format!("{COMPANIONS}\n---\n{}", secret()).as_bytes());
    let output = scratch.run(
        "cargo run -- check -f example.yaml -f companions.yaml -f envoy-config/examples/quickstart \\
            --map-port eg/http=8888 --map-port eg-header/http=8889 --allow-loopback-endpoints",
    );
    let (shown, said) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{page}:\n{manifest}\n{said}\n{shown}");
}

#[test]
fn plugin_configurations_in_the_documentation_are_accepted() {
    let key = "01".repeat(32);
    let pages = Page::all();
    let blocks: Vec<_> =
        pages.iter().flat_map(Page::blocks).filter(|block| block.language == "json").collect();
    assert!(!blocks.is_empty(), "no page has a plugin configuration");
    for block in blocks {
        if let Err(problem) = Plugin::new(block.text.as_bytes(), &key) {
            panic!("{problem}\n{}", block.text);
        }
    }
}

#[test]
fn bootstraps_in_the_documentation_are_accepted_by_envoy() {
    let bootstraps = bootstraps();
    assert!(!bootstraps.is_empty(), "no page has a bootstrap");
    for bootstrap in bootstraps {
        let scratch = Scratch::new();
        scratch.write("envoy.yaml", bootstrap.as_bytes());
        let output = scratch.run("SESSION_KEYS=$(openssl rand -hex 32) envoy -c envoy.yaml");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{bootstrap}\n{said}");
    }
}

#[test]
fn bootstraps_in_the_documentation_have_the_labels_of_rendered_ones() {
    for bootstrap in bootstraps() {
        for (name, regex) in [names::REASON_TAG, names::RULE_TAG] {
            let tag = format!("  - tag_name: {name}\n    regex: {regex}\n");
            assert!(bootstrap.contains(&tag), "{tag}{bootstrap}");
        }
    }
}

/// The bootstraps of all pages, with the filter where it is compiled to.
pub(crate) fn bootstraps() -> Vec<String> {
    let module = artifact::module().unwrap();
    let blocks = Page::all().iter().flat_map(Page::blocks).collect::<Vec<_>>();
    let bootstraps =
        blocks.iter().filter(|block| block.language == "yaml" && block.text.contains("static_resources:"));
    bootstraps
        .map(|block| block.text.replace("/etc/envoy/session_persistence.wasm", &module.display().to_string()))
        .collect()
}

#[test]
fn quoted_lines_exist_in_the_sources() {
    let mut quoted = 0;
    for block in Page::all().iter().flat_map(Page::blocks).filter(|block| block.language == "rust") {
        let Some((_, rest)) = block.text.split_once("// This: from ") else { continue };
        let (path, lines) = rest.split_once(".\n").unwrap();
        let source = fs::read_to_string(workspace::root().join(path)).unwrap();
        for line in lines.lines() {
            quoted += 1;
            assert!(source.contains(line.trim()), "{path} has no line\n{line}");
        }
    }
    assert!(quoted > 0, "no page quotes the sources");
}

#[test]
fn every_block_is_tested_or_has_a_skip_reason() {
    for page in Page::all() {
        for block in page.blocks() {
            let tried = match block.language.as_str() {
                "json" => true,
                "yaml" => ["apiVersion: ", "listeners:", "static_resources:", "runs-on:"]
                    .iter()
                    .any(|start| block.text.contains(start)),
                language => NOT_TRIED.iter().any(|(known, _)| *known == language),
            };
            assert!(tried, "{}: nothing tries this block ({}):\n{}", page.name, block.language, block.text);
        }
    }
}
