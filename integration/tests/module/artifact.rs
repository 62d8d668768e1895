//! The module file itself: what it needs of a proxy, what it offers, how large it is.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use wasmparser::{Encoding, ExternalKind, Parser, Payload, TypeRef, Validator, WasmFeatures};

/// The largest module that is still quick to load and to compile.
const SIZE_LIMIT: usize = 250_000;

/// What a proxy calls in a filter of ABI 0.2.1, and what it needs for that.
const REQUIRED: [(&str, ExternalKind); 13] = [
    ("_initialize", ExternalKind::Func),
    ("memory", ExternalKind::Memory),
    ("proxy_abi_version_0_2_1", ExternalKind::Func),
    ("proxy_on_configure", ExternalKind::Func),
    ("proxy_on_context_create", ExternalKind::Func),
    ("proxy_on_delete", ExternalKind::Func),
    ("proxy_on_done", ExternalKind::Func),
    ("proxy_on_log", ExternalKind::Func),
    ("proxy_on_memory_allocate", ExternalKind::Func),
    ("proxy_on_request_headers", ExternalKind::Func),
    ("proxy_on_response_headers", ExternalKind::Func),
    ("proxy_on_tick", ExternalKind::Func),
    ("proxy_on_vm_start", ExternalKind::Func),
];

/// All that the module may ask of a proxy.
const ALLOWED: [&str; 0] = [];

/// The module's bytes.
pub(crate) fn read() -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../target/wasm32-wasip1/release/session_persistence.wasm");
    fs::read(&path).unwrap_or_else(|error| {
        panic!(
            "{}: {error}\nhint: cargo build --release --target wasm32-wasip1 -p session-persistence",
            path.display()
        )
    })
}

fn payloads(module: &[u8]) -> impl Iterator<Item = Payload<'_>> {
    Parser::new(0).parse_all(module).map(Result::unwrap)
}

fn imports(module: &[u8]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for payload in payloads(module) {
        let Payload::ImportSection(section) = payload else { continue };
        for import in section.into_imports() {
            let import = import.unwrap();
            assert!(matches!(import.ty, TypeRef::Func(_)), "{import:?} is no function");
            names.insert(format!("{}.{}", import.module, import.name));
        }
    }
    names
}

#[test]
fn is_a_core_module_of_webassembly_2() {
    let module = read();
    let version = payloads(&module).next().unwrap();
    assert!(matches!(version, Payload::Version { encoding: Encoding::Module, .. }), "{version:?}");
    // All of WebAssembly 2.0 is in the V8 of every Envoy that can run the filter; later proposals are not.
    Validator::new_with_features(WasmFeatures::WASM2).validate_all(&module).unwrap();
}

#[test]
fn exports_what_abi_0_2_1_requires() {
    let module = read();
    let mut exports = Vec::new();
    for payload in payloads(&module) {
        let Payload::ExportSection(section) = payload else { continue };
        exports.extend(section.into_iter().map(Result::unwrap).map(|export| (export.name, export.kind)));
    }
    for required in REQUIRED {
        assert!(exports.contains(&required), "{required:?} is not among {exports:?}");
    }
}

#[test]
fn imports_nothing_outside_the_list() {
    let allowed = BTreeSet::from(ALLOWED.map(String::from));
    let more: Vec<String> = imports(&read()).difference(&allowed).cloned().collect();
    assert!(more.is_empty(), "not on the list: {more:#?}");
}

#[test]
fn has_at_most_250_kilobytes() {
    let size = read().len();
    assert!(size <= SIZE_LIMIT, "{size} bytes");
}
