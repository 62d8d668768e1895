//! Removes unused callbacks from the compiled filter.
//!
//! Envoy calls every callback that a module exports: `proxy_on_done` and `proxy_on_log` once per request, those for bodies and
//! trailers once per chunk. The proxy-wasm SDK exports all callbacks of the ABI, and the linker has no option to remove exports. So
//! this crate removes them from the linked module, and the code of functions that can no longer be called. (A trap instruction
//! remains, so that the indexes of functions do not change.) Everything else stays the same, byte for byte. The result is
//! deterministic, and stripping a module again does not change it. `reach` finds the functions that can be called.

mod reach;

use std::collections::BTreeSet;
use std::ops::Range;

use wasm_encoder::{CodeSection, ExportKind, ExportSection, Function, Module, RawSection};
use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload};

/// The exports that the filter needs (proxy-wasm ABI 0.2.1).
pub const KEPT: [&str; 10] = [
    "_initialize",
    "memory",
    "proxy_abi_version_0_2_1",
    "proxy_on_configure",
    "proxy_on_context_create",
    "proxy_on_delete",
    "proxy_on_memory_allocate",
    "proxy_on_request_headers",
    "proxy_on_response_headers",
    "proxy_on_vm_start",
];

/// The module cannot be stripped.
#[derive(Debug, thiserror::Error)]
pub enum StripError {
    /// The bytes are not a WebAssembly module.
    #[error("not a WebAssembly module: {0}")]
    Module(#[from] BinaryReaderError),
    /// A required export is missing: the module is not the filter.
    #[error("the module does not export `{0}`: is it the compiled filter?")]
    Missing(&'static str),
    /// A section that core modules do not have.
    #[error("unexpected section at byte {0}: expected a core WebAssembly module")]
    Section(u64),
    /// An export that is neither a function nor a memory.
    #[error("the export `{0}` is neither a function nor a memory")]
    Kind(&'static str),
}

/// Removes all exports that are not in [`KEPT`], and the code that can no longer be called.
///
/// # Errors
/// It is not a core module, or one of these exports is missing.
pub fn strip(module: &[u8]) -> Result<Vec<u8>, StripError> {
    let (exports, roots) = exports(module)?;
    let reached = reach::functions(module, roots)?;
    let mut next = reach::imported(module)?;
    let mut stripped = Module::new();
    let mut code = CodeSection::new();
    for payload in Parser::new(0).parse_all(module) {
        match payload? {
            Payload::ExportSection(_) => {
                stripped.section(&exports);
            }
            Payload::CodeSectionStart { .. } => {}
            Payload::CodeSectionEntry(body) => {
                if reached.contains(&next) {
                    code.raw(bytes(module, body.range())?);
                } else {
                    code.function(&trap());
                }
                next += 1;
            }
            payload => {
                if let Some((id, range)) = payload.as_section() {
                    if !code.is_empty() {
                        stripped.section(&std::mem::take(&mut code));
                    }
                    let data = bytes(module, range)?;
                    stripped.section(&RawSection { id, data });
                }
            }
        }
    }
    if !code.is_empty() {
        stripped.section(&code);
    }
    Ok(stripped.finish())
}

/// The exports to keep, and the indexes of the functions among them.
fn exports(module: &[u8]) -> Result<(ExportSection, BTreeSet<u32>), StripError> {
    let mut exports = Vec::new();
    for payload in Parser::new(0).parse_all(module) {
        if let Payload::ExportSection(section) = payload? {
            exports = section.into_iter().collect::<Result<Vec<_>, _>>()?;
        }
    }
    let (mut kept, mut functions) = (ExportSection::new(), BTreeSet::new());
    for name in KEPT {
        let export = exports.iter().find(|export| export.name == name);
        let export = export.ok_or(StripError::Missing(name))?;
        let kind = match export.kind {
            ExternalKind::Func => {
                functions.insert(export.index);
                ExportKind::Func
            }
            ExternalKind::Memory => ExportKind::Memory,
            _ => return Err(StripError::Kind(name)),
        };
        kept.export(name, kind, export.index);
    }
    Ok((kept, functions))
}

/// The body of a function that is never called.
fn trap() -> Function {
    let mut body = Function::new([]);
    body.instructions().unreachable().end();
    body
}

fn bytes(module: &[u8], range: Range<u64>) -> Result<&[u8], StripError> {
    let (start, end) = (usize::try_from(range.start), usize::try_from(range.end));
    let found = start.ok().zip(end.ok()).and_then(|(start, end)| module.get(start..end));
    found.ok_or(StripError::Section(range.start))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is its job")]

    use wasm_encoder::{FunctionSection, MemorySection, MemoryType, TypeSection};

    use super::*;

    /// A module with three functions, these exports, and a custom section after the code. The first function calls the second; the
    /// third has a body if `third` is set, and can only be exported as `proxy_on_log`.
    fn module(exports: &[&str], third: bool) -> Vec<u8> {
        let mut trap = Function::new([]);
        trap.instructions().unreachable().end();
        let mut module = Module::new();
        let mut types = TypeSection::new();
        types.ty().function([], []);
        module.section(&types);
        let mut functions = FunctionSection::new();
        for _ in 0..3 {
            functions.function(0);
        }
        module.section(&functions);
        let mut memories = MemorySection::new();
        memories.memory(MemoryType {
            minimum: 1,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
        module.section(&memories);
        let mut section = ExportSection::new();
        for name in exports {
            let kind = if *name == "memory" { ExportKind::Memory } else { ExportKind::Func };
            section.export(name, kind, if *name == "proxy_on_log" { 2 } else { 0 });
        }
        module.section(&section);
        let mut code = CodeSection::new();
        let mut first = Function::new([]);
        first.instructions().call(1).end();
        let mut other = Function::new([]);
        other.instructions().nop().end();
        code.function(&first).function(&other).function(if third { &other } else { &trap });
        module.section(&code);
        module
            .section(&wasm_encoder::CustomSection { name: "producers".into(), data: b"x".as_slice().into() });
        module.finish()
    }

    #[test]
    fn unused_exports_and_their_code_are_removed() {
        let mut exports = KEPT.to_vec();
        exports.insert(3, "proxy_on_log");
        exports.push("proxy_on_request_body");
        assert_eq!(strip(&module(&exports, true)).unwrap(), module(&KEPT, false));
    }

    #[test]
    fn stripping_a_stripped_module_changes_nothing() {
        assert_eq!(strip(&module(&KEPT, false)).unwrap(), module(&KEPT, false));
    }

    #[test]
    fn a_missing_export_is_an_error() {
        let [_, rest @ ..] = KEPT;
        let error = strip(&module(&rest, true)).unwrap_err().to_string();
        assert!(error.contains("`_initialize`"), "{error}");
    }

    #[test]
    fn invalid_modules_are_errors() {
        for bytes in [&b""[..], b"no module", b"\0asm\x0d\0\x01\0"] {
            assert!(strip(bytes).is_err(), "{bytes:?}");
        }
    }
}
