//! Cookies: finding ours among a request's, and writing the one that an answer sets (RFC 6265).

use memchr::memchr2;

use crate::config::{Cookie, Lifetime};

/// The values of all cookies of this name in a `Cookie` header, in the header's order.
///
/// Cookies of one name differ in their path, and a client sends the longest path first. Whatever is not `name=value` is
/// passed over; quotes around a value (RFC 6265 section 4.1.1) are taken off. A comma separates as a semicolon does: Envoy
/// joins several `Cookie` lines with one, and no value of ours has any.
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
        let (pair, behind) = match memchr2(b';', b',', text).and_then(|end| text.split_at_checked(end)) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CookieName, CookiePath};
    use crate::test;

    fn found<'a>(header: &'a str, name: &'a str) -> Vec<&'a str> {
        values(header.as_bytes(), name).map(|value| std::str::from_utf8(value).unwrap()).collect()
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        assert_eq!(found("a=1; sid=token; b=2", "sid"), ["token"]);
        assert_eq!(found("sid=token", "sid"), ["token"]);
        assert_eq!(found("a=1;sid=token;", "sid"), ["token"]);
    }

    #[test]
    fn several_cookies_of_one_name_come_in_order() {
        assert_eq!(found("sid=one; x=y; sid=two", "sid"), ["one", "two"]);
    }

    #[test]
    fn lines_that_were_joined_with_commas_come_apart() {
        assert_eq!(found("a=1,sid=one; b=2,sid=two", "sid"), ["one", "two"]);
    }

    #[test]
    fn quotes_and_white_space_around_a_value_come_off() {
        assert_eq!(found("sid=\"token\"", "sid"), ["token"]);
        assert_eq!(found(" \tsid = token \t; b", "sid"), ["token"]);
        assert_eq!(found("sid=\"half", "sid"), ["\"half"]);
    }

    #[test]
    fn names_that_only_resemble_ours_are_others() {
        assert_eq!(found("xsid=1; sidx=2; SID=3; s=4; sid", "sid"), [""; 0]);
        assert_eq!(found("a=sid=token", "sid"), [""; 0]);
    }

    #[test]
    fn an_empty_value_is_a_value() {
        assert_eq!(found("sid=; sid", "sid"), [""]);
        assert_eq!(found("", "sid"), [""; 0]);
    }

    #[test]
    fn a_value_may_hold_equals_signs_and_any_bytes() {
        assert_eq!(found("sid=a=b", "sid"), ["a=b"]);
        let values: Vec<_> = values(b"\xff=\xfe; sid=\x80\x00; \xc3", "sid").collect();
        assert_eq!(values, [b"\x80\x00"]);
    }

    fn cookie(lifetime: Lifetime, secure: bool) -> Cookie {
        let name = CookieName::try_from(String::from("Session-A")).unwrap();
        let path = CookiePath::try_from(String::from("/shop")).unwrap();
        Cookie { name, path, lifetime, secure }
    }

    #[test]
    fn a_permanent_cookie_lives_as_long_as_its_session() {
        let value = set_cookie(&cookie(Lifetime::Permanent, false), "token", Some(10));
        assert_eq!(value, "Session-A=token; Path=/shop; Max-Age=10; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_session_cookie_has_neither_expires_nor_max_age() {
        let value = set_cookie(&cookie(Lifetime::Session, false), "token", Some(10));
        assert_eq!(value, "Session-A=token; Path=/shop; HttpOnly; SameSite=Lax");
    }

    #[test]
    fn a_cookie_of_a_tls_listener_is_secure() {
        let value = set_cookie(&cookie(Lifetime::Session, true), "token", None);
        assert_eq!(value, "Session-A=token; Path=/shop; Secure; HttpOnly; SameSite=Lax");
    }
}
