//! Reads a bootstrap against Envoy's own protobuf definitions, those that the `envoy-types` package ships.
//!
//! Unknown fields, wrong types and unknown enum values are refused, in messages behind `@type` as well.

use std::sync::LazyLock;

use prost_reflect::{DescriptorPool, DynamicMessage};

use crate::packages;

/// The definitions of everything that a bootstrap names by `@type`, and of the bootstrap.
const FILES: &[&str] = &[
    "envoy/config/bootstrap/v3/bootstrap.proto",
    "envoy/extensions/access_loggers/file/v3/file.proto",
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
    let protos = packages::folder("envoy-types").join("proto");
    let roots = ["data-plane-api", "googleapis", "protoc-gen-validate", "xds", "client_model", "cel-spec"];
    let mut compiler = protox::Compiler::new(roots.map(|root| protos.join(root))).unwrap();
    compiler.include_imports(true).open_files(FILES).unwrap();
    compiler.descriptor_pool()
});

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
