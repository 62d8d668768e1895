//! The calls to Envoy that every request makes, without what the SDK's take beside them: it writes the path of a property into
//! new memory for each call.
//!
//! The only module with `unsafe` code: the calls are functions of another language (proxy-wasm ABI 0.2.1).
#![allow(unsafe_code, reason = "the proxy's functions are foreign ones")]

use std::ptr::{null_mut, slice_from_raw_parts_mut};

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        return_value: *mut *mut u8,
        return_value_size: *mut usize,
    ) -> u32;
}

/// A property, by the names on its path with a zero byte between each two; none if the request has no such property.
pub(super) fn property(path: &[u8]) -> Option<Box<[u8]>> {
    const OK: u32 = 0;
    let (mut value, mut size) = (null_mut(), 0);
    // SAFETY: the proxy reads the path and writes the two results, which all outlive the call.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut value, &raw mut size) };
    if status != OK || value.is_null() {
        return None;
    }
    // SAFETY: the proxy has written `size` bytes into memory that it got from `proxy_on_memory_allocate`, the SDK's function, which
    // allocates a boxed slice of exactly that size and gives it away.
    Some(unsafe { Box::from_raw(slice_from_raw_parts_mut(value, size)) })
}
