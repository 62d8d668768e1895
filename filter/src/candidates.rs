//! Candidates: which parts of a request's header are tried as tokens, in bounded time.
//!
//! Whoever sends 60 KB of cookies decides what is in them, so each step of the search has a limit:
//!
//! | per request | at most |
//! | --- | --- |
//! | cookies (or elements of the session header) that are compared with the name | 256 |
//! | cookies of our name (or elements of the session header) that are read | 8 |
//! | different values among them, of a token's exact length, that are opened | 4 |
//!
//! Other lines of the header are read if the first has at most 16 KiB. What stands behind a limit is not looked at. A browser does not reach them: Chrome and Firefox keep at most 180 cookies
//! for a site, and of those one per path has our name. Between separators, the header is searched with SIMD instructions.

use memchr::{memchr, memchr2};

use crate::config::Carrier;
use crate::token;

/// How many cookies, or elements of a header, are compared with the name.
const PIECES: usize = 256;
/// How many values are read.
const VALUES: usize = 8;
/// How many different values can be opened.
const TOKENS: usize = 4;
/// The longest first line, in bytes, behind which more lines are looked for: to look makes Envoy copy all of them once more.
/// Clients that send several lines send short ones; browsers send one.
const LINE: usize = 16 << 10;
/// How much white space is taken off at each place where it may be. Clients send one space behind a semicolon.
const WHITE_SPACE: usize = 4;

/// The search in the header lines of one request.
pub struct Search<'a> {
    /// The name of the cookie; none for a session header, all of whose elements are values.
    cookie: Option<&'a [u8]>,
    pieces: usize,
    values: usize,
    tokens: [&'a [u8]; TOKENS],
    found: usize,
}

/// A value of our cookie or header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate<'a> {
    /// It has the length of a token, and was not there before in this request.
    Token(&'a [u8]),
    /// It cannot be a token.
    Other,
}

impl<'a> Search<'a> {
    /// A search for values of this carrier.
    #[must_use]
    pub fn new(carrier: &'a Carrier) -> Self {
        match carrier {
            Carrier::Cookie(cookie) => Self::of_cookie(cookie.name.as_str()),
            Carrier::Header(_) => Self { cookie: None, ..Self::of_cookie("") },
        }
    }

    /// A search for cookies of this name.
    #[must_use]
    pub const fn of_cookie(name: &'a str) -> Self {
        let cookie = Some(name.as_bytes());
        Self { cookie, pieces: PIECES, values: VALUES, tokens: [&[]; TOKENS], found: 0 }
    }

