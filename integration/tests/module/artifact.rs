//! The module file: imports, exports, size.

use std::fs;

use wasmparser::{Encoding, ExternalKind, Parser, Payload, TypeRef, Validator, WasmFeatures};

/// The largest module that is still quick to load and to compile.
const SIZE_LIMIT: usize = 277_600;

/// What a proxy calls in a filter of ABI 0.2.1, and what it needs for that. Nothing else, because Envoy calls whatever it finds:
/// `proxy_on_done` and `proxy_on_log` for every request, `proxy_on_request_body` and the like for every piece of a body.
const EXPORTS: [(&str, ExternalKind); 10] = [
    ("_initialize", ExternalKind::Func),
    ("memory", ExternalKind::Memory),
    ("proxy_abi_version_0_2_1", ExternalKind::Func),
    ("proxy_on_configure", ExternalKind::Func),
    ("proxy_on_context_create", ExternalKind::Func),
    ("proxy_on_delete", ExternalKind::Func),
    ("proxy_on_memory_allocate", ExternalKind::Func),
    ("proxy_on_request_headers", ExternalKind::Func),
    ("proxy_on_response_headers", ExternalKind::Func),
    ("proxy_on_vm_start", ExternalKind::Func),
];

/// What the filter calls.
const CALLED: [&str; 16] = [
    "env.proxy_add_header_map_value",
    "env.proxy_call_foreign_function",
    "env.proxy_define_metric",
    "env.proxy_get_buffer_bytes",
    "env.proxy_get_current_time_nanoseconds",
    "env.proxy_get_header_map_pairs",
    "env.proxy_get_header_map_value",
    "env.proxy_get_property",
    "env.proxy_increment_metric",
    "env.proxy_log",
    "env.proxy_remove_header_map_value",
    "env.proxy_replace_header_map_value",
    "env.proxy_set_property",
    "wasi_snapshot_preview1.environ_get",
    "wasi_snapshot_preview1.environ_sizes_get",
    "wasi_snapshot_preview1.random_get",
];

/// What the SDK's dispatcher and traits name, whether a filter uses it or not. The embedded proxy traps when one of them is
/// called; `fd_write` and `proc_exit` are the standard library's, for a panic.
const NAMED_BY_THE_SDK: [&str; 23] = [
    "env.proxy_close_stream",
    "env.proxy_continue_stream",
    "env.proxy_dequeue_shared_queue",
    "env.proxy_done",
    "env.proxy_enqueue_shared_queue",
    "env.proxy_get_shared_data",
    "env.proxy_get_status",
    "env.proxy_grpc_call",
    "env.proxy_grpc_cancel",
    "env.proxy_grpc_close",
    "env.proxy_grpc_send",
    "env.proxy_grpc_stream",
    "env.proxy_http_call",
    "env.proxy_register_shared_queue",
    "env.proxy_resolve_shared_queue",
    "env.proxy_send_local_response",
    "env.proxy_set_buffer_bytes",
    "env.proxy_set_effective_context",
    "env.proxy_set_header_map_pairs",
    "env.proxy_set_shared_data",
    "env.proxy_set_tick_period_milliseconds",
    "wasi_snapshot_preview1.fd_write",
    "wasi_snapshot_preview1.proc_exit",
];

/// The module's bytes.
pub(crate) fn read() -> Vec<u8> {
    fs::read(integration::harness::artifact::module().unwrap_or_else(|error| panic!("{error}"))).unwrap()
}

fn payloads(module: &[u8]) -> impl Iterator<Item = Payload<'_>> {
    Parser::new(0).parse_all(module).map(Result::unwrap)
}

fn imports(module: &[u8]) -> Vec<String> {
    let mut names = Vec::new();
    for payload in payloads(module) {
        let Payload::ImportSection(section) = payload else { continue };
        for import in section.into_imports() {
            let import = import.unwrap();
            assert!(matches!(import.ty, TypeRef::Func(_)), "{import:?} is no function");
            names.push(format!("{}.{}", import.module, import.name));
        }
    }
    names
}

#[test]
fn module_is_webassembly_2_core() {
    let module = read();
    let version = payloads(&module).next().unwrap();
    assert!(matches!(version, Payload::Version { encoding: Encoding::Module, .. }), "{version:?}");
    // All of WebAssembly 2.0 is in the V8 of every Envoy that can run the filter; later proposals are not.
    Validator::new_with_features(WasmFeatures::WASM2).validate_all(&module).unwrap();
}

#[test]
fn module_exports_only_the_callbacks_it_needs() {
    let module = read();
    let mut exports = Vec::new();
    for payload in payloads(&module) {
        let Payload::ExportSection(section) = payload else { continue };
        exports.extend(section.into_iter().map(Result::unwrap).map(|export| (export.name, export.kind)));
    }
    exports.sort_unstable_by_key(|(name, _)| *name);
    assert_eq!(exports, EXPORTS, "`make module` strips the exports that the SDK adds");
}

#[test]
fn module_imports_only_listed_functions() {
    let allowed = |name: &String| [&CALLED[..], &NAMED_BY_THE_SDK].concat().contains(&name.as_str());
    let more: Vec<String> = imports(&read()).into_iter().filter(|name| !allowed(name)).collect();
    assert!(more.is_empty(), "not on the list: {more:#?}");
}

#[test]
fn module_size_is_limited() {
    let size = read().len();
    assert!(size <= SIZE_LIMIT, "{size} bytes");
}
