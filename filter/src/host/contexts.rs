//! Which plugin and which request a callback is about: Envoy names both by numbers, which it never uses again in a VM.
//!
//! The plugins of all routes and listeners of a worker share one VM. A request outlives its plugin where a listener goes while it
//! is under way.

use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::rc::Rc;

use super::{Configured, Found};

thread_local! {
    static PLUGINS: RefCell<ByNumber<Option<Rc<Configured>>>> =
        const { RefCell::new(HashMap::with_hasher(BuildHasherDefault::new())) };
    static REQUESTS: RefCell<ByNumber<Request>> =
        const { RefCell::new(HashMap::with_hasher(BuildHasherDefault::new())) };
}

type ByNumber<T> = HashMap<u32, T, BuildHasherDefault<NumberHasher>>;

/// A request from its first callback to its last.
struct Request {
    /// The plugin it came to.
    plugin: Rc<Configured>,
    /// What session it has; none where its route has no session persistence.
    found: Option<Found>,
}

/// Envoy counts its numbers up, and no client chooses one: a multiplication spreads them well enough.
#[derive(Default)]
struct NumberHasher(u64);

impl Hasher for NumberHasher {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u32(byte.into());
        }
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = (self.0 ^ u64::from(number)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        // The table takes the low bits for the place, and the high bits of 32 for a first comparison.
        self.0 ^= self.0 >> 32;
    }
}

/// A plugin begins, or a request to one: its parent.
pub(super) fn create(context: u32, parent: u32) {
    if parent == 0 {
        PLUGINS.with_borrow_mut(|plugins| plugins.insert(context, None));
    } else if let Some(plugin) = PLUGINS.with_borrow(|plugins| plugins.get(&parent).cloned().flatten()) {
        REQUESTS.with_borrow_mut(|requests| requests.insert(context, Request { plugin, found: None }));
    }
}

/// Reads the configuration of a plugin; whether that can be used.
pub(super) fn configure(context: u32) -> bool {
    let configured = Configured::from_envoy();
    let usable = configured.is_some();
    PLUGINS.with_borrow_mut(|plugins| plugins.insert(context, configured.map(Rc::new)));
    usable
}

/// The headers of a request are there.
pub(super) fn request(context: u32) {
    // No borrow lasts while Envoy is called, should it ever call back.
    let plugin = REQUESTS.with_borrow(|requests| requests.get(&context).map(|it| Rc::clone(&it.plugin)));
    let found = plugin.and_then(|plugin| plugin.request());
    if found.is_some() {
        REQUESTS.with_borrow_mut(|requests| {
            if let Some(request) = requests.get_mut(&context) {
                request.found = found;
            }
        });
    }
}

/// The headers of an answer are there.
pub(super) fn response(context: u32) {
    let request = REQUESTS.with_borrow_mut(|requests| {
        let request = requests.get_mut(&context)?;
        Some((Rc::clone(&request.plugin), request.found.take()?))
    });
    if let Some((plugin, found)) = request {
        plugin.response(found);
    }
}

/// A request or a plugin has ended.
pub(super) fn delete(context: u32) {
    // What is dropped here calls nobody.
    if REQUESTS.with_borrow_mut(|requests| requests.remove(&context)).is_none() {
        PLUGINS.with_borrow_mut(|plugins| plugins.remove(&context));
    }
}
