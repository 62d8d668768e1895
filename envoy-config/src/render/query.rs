//! Matching percent-encoded query parameters.
//!
//! Envoy compares a parameter as it was sent, without decoding it (1.40). Clients percent-encode reserved characters (RFC 3986
//! section 2) and may send a space as `+`, so an exact match must accept all encodings of its value.

use std::fmt::Write;

/// A regular expression that matches all encodings of this value; `None` if there is only one.
///
/// Unreserved characters (letters, digits, `-`, `.`, `_` and `~`) match only themselves: clients do not encode them.
pub(super) fn encodings(value: &str) -> Option<String> {
    if value.chars().all(is_unreserved) {
        return None;
    }
    let mut expression = String::with_capacity(value.len() * 4);
    for character in value.chars() {
        if is_unreserved(character) {
            expression.push_str(&regex_syntax::escape(character.encode_utf8(&mut [0; 4])));
            continue;
        }
        expression.push_str("(?:");
        if character == ' ' {
            expression.push_str(r"\+|");
        } else if character.is_ascii_graphic() {
            expression.push_str(&regex_syntax::escape(character.encode_utf8(&mut [0; 4])));
            expression.push('|');
        }
        for byte in character.encode_utf8(&mut [0; 4]).bytes() {
            // Hexadecimal digits in upper or lower case. Writing to a string cannot fail.
            let _ = write!(expression, "%{}{}", hex_digit(byte >> 4), hex_digit(byte & 0xf));
        }
        expression.push(')');
    }
    Some(expression)
}

/// RFC 3986 section 2.3.
fn is_unreserved(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~".contains(character)
}

fn hex_digit(half: u8) -> String {
    if half < 10 { half.to_string() } else { format!("[{half:X}{half:x}]") }
}

#[cfg(test)]
mod tests {
    use super::encodings;

    #[test]
    fn unreserved_characters_need_no_regex() {
        assert_eq!(encodings("whale-1.0_~"), None);
    }

    #[test]
    fn reserved_characters_match_plain_and_percent_encoded() {
        assert_eq!(encodings("a b").as_deref(), Some(r"a(?:\+|%20)b"));
        assert_eq!(encodings("a/b.c").as_deref(), Some(r"a(?:/|%2[Ff])b\.c"));
        assert_eq!(encodings("1+1%").as_deref(), Some(r"1(?:\+|%2[Bb])1(?:%|%25)"));
        assert_eq!(encodings("\u{e9}").as_deref(), Some("(?:%[Cc]3%[Aa]9)"));
    }
}
