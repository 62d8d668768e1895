//! Each route with sessions has a filter chain of its own (`envoy.filters.http.filter_chain`), a young filter of Envoy: what the
//! filter in it could lose. (Upgrades, trailers, local replies and routes chosen again pass through it in the tests beside.)

use std::time::Duration;

use integration::backend::Backend;
use integration::harness::artifact;
use integration::harness::client::Client;
use integration::harness::deadline::until;
use integration::harness::deployment::Deployment;
use integration::harness::manifests::Manifests;
use serde_json::{Value, json};

use crate::setup::{COOKIE, HEADER, client, deployment, plain_rule, pod, pods, route, rule, start, token};

/// `/cookie`, `/header` and, without sessions, `/plain`.
fn three_rules(pods: &[Backend]) -> Manifests {
    let rules = [
        rule("/cookie", &[("backend", 1)], COOKIE),
        rule("/header", &[("backend", 1)], HEADER),
        plain_rule("/plain", "backend"),
    ];
    Manifests::gateway().service("backend", pods).with(&route("route", &rules))
}

/// A filter that traps on requests with more than twenty headers and does nothing else.
const TRAP: &str = r#"(module
  (memory (export "memory") 1)
  (func (export "_initialize"))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
    (if (i32.gt_u (local.get 1) (i32.const 20)) (then unreachable))
    i32.const 0))"#;

#[tokio::test]
async fn traps_fail_one_request_and_every_route_recovers() {
    let pods = pods::<2>();
    let folder = tempfile::tempdir().unwrap();
    let module = folder.path().join("trap.wasm");
    std::fs::write(&module, wat::parse_str(TRAP).unwrap()).unwrap();
    let rendered = deployment(&three_rules(&pods));
    let ours = artifact::module().unwrap().display().to_string();
    let bootstrap = rendered.bootstrap().replace(&ours, &module.display().to_string());
    assert!(!bootstrap.contains(&ours), "{bootstrap}");
    let envoy = start(&Deployment::of_bootstrap(bootstrap).unwrap()).await;
    let client = client(&envoy);
    pod(&client.get("/cookie/get").await.unwrap());
    let names: Vec<String> = (0..20).map(|number| format!("x-{number}")).collect();
    let many: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "x")).collect();
    assert_eq!(client.get_with("/plain/get", &many).await.unwrap().status, 200);
    let failed = client.get_with("/cookie/get", &many).await.unwrap();
    assert!(failed.status >= 500, "{failed:?}");
    for path in ["/plain/get", "/header/get", "/cookie/get"] {
        // The plugins share the VM: a new one is there after a moment.
        let served = async || (client.get(path).await.ok()?.status == 200).then_some(());
        until(Duration::from_secs(30), served).await.unwrap_or_else(|elapsed| panic!("{path}: {elapsed}"));
    }
}

#[tokio::test]
async fn internally_redirected_requests_use_the_session_of_their_final_route() {
    let pods = pods::<3>();
    let rules = [rule("/status", &[("backend", 1)], COOKIE), rule("/header", &[("backend", 1)], HEADER)];
    let manifests = Manifests::gateway().service("backend", &pods).with(&route("route", &rules));
    let rendered = deployment(&manifests);
    let mut bootstrap: Value = serde_saphyr::from_str(rendered.bootstrap()).unwrap();
    let routes = bootstrap
        .pointer_mut("/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0/routes")
        .unwrap();
    for route in routes.as_array_mut().unwrap() {
        route["route"]["internal_redirect_policy"] =
            json!({"redirect_response_codes": [302], "max_internal_redirects": 1});
    }
    let envoy = start(&Deployment::of_bootstrap(bootstrap.to_string()).unwrap()).await;
    let client: Client = client(&envoy);
    let by_header = client.get("/header/get").await.unwrap();
    let session = token(&by_header).unwrap();
    for _ in 0..6 {
        let headers = [("x-echo-set-header", "location: http://localhost/header/get"), ("session", &session)];
        let answer = client.get_with("/status/302", &headers).await.unwrap();
        assert_eq!((pod(&answer), token(&answer)), (pod(&by_header), None));
        assert!(answer.echoed("X-Session-Persistence-Override-Host").is_empty());
    }
}

#[tokio::test]
async fn plugins_of_all_routes_share_one_vm_per_worker() {
    let pods = pods::<1>();
    let vms = async |rules: usize| {
        let rules: Vec<String> =
            (0..rules).map(|number| rule(&format!("/{number}"), &[("backend", 1)], COOKIE)).collect();
        let manifests = Manifests::gateway().service("backend", &pods).with(&route("route", &rules));
        let envoy = start(&deployment(&manifests)).await;
        envoy.admin().stats("wasm.envoy.wasm.runtime.v8.active").await.unwrap().into_values().sum::<u64>()
    };
    let one = vms(1).await;
    assert!(one > 0);
    assert_eq!(vms(16).await, one);
}

#[tokio::test]
async fn keys_are_optional_without_session_persistence() {
    let pods = pods::<1>();
    let rules = [plain_rule("/", "backend")];
    let manifests = Manifests::gateway().service("backend", &pods).with(&route("route", &rules));
    let envoy = start(&deployment(&manifests).without_keys()).await;
    pod(&client(&envoy).get("/get").await.unwrap());
}
