//! Hiding a session cookie from backends: the other cookies of a request, byte for byte.
//!
//! The filter leaves the `cookie` header as it is, because Envoy may choose a route again behind it, and conditions of routes see
//! whether there is a session cookie. The route removes the header and adds these cookies in its place, which also applies to
//! mirrors and retries ([`names::COOKIES_FILTER_STATE`](crate::names::COOKIES_FILTER_STATE)).

use memchr::{memchr, memchr2};

/// The cookies of these header lines that do not have this name, as one line: several are joined as HTTP/2 joins them (RFC 9113
/// section 8.2.3).
#[must_use]
pub fn other_cookies<'l>(lines: impl Iterator<Item = &'l [u8]>, name: &[u8]) -> Vec<u8> {
    let mut kept = Vec::new();
    for line in lines {
        let before = kept.len();
        if before > 0 {
            kept.extend_from_slice(b"; ");
        }
        let start = kept.len();
        keep_others(line, name, &mut kept);
        if kept.len() == start {
            kept.truncate(before);
        }
    }
    kept
}

/// Appends a line without the cookies of this name. As in [`candidates`](crate::candidates), commas separate cookies, too, because
/// proxies join lines with them; but only in front of something with a name, because values can contain commas.
fn keep_others(line: &[u8], name: &[u8], kept: &mut Vec<u8>) {
    let mut rest = Some(line);
    let (mut separator, mut is_first) = (None, true);
    // Whether the last piece was hidden, and whether a semicolon stood on one side of what was hidden.
    let (mut hidden, mut semicolon) = (false, false);
    while let Some(text) = rest {
        let (piece, behind) = memchr2(b';', b',', text)
            .and_then(|end| text.split_at_checked(end))
            .map_or((text, None), |(piece, behind)| (piece, Some(behind)));
        let part_of_value = separator == Some(b',') && memchr(b'=', piece).is_none();
        let was_hidden = hidden;
        if !part_of_value {
            hidden = has_name(piece, name);
        }
        semicolon = separator == Some(b';') || was_hidden && semicolon;
        if !hidden {
            match separator {
                Some(separator) if !is_first => {
                    kept.push(if semicolon { b';' } else { separator });
                    kept.extend_from_slice(piece);
                }
                // White space in front of the first cookie that is left.
                Some(_) => kept.extend_from_slice(piece.trim_ascii_start()),
                None => kept.extend_from_slice(piece),
            }
            is_first = false;
        }
        separator = behind.and_then(|behind| behind.first().copied());
        rest = behind.and_then(|behind| behind.get(1..));
    }
}

fn has_name(piece: &[u8], name: &[u8]) -> bool {
    let end = memchr(b'=', piece);
    end.and_then(|end| piece.get(..end)).is_some_and(|start| start.trim_ascii() == name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    fn others(lines: &[&str]) -> String {
        String::from_utf8(other_cookies(lines.iter().map(|line| line.as_bytes()), b"sid")).unwrap()
    }

    #[test]
    fn other_cookies_stay_as_they_are() {
        for line in [
            "a=1",
            "a=1; b=2",
            "a=1;b=2",
            " a=1 ;  b = 2;",
            ";;",
            "a",
            "sid",
            "xsid=1; sidx=2; SID=3; s=4",
            "a=\"x, y\"; b=,;",
            "a=x,sid",
            "t=a=sid=b",
            "a=1,b=2",
        ] {
            assert_eq!(others(&[line]), line);
        }
    }

    #[test]
    fn the_session_cookie_is_left_out_with_its_separator() {
        for (line, kept) in [
            ("sid=T", ""),
            (" sid = T ", ""),
            ("sid=T;", ""),
            ("sid=", ""),
            ("a=1; sid=T", "a=1"),
            ("a=1; sid=T;", "a=1;"),
            ("sid=T; b=2", "b=2"),
            ("sid=T;  b = 2 ; c", "b = 2 ; c"),
            ("a=1; sid=T; b=2", "a=1; b=2"),
            ("a=1;sid=T;b=2", "a=1;b=2"),
            ("sid=T; a=1; sid=\"U\"; b=2; sid=V", "a=1; b=2"),
            // Lines that a proxy joined.
            ("a=1,sid=T", "a=1"),
            ("sid=T,b=2", "b=2"),
            ("a=1,sid=T,b=2", "a=1,b=2"),
            ("a=1; sid=T,b=2", "a=1;b=2"),
            ("a=1,sid=T; b=2", "a=1; b=2"),
            // What follows a comma in a value has no name.
            ("a=1; sid=x, y; b=2", "a=1; b=2"),
            ("sid=Thu, 01 Jan; a=x, y", "a=x, y"),
        ] {
            assert_eq!(others(&[line]), kept, "{line:?}");
        }
    }

    #[test]
    fn several_lines_become_one() {
        assert_eq!(others(&["a=1", "b=2; sid=T", "c=3"]), "a=1; b=2; c=3");
        assert_eq!(others(&["sid=T", "a=1", "sid=U"]), "a=1");
        assert_eq!(others(&["sid=T", "sid=U"]), "");
        assert_eq!(others(&[]), "");
    }

    #[test]
    fn any_bytes_stay_and_no_session_cookie_does() {
        let bytes = other_cookies([&b"a=\xff\x80; sid=\xfe; b=\xc3"[..]].into_iter(), b"sid");
        assert_eq!(bytes, b"a=\xff\x80; b=\xc3");
    }

    /// Texts of what matters here. Not in WebAssembly, for which proptest is not built.
    #[cfg(not(target_family = "wasm"))]
    mod random {
        use proptest::prelude::*;

        use super::*;

        #[test]
        fn no_session_cookie_is_left_and_nothing_else_changes() {
            proptest!(|(line in "(sid|a|=|,|;| |x){0,24}")| {
                let left = others(&[&line]);
                let named = |text: &str| text.split([';', ',']).any(|piece| has_name(piece.as_bytes(), b"sid"));
                prop_assert!(!named(&left), "{:?} of {:?}", left, line);
                if named(&line) {
                    prop_assert_eq!(others(&[&left]), left);
                } else {
                    prop_assert_eq!(left, line);
                }
            });
        }
    }
}
