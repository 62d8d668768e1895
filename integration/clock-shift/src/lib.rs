//! Shifts the wall clock of a program: with this library in `LD_PRELOAD`, it is ahead by the seconds in `CLOCK_SHIFT` (behind, if
//! negative). Timers use other clocks and are not affected.
//!
//! It exists for Linux with 64 bits alone, where Envoy takes the time from the C library's `clock_gettime`. It allocates nothing,
//! since an allocator may ask for the time.
#![cfg(all(target_os = "linux", target_pointer_width = "64"))]
#![expect(unsafe_code, reason = "a function of the C library is replaced by one with the same interface")]

use std::ffi::{c_char, c_int, c_long, c_void};
use std::mem;
use std::ptr;
use std::sync::atomic::{AtomicI64, AtomicPtr, Ordering};

/// `CLOCK_REALTIME` and `CLOCK_REALTIME_COARSE`.
const WALL_CLOCKS: [c_int; 2] = [0, 5];

/// `RTLD_NEXT`: search the libraries that are loaded after this one.
const NEXT: *mut c_void = ptr::without_provenance_mut(usize::MAX);

/// The shift is not known yet.
const UNKNOWN: i64 = i64::MIN;

/// C's `struct timespec`.
#[repr(C)]
#[derive(Debug)]
pub struct Timespec {
    seconds: c_long,
    nanoseconds: c_long,
}

type ClockGettime = unsafe extern "C" fn(c_int, *mut Timespec) -> c_int;

unsafe extern "C" {
    fn dlsym(handle: *mut c_void, symbol: *const c_char) -> *mut c_void;
    fn getenv(name: *const c_char) -> *const c_char;
    fn atol(text: *const c_char) -> c_long;
}

/// C's `clock_gettime` with a shifted wall clock.
///
/// # Safety
/// As in C: `time` points to a `struct timespec` that can be written.
// SAFETY: the name is the C library's on purpose, and so is the interface.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn clock_gettime(clock: c_int, time: *mut Timespec) -> c_int {
    let Some(original) = original() else { return -1 };
    // SAFETY: the caller passes what C's function asks for.
    let status = unsafe { original(clock, time) };
    if status == 0 && WALL_CLOCKS.contains(&clock) {
        // SAFETY: the original has just written it.
        unsafe { (*time).seconds += shift() };
    }
    status
}

/// The C library's function.
fn original() -> Option<ClockGettime> {
    static ORIGINAL: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
    let mut found = ORIGINAL.load(Ordering::Relaxed);
    if found.is_null() {
        // SAFETY: the name is a C string, and the handle is one of the special ones.
        found = unsafe { dlsym(NEXT, c"clock_gettime".as_ptr()) };
        ORIGINAL.store(found, Ordering::Relaxed);
    }
    // SAFETY: a pointer is either null, which is `None`, or that function, which has this type.
    unsafe { mem::transmute::<*mut c_void, Option<ClockGettime>>(found) }
}

/// The seconds in `CLOCK_SHIFT`; 0 without it.
fn shift() -> i64 {
    static SHIFT: AtomicI64 = AtomicI64::new(UNKNOWN);
    let mut shift = SHIFT.load(Ordering::Relaxed);
    if shift == UNKNOWN {
        // SAFETY: the name is a C string. Nothing changes the environment of a program under test.
        let text = unsafe { getenv(c"CLOCK_SHIFT".as_ptr()) };
        // SAFETY: `getenv` returns null or a C string.
        shift = if text.is_null() { 0 } else { unsafe { atol(text) } };
        SHIFT.store(shift, Ordering::Relaxed);
    }
    shift
}
