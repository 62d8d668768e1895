//! The rules of the fleet, and what each of its Envoys serves.

use std::net::SocketAddr;
use std::sync::Arc;

use envoy_config::model::Model;
use envoy_config::source::Source;
use integration::backend::Backend;
use integration::harness::manifests::{Endpoint, EndpointState, Manifests};
use integration::harness::{artifact, deployment};
use serde_json::Value;

use crate::setup::{Mint, route};

/// The header that names the Envoy that answers.
pub(super) const ENVOY: &str = "x-envoy";

/// A timeout that ends sessions during the test, in seconds. It is longer than the clocks are apart.
pub(super) const SHORT: u64 = 65;

/// Name, `sessionPersistence`, whether the token is in a cookie, and the timeout if it ends sessions during the test.
const RULES: [(&str, &str, bool, Option<u64>); 4] = [
    ("/cart", "{sessionName: session, type: Cookie, absoluteTimeout: 1h}", true, None),
    ("/desk", "{sessionName: session, type: Header, absoluteTimeout: 1h, idleTimeout: 5m}", false, None),
    ("/sale", "{sessionName: session, type: Cookie, absoluteTimeout: 65s}", true, Some(SHORT)),
    ("/till", "{sessionName: session, type: Header, absoluteTimeout: 65s}", false, Some(SHORT)),
];

/// A rule, and what seals and opens its tokens.
pub(super) struct Rule {
    pub(super) path: &'static str,
    pub(super) cookie: bool,
    pub(super) timeout: Option<u64>,
    /// Seals with the old key, and opens with both.
    pub(super) mint: Mint,
    /// Has the new key alone.
    pub(super) new: Mint,
}

/// All rules, and their endpoints.
pub(super) struct Rules {
    pub(super) rules: [Arc<Rule>; 4],
    pub(super) endpoints: Vec<(String, SocketAddr)>,
}

impl Rules {
    pub(super) fn new(pods: &[Backend], old: &str, new: &str) -> Self {
        let endpoints: Vec<_> = pods.iter().map(|pod| (pod.pod().pod.clone(), pod.address())).collect();
        let manifests = manifests(&endpoints, 0);
        let rules = std::array::from_fn(|number| {
            let (path, _, cookie, timeout) = RULES[number];
            let name = format!("default/shop/{number}/0");
            let mint = Mint::new(&manifests, &name, &format!("{old},{new}"));
            Arc::new(Rule { path, cookie, timeout, mint, new: Mint::new(&manifests, &name, new) })
        });
        Self { rules, endpoints }
    }

    /// The bootstrap of the Envoy with this number, which listens here. Each has another order of the endpoints.
    pub(super) fn bootstrap(&self, number: usize, http: SocketAddr, admin: SocketAddr) -> String {
        let mut model = self.model(number);
        for listener in &mut model.listeners {
            listener.bind = http;
        }
        let module = artifact::module().unwrap_or_else(|error| panic!("{error}"));
        let bootstrap = deployment::bootstrap(&model, admin, &module).unwrap();
        let mut bootstrap: Value = serde_saphyr::from_str(&bootstrap).unwrap();
        assert_eq!(rotate_endpoints(&mut bootstrap, number), RULES.len());
        bootstrap.to_string()
    }

    fn model(&self, number: usize) -> Model {
        let text = manifests(&self.endpoints, number).text().to_owned();
        let source = Source { name: String::from("fleet.yaml"), text };
        deployment::compile(&[source], &deployment::options()).unwrap_or_else(|error| panic!("{error}"))
    }
}

fn manifests(endpoints: &[(String, SocketAddr)], number: usize) -> Manifests {
    let rules = RULES.map(|(path, persistence, ..)| {
        let name = path.trim_start_matches('/');
        format!(
            "{{name: {name}, matches: [{{path: {{value: {path}}}}}], backendRefs: [{{name: backend, port: 3000}}], \
             filters: [{{type: ResponseHeaderModifier, responseHeaderModifier: {{set: [{{name: {ENVOY}, value: \"{number}\"}}]}}}}], \
             sessionPersistence: {persistence}}}"
        )
    });
    let endpoints =
        endpoints.iter().map(|(_, address)| Endpoint { address: *address, state: EndpointState::Ready });
    Manifests::gateway().service("backend", endpoints).with(&route("shop", &rules))
}

/// Rotates every list of endpoints; how many there are.
fn rotate_endpoints(value: &mut Value, places: usize) -> usize {
    match value {
        Value::Object(fields) => {
            let mut lists = 0;
            for (name, value) in fields {
                if let (true, Value::Array(endpoints)) = (name == "lb_endpoints", &mut *value) {
                    assert!(endpoints.len() > places, "{endpoints:?}");
                    endpoints.rotate_left(places);
                    lists += 1;
                } else {
                    lists += rotate_endpoints(value, places);
                }
            }
            lists
        }
        Value::Array(values) => values.iter_mut().map(|value| rotate_endpoints(value, places)).sum(),
        _ => 0,
    }
}
