//! The workflows of GitHub Actions: their commands are run on good manifests and on wrong ones.

use serde_json::Value;

use super::pages::Page;
use super::scratch::Scratch;

const GOOD: &str = "\
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: eg}
spec:
  gatewayClassName: eg
  listeners: [{name: http, protocol: HTTP, port: 80}]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: shop}
spec:
  parentRefs: [{name: eg}]
  rules:
  - backendRefs: [{name: cart, port: 8080}]
---
apiVersion: v1
kind: Service
metadata: {name: cart}
spec: {ports: [{port: 8080}]}
";

/// The commands of all workflows that call `envoy-config`.
fn commands() -> Vec<String> {
    let blocks = Page::all().iter().flat_map(Page::blocks).collect::<Vec<_>>();
    let mut commands = Vec::new();
    for block in blocks.iter().filter(|block| block.text.contains("runs-on:")) {
        let workflow: Value = serde_saphyr::from_str(&block.text).unwrap();
        for job in workflow["jobs"].as_object().unwrap().values() {
            let steps = job["steps"].as_array().unwrap();
            commands.extend(steps.iter().filter_map(|step| step["run"].as_str()).map(str::to_owned));
        }
    }
    commands
}

#[test]
fn commands_of_workflows_pass_good_manifests_and_report_wrong_ones() {
    let wrong = GOOD.replace("name: cart, port: 8080", "name: card, port: 8080");
    let commands = commands();
    assert!(!commands.is_empty(), "no page has a workflow");
    for command in commands {
        for (manifests, errors) in [(GOOD, false), (wrong.as_str(), true)] {
            let scratch = Scratch::new();
            scratch.write("deploy/shop.yaml", manifests.as_bytes());
            let output = scratch.run(&command);
            let said = String::from_utf8_lossy(&output.stderr);
            let fails = errors && !command.contains("--exit-zero");
            assert_eq!(output.status.code(), Some(i32::from(fails)), "{command}\n{said}");
            let shown = String::from_utf8(output.stdout).unwrap();
            let report = scratch.read("envoy-config.sarif").unwrap_or(shown);
            let (annotation, result) =
                ("::error file=deploy/shop.yaml,line=14,", r#""ruleId": "missing-service""#);
            assert_eq!(report.contains(annotation) || report.contains(result), errors, "{command}\n{report}");
        }
    }
}
