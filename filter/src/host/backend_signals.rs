//! Asks Envoy whether a backend's answer starts or ends a session. [`backend_signals`](crate::backend_signals) says what follows.

use proxy_wasm::types::MapType;

use super::calls::{headers, property};
use crate::backend_signals::sets_cookie;
use crate::config::{EndOn, FieldName, StartOn};
use crate::header_map;

/// Whether the answer starts a session.
pub(super) fn starts(signal: &StartOn) -> bool {
    match signal {
        StartOn::BackendHeader(name) => is_set(name),
        StartOn::BackendCookie(name) => {
            let headers = headers(MapType::HttpResponseHeaders);
            sets_cookie(header_map::lines(&headers, b"set-cookie"), name.as_str().as_bytes())
        }
    }
}

/// Whether the answer ends a session.
pub(super) fn ends(signal: &EndOn) -> bool {
    is_set(signal.backend_header())
}

fn is_set(name: &FieldName) -> bool {
    property(&[b"response\0headers\0", name.as_str().as_bytes()].concat()).is_some()
}
