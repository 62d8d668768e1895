//! Cookies: finding ours among a request's, and writing the one that an answer sets (RFC 6265).

use memchr::memchr;

use crate::config::{Cookie, Lifetime};

/// The values of all cookies of this name in a `Cookie` header, in the header's order.
///
/// Cookies of one name differ in their path, and a client sends the longest path first. Whatever is not `name=value` is
/// passed over; quotes around a value (RFC 6265 section 4.1.1) are taken off.
pub fn values<'a>(header: &'a [u8], name: &'a str) -> impl Iterator<Item = &'a [u8]> {
    pairs(header).filter_map(move |pair| {
        let value = pair.strip_prefix(name.as_bytes())?.trim_ascii_start().strip_prefix(b"=")?.trim_ascii();
        Some(value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
    })
}

fn pairs(header: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = Some(header);
    std::iter::from_fn(move || {
        let text = rest?;
        let (pair, behind) = match memchr(b';', text).and_then(|end| text.split_at_checked(end)) {
            Some((pair, behind)) => (pair, behind.get(1..)),
            None => (text, None),
        };
        rest = behind;
        Some(pair.trim_ascii_start())
    })
}

/// The `Set-Cookie` value that gives a client its token. `seconds_left` is what is left of the absolute timeout: a
/// permanent cookie's `Max-Age`. `Max-Age` and not `Expires`, which would depend on the client's clock.
#[must_use]
pub fn set_cookie(cookie: &Cookie, token: &str, seconds_left: Option<u64>) -> String {
    let mut value = format!("{}={token}; Path={}", cookie.name, cookie.path);
    if let (Lifetime::Permanent, Some(seconds)) = (cookie.lifetime, seconds_left) {
        value.push_str("; Max-Age=");
        value.push_str(&seconds.to_string());
    }
    if cookie.secure {
        value.push_str("; Secure");
    }
    value.push_str("; HttpOnly; SameSite=Lax");
    value
}
