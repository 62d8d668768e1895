//! What the answer of a backend says about its own session, for rules that follow it: `start_on` and `end_on`.
//!
//! | answer | session of the request | token issued |
//! | --- | --- | --- |
//! | has the header of `end_on` | none | none |
//! | has the header of `end_on` | any other, also if its token is not valid | the session ends |
//! | does not set the cookie or header of `start_on` | none, or its token is not valid | none |
//! | does not set the cookie or header of `start_on` | any other | as without `start_on`: sessions move and are renewed |
//!
//! `host` asks Envoy for the headers.

/// Whether one of these `set-cookie` lines sets the cookie of this name. One that removes the cookie does not: it has an empty value, or
/// a `Max-Age` that is not positive (RFC 6265 section 5.2.2).
#[must_use]
pub fn sets_cookie<'l>(mut lines: impl Iterator<Item = &'l [u8]>, name: &[u8]) -> bool {
    lines.any(|line| {
        let mut parts = line.split(|byte| *byte == b';').map(halves);
        let Some((found, value)) = parts.next() else { return false };
        let removes = |(attribute, age): (&[u8], &[u8])| {
            attribute.eq_ignore_ascii_case(b"max-age") && (age.starts_with(b"-") || is_zero(age))
        };
        found == name && !matches!(value, b"" | b"\"\"") && !parts.any(removes)
    })
}

/// The parts of `name = value`; the value is empty if there is none.
fn halves(part: &[u8]) -> (&[u8], &[u8]) {
    let end = memchr::memchr(b'=', part).unwrap_or(part.len());
    let (name, value) = part.split_at_checked(end).unwrap_or((part, b""));
    (name.trim_ascii(), value.get(1..).unwrap_or_default().trim_ascii())
}

fn is_zero(number: &[u8]) -> bool {
    !number.is_empty() && number.iter().all(|digit| *digit == b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn sets(lines: &[&str]) -> bool {
        sets_cookie(lines.iter().map(|line| line.as_bytes()), b"JSESSIONID")
    }

    #[test]
    fn a_cookie_that_a_client_keeps_is_set() {
        for line in [
            "JSESSIONID=1",
            "JSESSIONID=1; Path=/; HttpOnly",
            " JSESSIONID = 1 ;Max-Age=1",
            "JSESSIONID=0",
            "JSESSIONID=\"1\"; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=060",
            "JSESSIONID=a=b",
            // Clients ignore the attribute.
            "JSESSIONID=1; Max-Age=; Max-Age; Max-Age=x; X-Max-Age=0",
        ] {
            assert!(sets(&[line]), "{line}");
            assert!(sets(&["a=b", line, "c=d"]), "{line}");
        }
    }

    #[test]
    fn a_cookie_that_is_removed_or_has_another_name_is_not() {
        for line in [
            "",
            "JSESSIONID",
            "JSESSIONID=",
            "JSESSIONID=\"\"; Path=/",
            "JSESSIONID=deleted; Max-Age=0",
            "JSESSIONID=deleted;max-age = -1; Path=/",
            "JSESSIONID=1; MAX-AGE=00",
            "jsessionid=1",
            "XJSESSIONID=1",
            "JSESSIONIDX=1",
            "a=b; JSESSIONID=1",
            "a=b,JSESSIONID=1",
        ] {
            assert!(!sets(&[line]), "{line}");
        }
        assert!(!sets(&[]));
    }
}
