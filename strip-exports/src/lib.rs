//! Takes the callbacks out of the compiled filter that it has no use for.
//!
//! Envoy calls every callback that a module exports: `proxy_on_done` and `proxy_on_log` once for each request, those for bodies and
//! trailers once for each piece of one. The proxy-wasm SDK exports all callbacks of the ABI, and no option of the linker takes an
//! export back, so they are taken out of the linked module, and with them the code of the functions that nothing can call any more
//! (an instruction that traps stays in its place, so that all functions keep their numbers). Everything else stays as it is, byte for
//! byte: the same module always becomes the same module, and one that was stripped already stays as it is.

mod reach;

use std::collections::BTreeSet;
use std::ops::Range;

use wasm_encoder::{CodeSection, ExportKind, ExportSection, Function, Module, RawSection};
use wasmparser::{BinaryReaderError, ExternalKind, Parser, Payload};

/// What a proxy calls in the filter or needs of it (proxy-wasm ABI 0.2.1), by name.
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

/// Why a module cannot be stripped.
#[derive(Debug, thiserror::Error)]
pub enum StripError {
    /// The bytes are not a WebAssembly module.
    #[error("not a WebAssembly module: {0}")]
    Module(#[from] BinaryReaderError),
    /// It is not the filter, or the filter has lost a callback.
    #[error("the module does not export `{0}`: is it the compiled filter?")]
    Missing(&'static str),
    /// A section that a core module does not have.
    #[error("the module has a part that a core module does not have, at byte {0}")]
    Section(u64),
    /// An export that is neither a function nor a memory.
    #[error("the export `{0}` is neither a function nor a memory")]
    Kind(&'static str),
}

/// The same module with the exports that are in [`KEPT`] and no others, and without the code that only the others led to.
///
/// # Errors
/// It is not a core module, or lacks one of them.
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
                    code.function(&nothing());
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

/// The exports that stay, and the functions among them.
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

/// What stays of a function that nothing calls.
fn nothing() -> Function {
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

    /// A module with these exports, and a custom section behind its code. Its second function calls nothing and is called by the first;
    /// the third is exported as `proxy_on_log` or not at all, and its code is there or not.
    fn module(exports: &[&str], third: bool) -> Vec<u8> {
        let mut nothing = Function::new([]);
        nothing.instructions().unreachable().end();
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
        code.function(&first).function(&other).function(if third { &other } else { &nothing });
        module.section(&code);
        module
            .section(&wasm_encoder::CustomSection { name: "producers".into(), data: b"x".as_slice().into() });
        module.finish()
    }

    #[test]
    fn exports_that_are_not_kept_go_with_the_code_that_only_they_lead_to() {
        let mut exports = KEPT.to_vec();
        exports.insert(3, "proxy_on_log");
        exports.push("proxy_on_request_body");
        assert_eq!(strip(&module(&exports, true)).unwrap(), module(&KEPT, false));
    }

    #[test]
    fn a_stripped_module_stays_as_it_is() {
        assert_eq!(strip(&module(&KEPT, false)).unwrap(), module(&KEPT, false));
    }

    #[test]
    fn a_module_that_lacks_a_callback_is_refused() {
        let [_, rest @ ..] = KEPT;
        let error = strip(&module(&rest, true)).unwrap_err().to_string();
        assert!(error.contains("`_initialize`"), "{error}");
    }

    #[test]
    fn what_is_not_a_module_is_refused() {
        for bytes in [&b""[..], b"no module", b"\0asm\x0d\0\x01\0"] {
            assert!(strip(bytes).is_err(), "{bytes:?}");
        }
    }
}
