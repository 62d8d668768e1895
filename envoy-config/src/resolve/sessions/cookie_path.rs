//! The path of a session cookie in the older shape of `sessionPersistence`: the path of the route's match, as
//! in Envoy Gateway.
//!
//! A client sends a cookie to its path and all paths below (RFC 6265 section 5.1.4). So the cookie's path
//! must not be longer than what all requests of the match have in common, and must end with a whole segment.

use regex_syntax::hir::{Hir, HirKind, Look};
use session_persistence::config::CookiePath;

use crate::model::PathMatch;

/// The cookie path for a match.
pub(super) fn of(path: &PathMatch) -> CookiePath {
    let common = match path {
        PathMatch::Exact(path) | PathMatch::Prefix(path) => path.clone(),
        PathMatch::Regex(expression) => common_to(expression),
    };
    longest_valid(&common)
}

/// The longest valid cookie path that is a prefix in whole segments, without a trailing slash.
fn longest_valid(path: &str) -> CookiePath {
    let mut path = path.strip_suffix('/').unwrap_or(path);
    while !path.is_empty() {
        if let Ok(valid) = CookiePath::try_from(path.to_owned()) {
            return valid;
        }
        path = parent(path);
    }
    CookiePath::default()
}

/// The path without its last segment.
fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(front, _)| front)
}

/// The whole segments with which all paths that match an expression start.
fn common_to(expression: &str) -> String {
    // The reader rejects expressions that do not parse.
    let Ok(parsed) = regex_syntax::parse(expression) else { return String::new() };
    let mut literal = Vec::new();
    let whole = push_literal(&parsed, &mut literal);
    let text = String::from_utf8_lossy(&literal);
    if whole { text.into_owned() } else { parent(&text).to_owned() }
}

/// Appends the literal with which an expression starts. Returns whether the expression is nothing else.
fn push_literal(expression: &Hir, literal: &mut Vec<u8>) -> bool {
    match expression.kind() {
        HirKind::Empty | HirKind::Look(Look::Start | Look::End) => true,
        HirKind::Literal(text) => {
            literal.extend(&text.0);
            true
        }
        HirKind::Capture(group) => push_literal(&group.sub, literal),
        HirKind::Concat(parts) => parts.iter().all(|part| push_literal(part, literal)),
        HirKind::Class(_) | HirKind::Look(_) | HirKind::Repetition(_) | HirKind::Alternation(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::of;
    use crate::model::PathMatch;

    fn path(matches: &PathMatch) -> String {
        of(matches).to_string()
    }

    fn of_regex(expression: &str) -> String {
        path(&PathMatch::Regex(expression.to_owned()))
    }

    #[test]
    fn exact_paths_and_prefixes_are_kept() {
        assert_eq!(path(&PathMatch::Exact("/shop/cart".to_owned())), "/shop/cart");
        assert_eq!(path(&PathMatch::Prefix("/shop".to_owned())), "/shop");
        assert_eq!(path(&PathMatch::Prefix("/".to_owned())), "/");
    }

    #[test]
    fn trailing_slashes_are_removed() {
        assert_eq!(path(&PathMatch::Exact("/shop/".to_owned())), "/shop");
    }

    #[test]
    fn invalid_characters_shorten_the_path_to_the_segment_before() {
        assert_eq!(path(&PathMatch::Prefix("/shop/a;b/cart".to_owned())), "/shop");
        assert_eq!(path(&PathMatch::Prefix("/a;b".to_owned())), "/");
    }

    #[test]
    fn expressions_keep_their_leading_literal_segments() {
        for (expression, expected) in [
            ("/shop/v[0-9]+/cart", "/shop"),
            ("/shop/.*", "/shop"),
            ("/shop.*", "/"),
            ("/shop", "/shop"),
            ("^/shop/cart$", "/shop/cart"),
            (r"/a\.b/.*", "/a.b"),
            ("(/shop)/x.*", "/shop"),
            ("/shop/(cart|list)", "/shop"),
            ("(?i)/shop/.*", "/"),
            (".*", "/"),
            ("", "/"),
            ("shop/.*", "/"),
            ("/shop/é/.*", "/shop"),
        ] {
            assert_eq!(of_regex(expression), expected, "{expression}");
        }
    }
}
