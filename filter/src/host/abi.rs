//! proxy-wasm ABI 0.2.1, as far as the filter needs it: the functions that Envoy calls, and those of Envoy that the filter calls.
//!
//! Written here and not taken from the SDK, because Envoy calls every function that a module exports, once for each request or
//! each piece of a body, and hands bodies through the VM only where a module asks for them. The SDK exports all callbacks of the
//! ABI, and a linker cannot take an export back. This module exports what it needs: no bodies, no trailers, no end of streams.
//! What Envoy sends arrives in a buffer that is used again and again, since each of these calls is on the way of every request.
//!
//! The only module with `unsafe` in it: the ABI consists of addresses. Specification: proxy-wasm/spec, abi-versions/v0.2.1.
#![allow(unsafe_code, reason = "a foreign ABI: addresses and exported symbols")]

use std::cell::Cell;
use std::ops::Deref;
use std::ptr;

use super::contexts;

/// What a call to Envoy came to, if not to a success: `proxy_status_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Status(u32);

/// The headers that a call is about: `proxy_header_map_type_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Headers {
    Request = 0,
    Response = 2,
}

/// How much a line of the log matters: `proxy_log_level_t`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub(super) enum Level {
    Debug = 1,
    Info = 2,
    Error = 4,
}

/// Bytes that Envoy has sent. Dropping them gives the buffer back for the next ones.
#[derive(Default)]
pub(super) struct Received {
    buffer: Vec<u8>,
    length: usize,
}

/// `proxy_buffer_type_t`
const PLUGIN_CONFIGURATION: u32 = 7;
/// `proxy_metric_type_t`
const COUNTER: u32 = 0;
/// `proxy_action_t`
const CONTINUE: u32 = 0;

/// Most headers and addresses fit.
const SMALLEST_BUFFER: usize = 1024;
/// A larger buffer, which a larger configuration or cookie header needed, is not kept.
const LARGEST_BUFFER: usize = 16 * 1024;

thread_local! {
    /// The buffer for what Envoy sends next.
    static INBOX: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

impl Deref for Received {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.buffer.get(..self.length).unwrap_or_default()
    }
}

impl Drop for Received {
    fn drop(&mut self) {
        if (1..=LARGEST_BUFFER).contains(&self.buffer.len()) {
            INBOX.set(std::mem::take(&mut self.buffer));
        }
    }
}

/// Writes a line to Envoy's log.
pub(super) fn log(level: Level, line: &str) {
    // SAFETY: the address and the length are those of `line`, which Envoy only reads. Nothing is left to do if it fails.
    let _ = unsafe { proxy_log(level as u32, line.as_ptr(), line.len()) };
}

/// The plugin's configuration.
pub(super) fn configuration() -> Option<Received> {
    // SAFETY: see `receive`.
    receive(|data, size| unsafe { proxy_get_buffer_bytes(PLUGIN_CONFIGURATION, 0, usize::MAX, data, size) })
}

/// The wall clock, in nanoseconds since 1970.
pub(super) fn time() -> u64 {
    let mut time = 0;
    // SAFETY: Envoy writes eight bytes to the address of eight. Should it fail, the time is 1970, in which all tokens are of the
    // future.
    let _ = unsafe { proxy_get_current_time_nanoseconds(&raw mut time) };
    time
}

/// An attribute of the request; `path` has a zero byte between its parts.
pub(super) fn property(path: &[u8]) -> Option<Received> {
    // SAFETY: the path's address and length; see `receive` for the others.
    receive(|data, size| unsafe { proxy_get_property(path.as_ptr(), path.len(), data, size) })
}

/// Sets the filter state `wasm.NAME`.
pub(super) fn set_filter_state(name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: the addresses and lengths of texts that Envoy only reads.
    done(unsafe { proxy_set_property(name.as_ptr(), name.len(), value.as_ptr(), value.len()) })
}

/// The first value of this header.
pub(super) fn header(headers: Headers, name: &str) -> Option<Received> {
    // SAFETY: the name's address and length; see `receive` for the others.
    receive(|data, size| unsafe {
        proxy_get_header_map_value(headers as u32, name.as_ptr(), name.len(), data, size)
    })
}

