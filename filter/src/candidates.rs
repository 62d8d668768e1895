//! Finds candidates: the parts of a request's header that are tried as tokens, in bounded time.
//!
//! A client can send 60 KB of cookies of its choice, so each step of the search has a limit:
//!
//! | per request | at most |
//! | --- | --- |
//! | cookies whose name is compared (or elements of the session header) | 256 |
//! | values of session cookies (or of the session header) that are read | 8 |
//! | different values of the exact length of a token that are opened | 4 |
//!
//! More header lines are read if the first one has at most 16 KiB. The rest of a header beyond a limit is ignored. Browsers do not
//! reach the limits: Chrome and Firefox store at most 180 cookies for a site, of which one per path is a session cookie. The search
//! for separators uses SIMD instructions.

use memchr::{memchr, memchr2};

use crate::config::Carrier;
use crate::token;

/// How many cookies, or elements of a header, are compared with the name.
const PIECES: usize = 256;
/// How many values are read.
const VALUES: usize = 8;
/// How many different values can be opened.
const TOKENS: usize = 4;
/// The maximum length of the first line, in bytes, if more lines are to be read: reading them makes Envoy copy all lines again.
/// Clients that send several lines send short ones; browsers send one line.
const LINE: usize = 16 << 10;
/// How many white space characters are skipped at each position. Clients send one space after a semicolon.
const WHITE_SPACE: usize = 4;

/// The search in the header lines of one request.
pub struct Search<'a> {
    /// The name of the cookie; `None` for a session header, in which all elements are values.
    cookie: Option<&'a [u8]>,
    /// Whether tokens can have the length of an envelope.
    envelopes: bool,
    pieces: usize,
    values: usize,
    tokens: [&'a [u8]; TOKENS],
    found: usize,
}

/// A value of the session cookie or header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Candidate<'a> {
    /// It has the length of a token, and did not occur before in this request.
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
        Self { cookie, envelopes: false, pieces: PIECES, values: VALUES, tokens: [&[]; TOKENS], found: 0 }
    }

    /// The same search where tokens are envelopes.
    #[must_use]
    pub const fn of_envelopes(self, envelopes: bool) -> Self {
        Self { envelopes, ..self }
    }

    /// The candidates in the next header line, or in several lines joined with commas, in order.
    pub fn line(&mut self, line: &'a [u8]) -> impl Iterator<Item = Candidate<'a>> {
        let mut rest = Some(line);
        std::iter::from_fn(move || {
            loop {
                let value = self.next_value(&mut rest)?;
                if !(token::has_length(value.len())
                    || self.envelopes && token::has_length_of_envelope(value.len()))
                {
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

    /// Whether to read more lines after the first one: no limit is reached.
    #[must_use]
    pub const fn wants_more_lines(&self, first: &[u8]) -> bool {
        first.len() <= LINE && self.pieces > 0 && self.values > 0
    }

    /// The next value in the rest of a line. Not inlined, so that the loop over other cookies stays small.
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

    /// The end of the first cookie or element of a text. Cookies are separated by semicolons. Envoy joins several lines with commas
    /// (RFC 9110 section 5.2), which tokens do not contain.
    fn separator(&self, text: &[u8]) -> Option<usize> {
        if self.cookie.is_some() { memchr2(b';', b',', text) } else { memchr(b',', text) }
    }

    /// The value of a session cookie or of an element of the session header; `None` for other cookies. Cookies of the same name
    /// differ in their path, and clients send the longest path first. Quotes around a value (RFC 6265 section 4.1.1) are removed.
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

/// Whether two texts of the same length are equal. Names can be long, and comparing words takes fewer steps than comparing bytes, as
/// `==` does in WebAssembly.
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
    use crate::config::{Cookie, CookieName, CookiePath, Header, HeaderName, Lifetime};
    use crate::test;

    fn cookie(name: &str) -> Carrier {
        let name = CookieName::try_from(name.to_owned()).unwrap();
        Carrier::Cookie(Cookie::new(name, CookiePath::default(), Lifetime::Session))
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
    fn the_session_cookie_is_found_among_others() {
        let one = token(1);
        for header in ["a=1; sid=1; b=2", "sid=1", "a=1;sid=1;", "a=1;  sid=1", "a; =; ;;sid=1", "a=1,sid=1"]
        {
            assert_eq!(cookies(&header.replace("sid=1", &format!("sid={one}"))), [&*one], "{header}");
        }
    }

    #[test]
    fn several_session_cookies_are_found_in_order() {
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
    fn similar_cookie_names_do_not_match() {
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
    fn only_values_of_token_length_are_tokens() {
        let ours = cookie("sid");
        for length in 0..200 {
            let header = format!("sid={}", "a".repeat(length));
            let token = [80, 92, 96, 104, 108, 120].contains(&length);
            assert_eq!(found(&ours, &[header.as_bytes()]) != ["-"], token, "{length}");
        }
        assert_eq!(found(&ours, &[b"\xff=\xfe; sid=\x80\x00; \xc3"]), ["-"]);
    }

    #[test]
    fn all_nonempty_elements_of_a_header_are_values() {
        let (one, two) = (token(1), token(2));
        let lines = [format!("stale, {one} ,"), format!(",,{two}"), String::from(" , ")];
        let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
        assert_eq!(found(&header(), &lines), ["-", &*one, &*two]);
    }

    #[test]
    fn at_most_four_different_tokens_are_found_in_all_lines_together() {
        let lines: Vec<_> = (0..3).map(|line| [2 * line, 2 * line + 1].map(token).join(",")).collect();
        let lines: Vec<_> = lines.iter().map(String::as_bytes).collect();
        assert_eq!(found(&header(), &lines), (0..4).map(token).collect::<Vec<_>>());
    }

    #[test]
    fn repeated_tokens_are_found_once() {
        let (one, two) = (token(1), token(2));
        assert_eq!(
            cookies(&format!("sid={one}; sid={one}; sid={one}; sid={two}; sid={one}")),
            [&*one, &*two]
        );
    }

    #[test]
    fn more_lines_are_read_unless_a_limit_is_reached() {
        let ours = cookie("sid");
        let goes_on = |line: &str| {
            let mut search = Search::new(&ours);
            assert_eq!(search.line(line.as_bytes()).count(), usize::from(line.contains("sid")) * 4, "{line}");
            search.wants_more_lines(line.as_bytes())
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
    fn at_most_eight_values_are_read() {
        let header = format!("{}sid={}", "sid=a; ".repeat(7), token(1));
        assert_eq!(cookies(&header).last(), Some(&token(1)));
        assert_eq!(cookies(&format!("sid=b; {header}")), ["-"; 8]);
    }

    #[test]
    fn a_cookie_after_255_others_is_found_and_after_256_not() {
        let behind = |cookies: usize| format!("{}sid={}", "xsid=a; ".repeat(cookies), token(1));
        assert_eq!(cookies(&behind(255)), [token(1)]);
        assert_eq!(cookies(&behind(256)), [""; 0]);
        let long = format!("a={}; sid={}", "a".repeat(60_000), token(1));
        assert_eq!(cookies(&long), [token(1)]);
    }
}
