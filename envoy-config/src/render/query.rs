//! Values of query parameters as they stand in a URL: Envoy compares them as they were sent (1.40), and what a client may
//! not write as it is comes percent-encoded (RFC 3986 section 2), a space also as `+`.

use std::fmt::Write;

/// An expression for the ways to write this value in a query; none when there is only one.
///
/// Letters, digits, `-`, `.`, `_` and `~` are written as they are: nobody needs to encode them.
pub(super) fn encoded(value: &str) -> Option<String> {
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
            // Hexadecimal digits in either case; writing to a string cannot fail.
            let _ = write!(expression, "%{}{}", digit(byte >> 4), digit(byte & 0xf));
        }
        expression.push(')');
    }
    Some(expression)
}

/// RFC 3986 section 2.3.
fn is_unreserved(character: char) -> bool {
    character.is_ascii_alphanumeric() || "-._~".contains(character)
}

fn digit(half: u8) -> String {
    if half < 10 { half.to_string() } else { format!("[{half:X}{half:x}]") }
}

#[cfg(test)]
mod tests {
    use super::encoded;

    #[test]
    fn a_value_that_nobody_encodes_is_compared_as_it_is() {
        assert_eq!(encoded("whale-1.0_~"), None);
    }

    #[test]
    fn every_other_character_may_be_encoded_or_not() {
        assert_eq!(encoded("a b").as_deref(), Some(r"a(?:\+|%20)b"));
        assert_eq!(encoded("a/b.c").as_deref(), Some(r"a(?:/|%2[Ff])b\.c"));
        assert_eq!(encoded("1+1%").as_deref(), Some(r"1(?:\+|%2[Bb])1(?:%|%25)"));
        assert_eq!(encoded("\u{e9}").as_deref(), Some("(?:%[Cc]3%[Aa]9)"));
    }
}
