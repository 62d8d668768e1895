//! The calls to Envoy on the path of every request, without the overhead of the SDK, which allocates the path of a property for each
//! call and panics if a call fails.
//!
//! This is the only module with `unsafe` code: it calls foreign functions (proxy-wasm ABI 0.2.1).
#![allow(unsafe_code, reason = "the proxy's functions are foreign functions")]

use std::ptr::{null_mut, slice_from_raw_parts_mut};

use proxy_wasm::types::MapType;

use crate::time::Timestamp;

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_get_property(
        path: *const u8,
        path_size: usize,
        return_value: *mut *mut u8,
        return_value_size: *mut usize,
    ) -> u32;
    fn proxy_get_header_map_pairs(map: u32, return_value: *mut *mut u8, return_value_size: *mut usize)
    -> u32;
    fn proxy_get_current_time_nanoseconds(return_time: *mut u64) -> u32;
}

const OK: u32 = 0;

/// A property of the request; `None` if it is not set. The names in its path are separated by zero bytes.
///
/// An empty value costs far less than any other, because Envoy then allocates no memory in the module.
pub(super) fn property(path: &[u8]) -> Option<Box<[u8]>> {
    let (mut value, mut size) = (null_mut(), 0);
    // SAFETY: the proxy reads the path and writes the two results, which all outlive the call.
    let status = unsafe { proxy_get_property(path.as_ptr(), path.len(), &raw mut value, &raw mut size) };
    // SAFETY: these are the results of that call.
    if status == OK { Some(unsafe { returned(value, size) }) } else { None }
}

/// All headers, which [`header_map`](crate::header_map) reads.
pub(super) fn headers(map: MapType) -> Box<[u8]> {
    let (mut value, mut size) = (null_mut(), 0);
    // SAFETY: the proxy writes the two results, which outlive the call.
    let status = unsafe { proxy_get_header_map_pairs(map as u32, &raw mut value, &raw mut size) };
    // SAFETY: these are the results of that call.
    if status == OK { unsafe { returned(value, size) } } else { Box::default() }
}

/// Takes the bytes that the proxy returned.
///
/// # Safety
/// They are the results of a call that succeeded: the proxy has written `size` bytes into memory from the SDK's function
/// `proxy_on_memory_allocate`, which allocates a boxed slice of exactly that size and gives up its ownership.
unsafe fn returned(value: *mut u8, size: usize) -> Box<[u8]> {
    if value.is_null() {
        return Box::default();
    }
    // SAFETY: see above.
    unsafe { Box::from_raw(slice_from_raw_parts_mut(value, size)) }
}

/// The time of Envoy's clock. The epoch if Envoy does not tell it: then every token is dated in the future, and is rejected.
pub(super) fn now() -> Timestamp {
    const SECOND: u64 = 1_000_000_000;
    let mut nanoseconds = 0;
    // SAFETY: the proxy writes the result, which outlives the call.
    let status = unsafe { proxy_get_current_time_nanoseconds(&raw mut nanoseconds) };
    Timestamp::from_unix_seconds(if status == OK { nanoseconds / SECOND } else { 0 })
}
