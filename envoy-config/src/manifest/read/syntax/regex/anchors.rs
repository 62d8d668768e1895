//! Removes anchors from expressions that Envoy applies to a part of a longer text, where `^` and `$` would mean the
//! whole.

use regex_syntax::ast::{self, Assertion, AssertionKind, Ast, Span, Visitor};

use super::{RegexError, parse};

/// The expression without anchors at its start and end, which have no effect on a whole value. Other anchors are
/// rejected.
pub(in crate::manifest) fn unanchored(expression: &str) -> Result<String, RegexError> {
    parse(expression)?;
    let parsed = ast::parse::Parser::new().parse(expression);
    let ast = parsed.map_err(|error| RegexError::Syntax(error.kind().to_string()))?;
    let mut ends = Vec::new();
    match &ast {
        Ast::Alternation(branches) => branches.asts.iter().for_each(|branch| find_ends(branch, &mut ends)),
        whole => find_ends(whole, &mut ends),
    }
    if ast::visit(&ast, Anchors(0))? > ends.len() {
        return Err(RegexError::InnerAnchor);
    }
    let mut rest = String::with_capacity(expression.len());
    let mut from = 0;
    for end in ends {
        rest.push_str(expression.get(from..end.start.offset).unwrap_or_default());
        from = end.end.offset;
    }
    rest.push_str(expression.get(from..).unwrap_or_default());
    if rest.is_empty() { Err(RegexError::Empty) } else { Ok(rest) }
}

/// Adds the spans of the anchors at the start and end of a branch.
fn find_ends(branch: &Ast, ends: &mut Vec<Span>) {
    let parts = match branch {
        Ast::Concat(parts) => parts.asts.as_slice(),
        one => std::slice::from_ref(one),
    };
    let flags = parts.iter().take_while(|part| matches!(part, Ast::Flags(_))).count();
    let parts = parts.get(flags..).unwrap_or_default();
    let first = parts.first().and_then(anchor).filter(|found| is_start(found));
    let last = parts.last().and_then(anchor).filter(|found| !is_start(found));
    ends.extend(first.into_iter().chain(last).map(|found| found.span));
}

/// Counts the anchors.
struct Anchors(usize);

impl Visitor for Anchors {
    type Output = usize;
    type Err = RegexError;

    fn finish(self) -> Result<usize, RegexError> {
        Ok(self.0)
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), RegexError> {
        self.0 += usize::from(anchor(ast).is_some());
        Ok(())
    }
}

fn anchor(ast: &Ast) -> Option<&Assertion> {
    use AssertionKind::{EndLine, EndText, StartLine, StartText};
    match ast {
        Ast::Assertion(found) if matches!(found.kind, StartLine | StartText | EndLine | EndText) => {
            Some(found)
        }
        _ => None,
    }
}

const fn is_start(anchor: &Assertion) -> bool {
    matches!(anchor.kind, AssertionKind::StartLine | AssertionKind::StartText)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn anchors_at_start_and_end_are_removed() {
        for (expression, expected) in [
            ("foo", "foo"),
            (r"^foo\.bar$", r"foo\.bar"),
            (r"\Afoo\z", "foo"),
            ("^a$|^b|c$", "a|b|c"),
            ("(?i)^foo$", "(?i)foo"),
            (r"a\$", r"a\$"),
            ("[^a]", "[^a]"),
        ] {
            assert_eq!(unanchored(expression).as_deref(), Ok(expected), "{expression}");
        }
    }

    #[test]
    fn anchors_elsewhere_are_rejected() {
        for expression in ["a^b", "a$b", "(^a)", "$a", "a^", "(a$|b)c", "^^a"] {
            assert_eq!(unanchored(expression), Err(RegexError::InnerAnchor), "{expression}");
        }
    }

    #[test]
    fn an_expression_of_only_anchors_is_empty() {
        assert_eq!(unanchored("^$"), Err(RegexError::Empty));
    }
}