    /// The candidates in the next header line, or in several that were joined with commas, in their order.
    pub fn line(&mut self, line: &'a [u8]) -> impl Iterator<Item = Candidate<'a>> {
        let mut rest = Some(line);
        std::iter::from_fn(move || {
            loop {
                let value = self.next_value(&mut rest)?;
                if !token::has_length(value.len()) {
                    return Some(Candidate::Other);
                }
                if self.tokens.contains(&value) {
                    continue;
                }
                let Some(place) = self.tokens.get_mut(self.found) else {
                    self.values = 0;
                    return None;
                };
                *place = value;
                self.found += 1;
                return Some(Candidate::Token(value));
            }
        })
    }

    /// Whether it is worth while to look for more lines behind the first one.
    #[must_use]
    pub const fn goes_on_behind(&self, first: &[u8]) -> bool {
        first.len() <= LINE && self.pieces > 0 && self.values > 0
    }

    /// The next value in the rest of a line. Not inlined, so that the loop over the cookies of others stays small.
    #[inline(never)]
    fn next_value(&mut self, rest: &mut Option<&'a [u8]>) -> Option<&'a [u8]> {
        while self.values > 0 {
            let text = (*rest)?;
            self.pieces = self.pieces.checked_sub(1)?;
            let (piece, behind) = match self.separator(text).and_then(|end| text.split_at_checked(end)) {
                Some((piece, behind)) => (piece, behind.get(1..)),
                None => (text, None),
            };
            *rest = behind;
            if let Some(value) = self.value(piece) {
                self.values -= 1;
                return Some(value);
            }
        }
        None
    }

    /// Where the first cookie or element of a text ends. Cookies are separated by semicolons; a comma is what Envoy joins
    /// several lines with (RFC 9110 section 5.2), and no token has one.
    fn separator(&self, text: &[u8]) -> Option<usize> {
        if self.cookie.is_some() { memchr2(b';', b',', text) } else { memchr(b',', text) }
    }

    /// The value of a cookie of our name, or of an element of our header; none of others. Cookies of one name differ in
    /// their path, and a client sends the longest path first. Quotes around a value (RFC 6265 section 4.1.1) are taken off.
    fn value(&self, piece: &'a [u8]) -> Option<&'a [u8]> {
        let piece = trim_start(piece);
        let Some(name) = self.cookie else {
            return Some(trim_end(piece)).filter(|value| !value.is_empty());
        };
        let (start, behind) = piece.split_at_checked(name.len())?;
        let value = trim_start(behind).strip_prefix(b"=").filter(|_| same(start, name))?;
        let value = trim_end(trim_start(value));
        Some(value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value))
    }
}

/// Whether two texts of one length are the same. Names can be long, and this takes fewer steps than byte by byte, which is
/// what WebAssembly has.
fn same(one: &[u8], other: &[u8]) -> bool {
    let (words, rest) = one.as_chunks::<8>();
    let (other_words, other_rest) = other.as_chunks::<8>();
    let number = |word: &[u8; 8]| u64::from_ne_bytes(*word);
    rest == other_rest && words.iter().zip(other_words).all(|(one, other)| number(one) == number(other))
}

fn trim_start(mut text: &[u8]) -> &[u8] {
    for _ in 0..WHITE_SPACE {
        match text {
            [b' ' | b'\t', rest @ ..] => text = rest,
            _ => break,
        }
    }
    text
}

fn trim_end(mut text: &[u8]) -> &[u8] {
    for _ in 0..WHITE_SPACE {
        match text {
            [rest @ .., b' ' | b'\t'] => text = rest,
            _ => break,
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Cookie, CookieName, Header, HeaderName, Lifetime};
    use crate::test;

    fn cookie(name: &str) -> Carrier {
        Carrier::Cookie(Cookie {
            name: CookieName::try_from(name.to_owned()).unwrap(),
            path: "/".to_owned().try_into().unwrap(),
            lifetime: Lifetime::Session,
            secure: false,
        })
    }

    fn header() -> Carrier {
        Carrier::Header(Header {
            name: HeaderName::try_from("x".to_owned()).unwrap(),
            removed_by_route: false,
        })
    }

    /// A text of a token's length.
    fn token(number: usize) -> String {
        format!("{number:080}")
    }

    /// The tokens that are found, with `-` for each other value.
    fn found(carrier: &Carrier, lines: &[&[u8]]) -> Vec<String> {
        let mut search = Search::new(carrier);
        let mut found = Vec::new();
        for line in lines {
            found.extend(search.line(line).map(|candidate| match candidate {
                Candidate::Token(token) => String::from_utf8(token.to_vec()).unwrap(),
                Candidate::Other => "-".to_owned(),
            }));
        }
        found
    }

    fn cookies(header: &str) -> Vec<String> {
        found(&cookie("sid"), &[header.as_bytes()])
    }

    #[test]
    fn our_cookie_is_found_among_others() {
        let one = token(1);
        for header in ["a=1; sid=1; b=2", "sid=1", "a=1;sid=1;", "a=1;  sid=1", "a; =; ;;sid=1", "a=1,sid=1"]
        {
            assert_eq!(cookies(&header.replace("sid=1", &format!("sid={one}"))), [&*one], "{header}");
        }
    }

    #[test]
    fn several_cookies_of_our_name_are_found_in_order() {
        let (one, two) = (token(1), token(2));
        assert_eq!(cookies(&format!("sid={one}; x=y; sid=nonsense; sid={two}")), [&*one, "-", &*two]);
        assert_eq!(cookies(&format!("a=1,sid={one}; b=2,sid={two}")), [&*one, &*two]);
    }

    #[test]
    fn quotes_and_white_space_around_a_value_are_removed() {
        let one = token(1);
        assert_eq!(cookies(&format!("sid=\"{one}\"")), [&*one]);
        assert_eq!(cookies(&format!(" \tsid = {one} \t; b")), [&*one]);
        assert_eq!(cookies(&format!("sid=\"{one}")), ["-"]);
    }

    #[test]
    fn names_that_only_resemble_ours_are_others() {
        let one = token(1);
        for name in ["xsid", "sidx", "SID", "s", "", "a=sid", "sid sid"] {
            assert_eq!(cookies(&format!("{name}={one}; sid")), [""; 0], "{name}");
        }
        let long = "a".repeat(255);
        for last in ["a", "b"] {
            let sent = format!("{long}b={one}");
            let ours = cookie(&format!("{long}{last}"));
            assert_eq!(found(&ours, &[sent.as_bytes()]).len(), usize::from(last == "b"));
        }
    }

    #[test]
    fn a_value_of_another_length_is_no_token() {
        let ours = cookie("sid");
        for length in 0..200 {
            let header = format!("sid={}", "a".repeat(length));
            let token = [80, 92, 96, 108].contains(&length);
            assert_eq!(found(&ours, &[header.as_bytes()]) != ["-"], token, "{length}");
        }
        assert_eq!(found(&ours, &[b"\xff=\xfe; sid=\x80\x00; \xc3"]), ["-"]);
    }

    #[test]
    fn elements_of_a_header_are_values_unless_they_are_empty() {
        let (one, two) = (token(1), token(2));
        let lines = [format!("stale, {one} ,"), format!(",,{two}"), String::from(" , ")];
        let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
        assert_eq!(found(&header(), &lines), ["-", &*one, &*two]);
    }

    #[test]
    fn four_different_tokens_are_found_in_all_lines_together() {
        let lines: Vec<_> = (0..3).map(|line| [2 * line, 2 * line + 1].map(token).join(",")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
        assert_eq!(found(&header(), &lines), (0..4).map(token).collect::<Vec<_>>());
    }

    #[test]
    fn a_token_that_is_there_twice_is_found_once() {
        let (one, two) = (token(1), token(2));
        assert_eq!(
            cookies(&format!("sid={one}; sid={one}; sid={one}; sid={two}; sid={one}")),
            [&*one, &*two]
        );
    }

    #[test]
    fn more_lines_are_looked_for_unless_a_limit_is_reached() {
        let ours = cookie("sid");
        let goes_on = |line: &str| {
            let mut search = Search::new(&ours);
            assert_eq!(search.line(line.as_bytes()).count(), usize::from(line.contains("sid")) * 4, "{line}");
            search.goes_on_behind(line.as_bytes())
        };
        assert!(goes_on("a=b"));
        assert!(goes_on(&"a=b;".repeat(200)));
        assert!(goes_on(&"a".repeat(16 << 10)));
        assert!(!goes_on(&"a=b;".repeat(256)));
        assert!(!goes_on(&"a".repeat((16 << 10) + 1)));
        let tokens: Vec<_> = (0..5).map(|number| format!("sid={}", token(number))).collect();
        assert!(goes_on(&tokens[..4].join(";")));
        assert!(!goes_on(&tokens.join(";")));
    }

    #[test]
    fn eight_values_are_read() {
        let header = format!("{}sid={}", "sid=a; ".repeat(7), token(1));
        assert_eq!(cookies(&header).last(), Some(&token(1)));
        assert_eq!(cookies(&format!("sid=b; {header}")), ["-"; 8]);
    }

    #[test]
    fn a_cookie_behind_255_others_is_found() {
        let behind = |cookies: usize| format!("{}sid={}", "xsid=a; ".repeat(cookies), token(1));
        assert_eq!(cookies(&behind(255)), [token(1)]);
        assert_eq!(cookies(&behind(256)), [""; 0]);
        let long = format!("a={}; sid={}", "a".repeat(60_000), token(1));
        assert_eq!(cookies(&long), [token(1)]);
    }
}
