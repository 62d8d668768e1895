//! Keeping tokens out of shared caches: a cache that stored a response with a token would give one session to all its clients.
//!
//! RFC 9111 section 5.2.2: a shared cache does not store a response with `private` (without field names) or `no-store`. `public`
//! and `s-maxage` are removed, because simple caches may give them priority. Other directives stay as the backend set them.

/// Headers that take precedence in some shared caches over `Cache-Control`: CDNs (RFC 9213), surrogates (Edge Architecture), nginx.
pub const TARGETED: [&str; 3] = ["cdn-cache-control", "surrogate-control", "x-accel-expires"];

/// The value of `Cache-Control` with which no shared cache stores the response; `None` if the present value has that effect.
/// Several header lines are passed as one, joined with commas.
#[must_use]
pub fn private(cache_control: &[u8]) -> Option<String> {
    // Invalid UTF-8 contains no directives.
    let text = str::from_utf8(cache_control).unwrap_or_default();
    let mut value = String::with_capacity(text.len() + 9);
    for directive in directives(text) {
        let (name, argument) = match directive.split_once('=') {
            Some((name, argument)) => (name.trim_ascii_end(), Some(argument)),
            None => (directive, None),
        };
        let is = |other: &str| name.eq_ignore_ascii_case(other);
        if is("no-store") || is("private") && argument.is_none() {
            return None;
        }
        // `private` with field names allows a cache to store the response without these fields.
        if !is("private") && !is("public") && !is("s-maxage") {
            value.push_str(directive);
            value.push_str(", ");
        }
    }
    value.push_str("private");
    Some(value)
}

/// The elements of a comma-separated list; quoted strings can contain commas (RFC 9110 section 5.6.4).
fn directives(text: &str) -> impl Iterator<Item = &str> {
    let mut quoted = false;
    let mut escaped = false;
    let separator = move |character| {
        match character {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            ',' => return !quoted,
            _ => {}
        }
        false
    };
    text.split(separator).map(str::trim_ascii).filter(|directive| !directive.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::test;

    #[test]
    fn responses_become_private_and_keep_other_directives() {
        for (from, to) in [
            ("", "private"),
            (" , ", "private"),
            ("public", "private"),
            ("PUBLIC, Max-Age=60", "Max-Age=60, private"),
            ("max-age=60,s-maxage=600,must-revalidate", "max-age=60, must-revalidate, private"),
            ("S-MaxAge = 1", "private"),
            ("no-cache", "no-cache, private"),
            ("private=\"x-foo, no-store\", max-age=1", "max-age=1, private"),
            ("Private=\"a\\\"b, private\"", "private"),
            ("no-cache=\"set-cookie, private\"", "no-cache=\"set-cookie, private\", private"),
            ("ext=\"no-store\"", "ext=\"no-store\", private"),
            ("publicly", "publicly, private"),
            ("max-age=60, \"unfinished, no-store", "max-age=60, \"unfinished, no-store, private"),
        ] {
            let value = private(from.as_bytes());
            assert_eq!(value.as_deref(), Some(to), "{from}");
        }
    }

    #[test]
    fn private_and_no_store_responses_are_not_changed() {
        for value in ["private", "no-store", "max-age=0, Private", "public,no-store", "a=\"b\",\tNO-STORE "] {
            assert_eq!(private(value.as_bytes()), None, "{value}");
        }
    }

    #[test]
    fn invalid_utf_8_becomes_private() {
        assert_eq!(private(b"\xff, public").as_deref(), Some("private"));
    }
}
