//! Leaves the cookies for the backend in the filter state, without the session cookie. [`hiding`](crate::hiding) finds them.

use proxy_wasm::hostcalls;
use proxy_wasm::types::MapType;

use super::calls::headers;
use super::report;
use crate::header_map;
use crate::hiding::other_cookies;

/// Hides the cookie of this name.
pub(super) fn hide(name: &str) {
    let headers = headers(MapType::HttpRequestHeaders);
    let others = other_cookies(header_map::lines(&headers, b"cookie"), name.as_bytes());
    // Without it, the route adds no header.
    if !others.is_empty() {
        report("cookies", hostcalls::set_property(vec!["session_persistence_cookies"], Some(&others)));
    }
}