/// Puts this value in the place of all that the header has.
pub(super) fn replace_header(headers: Headers, name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: the addresses and lengths of texts that Envoy only reads.
    done(unsafe {
        proxy_replace_header_map_value(headers as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Adds one more header of this name.
pub(super) fn add_header(headers: Headers, name: &str, value: &[u8]) -> Result<(), Status> {
    // SAFETY: the addresses and lengths of texts that Envoy only reads.
    done(unsafe {
        proxy_add_header_map_value(headers as u32, name.as_ptr(), name.len(), value.as_ptr(), value.len())
    })
}

/// Removes all headers of this name.
pub(super) fn remove_header(headers: Headers, name: &str) -> Result<(), Status> {
    // SAFETY: the address and length of a text that Envoy only reads.
    done(unsafe { proxy_remove_header_map_value(headers as u32, name.as_ptr(), name.len()) })
}

/// Has Envoy choose the request's route again.
pub(super) fn clear_route_cache() -> Result<(), Status> {
    let name = "clear_route_cache";
    let (mut data, mut size) = (ptr::null_mut(), 0);
    // SAFETY: the name's address and length; no arguments; addresses for a result, which this function does not have.
    done(unsafe {
        proxy_call_foreign_function(name.as_ptr(), name.len(), ptr::null(), 0, &raw mut data, &raw mut size)
    })
}

/// Defines a counter; its number.
pub(super) fn define_counter(name: &str) -> Result<u32, Status> {
    let mut id = 0;
    // SAFETY: the name's address and length, and the address of four bytes to which Envoy writes four.
    done(unsafe { proxy_define_metric(COUNTER, name.as_ptr(), name.len(), &raw mut id) }).map(|()| id)
}

/// Counts one more.
pub(super) fn increment(counter: u32) -> Result<(), Status> {
    // SAFETY: no addresses.
    done(unsafe { proxy_increment_metric(counter, 1) })
}

const fn done(status: u32) -> Result<(), Status> {
    match status {
        0 => Ok(()),
        other => Err(Status(other)),
    }
}

/// What a call sends: Envoy asks [`proxy_on_memory_allocate`] for room, writes there, and tells where that was and how much it
/// wrote. The call is given addresses of variables for the two, valid until it returns.
fn receive(call: impl FnOnce(*mut *mut u8, *mut usize) -> u32) -> Option<Received> {
    let (mut data, mut length) = (ptr::null_mut(), 0);
    done(call(&raw mut data, &raw mut length)).ok()?;
    if length == 0 {
        // For these Envoy asks for no room.
        return Some(Received::default());
    }
    let buffer = INBOX.take();
    // Never otherwise, but then the bytes are not in this buffer.
    (ptr::eq(buffer.as_ptr(), data) && length <= buffer.len()).then_some(Received { buffer, length })
}

#[link(wasm_import_module = "env")]
unsafe extern "C" {
    fn proxy_log(level: u32, line: *const u8, size: usize) -> u32;
    fn proxy_get_buffer_bytes(
        buffer: u32,
        start: usize,
        limit: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_get_current_time_nanoseconds(time: *mut u64) -> u32;
    fn proxy_get_property(path: *const u8, path_size: usize, data: *mut *mut u8, size: *mut usize) -> u32;
    fn proxy_set_property(path: *const u8, path_size: usize, value: *const u8, size: usize) -> u32;
    fn proxy_get_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_replace_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        size: usize,
    ) -> u32;
    fn proxy_add_header_map_value(
        map: u32,
        name: *const u8,
        name_size: usize,
        value: *const u8,
        size: usize,
    ) -> u32;
    fn proxy_remove_header_map_value(map: u32, name: *const u8, name_size: usize) -> u32;
    fn proxy_call_foreign_function(
        name: *const u8,
        name_size: usize,
        arguments: *const u8,
        arguments_size: usize,
        data: *mut *mut u8,
        size: *mut usize,
    ) -> u32;
    fn proxy_define_metric(kind: u32, name: *const u8, name_size: usize, id: *mut u32) -> u32;
    fn proxy_increment_metric(id: u32, offset: i64) -> u32;
}

unsafe extern "C" {
    fn __wasm_call_ctors();
}

#[unsafe(no_mangle)]
extern "C" fn _initialize() {
    // SAFETY: Envoy calls this once, before everything else. It sets the C library up.
    unsafe { __wasm_call_ctors() }
}

#[unsafe(no_mangle)]
extern "C" fn proxy_abi_version_0_2_1() {}

/// Makes room for bytes that Envoy is about to send: one piece at a time, which `receive` takes.
#[unsafe(no_mangle)]
extern "C" fn proxy_on_memory_allocate(size: usize) -> *mut u8 {
    let mut buffer = INBOX.take();
    if buffer.len() < size {
        buffer = vec![0; size.max(SMALLEST_BUFFER)];
    }
    let address = buffer.as_mut_ptr();
    INBOX.set(buffer);
    address
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_context_create(context: u32, parent: u32) {
    contexts::create(context, parent);
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_vm_start(_context: u32, _configuration_size: usize) -> u32 {
    1
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_configure(context: u32, _configuration_size: usize) -> u32 {
    u32::from(contexts::configure(context))
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_request_headers(context: u32, _count: usize, _end_of_stream: u32) -> u32 {
    contexts::request(context);
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_response_headers(context: u32, _count: usize, _end_of_stream: u32) -> u32 {
    contexts::response(context);
    CONTINUE
}

#[unsafe(no_mangle)]
extern "C" fn proxy_on_delete(context: u32) {
    contexts::delete(context);
}
