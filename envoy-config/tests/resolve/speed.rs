//! The cost grows linearly with the input.

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use envoy_config::manifest;
use envoy_config::options::Options;
use envoy_config::resolve::resolve;
use envoy_config::source::Source;

use super::BASE;

/// Routes with four rules each, and a Service for each route; half of the routes share a hostname.
fn manifests(count: usize) -> String {
    let mut text = BASE.to_owned();
    for number in 0..count {
        let hostnames = if number % 2 == 0 { "shared".to_owned() } else { format!("h{number}") };
        let rules: Vec<String> = (0..4)
            .map(|rule| {
                format!(
                    "{{matches: [{{path: {{value: /r{number}/{rule}}}}}], backendRefs: [{{name: s{number}, port: 80}}], sessionPersistence: {{}}}}"
                )
            })
            .collect();
        let rules = rules.join(", ");
        write!(
            text,
            "---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {{name: r{number}}}
spec:
  parentRefs: [{{name: eg}}]
  hostnames: [{hostnames}.example]
  rules: [{rules}]
---
apiVersion: v1
kind: Service
metadata: {{name: s{number}}}
spec: {{clusterIP: None, ports: [{{port: 80}}]}}
"
        )
        .unwrap();
    }
    text
}

fn time_to_resolve(count: usize) -> Duration {
    let (manifests, found) =
        manifest::read(&[Source { name: "all.yaml".to_owned(), text: manifests(count) }]);
    assert_eq!(found, []);
    let times = (0..5).map(|_| {
        let manifests = manifests.clone();
        let start = Instant::now();
        let resolution = resolve(manifests, Vec::new(), &Options::default());
        assert_eq!(resolution.model.unwrap().clusters.len(), count * 4);
        start.elapsed()
    });
    times.min().unwrap()
}

#[test]
fn resolving_time_grows_roughly_linearly() {
    let (few, many) = (time_to_resolve(250), time_to_resolve(1000));
    assert!(many < few * 10, "250 routes: {few:?}, 1000 routes: {many:?}");
}
