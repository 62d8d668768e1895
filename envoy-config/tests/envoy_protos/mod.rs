//! Reads a bootstrap against Envoy's own protobuf definitions, those that the `envoy-types` package ships.
//!
//! Unknown fields, wrong types and unknown enum values are refused, in messages behind `@type` as well.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage};

/// The definitions of everything that a bootstrap names by `@type`, and of the bootstrap.
const FILES: &[&str] = &[
    "envoy/config/bootstrap/v3/bootstrap.proto",
    "envoy/extensions/access_loggers/stream/v3/stream.proto",
    "envoy/extensions/bootstrap/internal_listener/v3/internal_listener.proto",
    "envoy/extensions/clusters/dns/v3/dns_cluster.proto",
    "envoy/extensions/common/matching/v3/extension_matcher.proto",
    "envoy/extensions/filters/common/matcher/action/v3/skip_action.proto",
    "envoy/extensions/filters/http/cors/v3/cors.proto",
    "envoy/extensions/filters/http/filter_chain/v3/filter_chain.proto",
    "envoy/extensions/filters/http/header_to_metadata/v3/header_to_metadata.proto",
    "envoy/extensions/filters/http/header_mutation/v3/header_mutation.proto",
    "envoy/extensions/filters/http/router/v3/router.proto",
    "envoy/extensions/filters/http/wasm/v3/wasm.proto",
    "envoy/extensions/filters/listener/tls_inspector/v3/tls_inspector.proto",
    "envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto",
    "envoy/extensions/load_balancing_policies/least_request/v3/least_request.proto",
    "envoy/extensions/load_balancing_policies/maglev/v3/maglev.proto",
    "envoy/extensions/load_balancing_policies/random/v3/random.proto",
    "envoy/extensions/load_balancing_policies/override_host/v3/override_host.proto",
    "envoy/extensions/load_balancing_policies/round_robin/v3/round_robin.proto",
    "envoy/extensions/resource_monitors/downstream_connections/v3/downstream_connections.proto",
    "envoy/extensions/resource_monitors/fixed_heap/v3/fixed_heap.proto",
    "envoy/extensions/retry/host/previous_hosts/v3/previous_hosts.proto",
    "envoy/extensions/transport_sockets/tls/v3/tls.proto",
    "envoy/service/discovery/v3/discovery.proto",
    "envoy/type/matcher/v3/http_inputs.proto",
    "envoy/extensions/upstreams/http/v3/http_protocol_options.proto",
];

static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let protos = definitions();
    let roots = ["data-plane-api", "googleapis", "protoc-gen-validate", "xds", "client_model", "cel-spec"];
    let mut compiler = protox::Compiler::new(roots.map(|root| protos.join(root))).unwrap();
    compiler.include_imports(true).open_files(FILES).unwrap();
    compiler.descriptor_pool()
});

/// Where the package keeps its `.proto` files; only Cargo knows.
///
/// Cargo answers for a package whose one dependency is `envoy-types`: everything in that package's tree was downloaded to
/// build this test. Asked about the whole workspace, it also wants packages of other platforms and of crates that this
/// test does not need, which a fresh machine does not have.
fn definitions() -> PathBuf {
    let probe = Path::new(env!("CARGO_TARGET_TMPDIR")).join("envoy-types");
    let lock = Path::new(env!("CARGO_MANIFEST_DIR")).join("../Cargo.lock");
    fs::create_dir_all(probe.join("src")).unwrap();
    fs::write(probe.join("src/lib.rs"), "").unwrap();
    fs::write(probe.join("Cargo.toml"), PROBE).unwrap();
    fs::copy(lock, probe.join("Cargo.lock")).unwrap();
    let metadata = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--offline", "--filter-platform", &host_platform()])
        .current_dir(probe)
        .output()
        .unwrap();
    assert!(metadata.status.success(), "{}", String::from_utf8_lossy(&metadata.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&metadata.stdout).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    let package = packages.iter().find(|package| package["name"] == "envoy-types").unwrap();
    let manifest = Path::new(package["manifest_path"].as_str().unwrap());
    manifest.with_file_name("proto")
}

/// The platform that this test was built on, as `x86_64-unknown-linux-gnu`.
fn host_platform() -> String {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap().to_owned()
}

/// The requirement is any version: the lock file, a copy of ours, has the one that this test was built with.
const PROBE: &str = r#"[package]
name = "probe"
version = "0.0.0"
edition = "2024"
[dependencies]
envoy-types = "*"
[workspace]
"#;

/// What is wrong with a bootstrap, if anything.
pub(crate) fn check(yaml: &str) -> Result<(), String> {
    check_as("envoy.config.bootstrap.v3.Bootstrap", yaml)
}

/// What is wrong with a file of resources, if anything.
#[allow(dead_code, reason = "not every test has such files")]
pub(crate) fn check_response(yaml: &str) -> Result<(), String> {
    check_as("envoy.service.discovery.v3.DiscoveryResponse", yaml)
}

fn check_as(message: &str, yaml: &str) -> Result<(), String> {
    let mut document: serde_json::Value =
        serde_saphyr::from_str(yaml).map_err(|problem| problem.to_string())?;
    drop_empty_messages(&mut document);
    let message = POOL.get_message_by_name(message).unwrap();
    DynamicMessage::deserialize(message, document).map(drop).map_err(|problem| problem.to_string())
}

/// Envoy demands `config: {}` where a route switches a filter on: a message of no type. `prost-reflect` does not read
/// that; a field that is not there means the same to protobuf.
fn drop_empty_messages(value: &mut serde_json::Value) {
    match value {
        serde_json::Value::Object(fields) => {
            let filter = fields.get("@type").is_some_and(|name| name == FILTER_CONFIG);
            fields.retain(|name, value| !(filter && name == "config" && *value == serde_json::json!({})));
            fields.values_mut().for_each(drop_empty_messages);
        }
        serde_json::Value::Array(values) => values.iter_mut().for_each(drop_empty_messages),
        _ => {}
    }
}

const FILTER_CONFIG: &str = "type.googleapis.com/envoy.config.route.v3.FilterConfig";
