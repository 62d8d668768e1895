//! Regular expressions: only those that Envoy's RE2 accepts with the same meaning are valid.
//!
//! They are parsed with Rust's parser, whose syntax is nearly the same. What Rust accepts and RE2 does not, or reads
//! differently, is rejected. (The few things that only RE2 accepts are rejected, too.) In RE2, `\d`, `\s` and `\w` are
//! ASCII. Envoy lets RE2 match bytes, and a non-ASCII character has several: it cannot be in a class, or repeated
//! without a group.

mod anchors;

use regex_syntax::ast::{
    self, AssertionKind, Ast, ClassSetBinaryOp, ClassSetItem, ClassUnicode, ClassUnicodeKind, Flag, Flags,
    FlagsItemKind, GroupKind, HexLiteralKind, Literal, LiteralKind, RepetitionKind, RepetitionRange, Visitor,
};

pub(in crate::manifest) use self::anchors::unanchored;

/// The repetition limit of RE2; nested repetitions multiply.
const REPETITIONS: u64 = 1000;

/// Why an expression is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::manifest) enum RegexError {
    #[error("a regular expression cannot be empty")]
    Empty,
    #[error("invalid regular expression: {0}")]
    Syntax(String),
    #[error("Envoy's RE2 does not support {0}")]
    NotInRe2(&'static str),
    #[error("Envoy's RE2 does not support more than {REPETITIONS} repetitions")]
    Repetitions,
    #[error(
        "an anchor is allowed only at the start or end of this regular expression, which always matches the whole value"
    )]
    InnerAnchor,
}

/// Checks that RE2 accepts the expression with the same meaning.
pub(in crate::manifest) fn parse(expression: &str) -> Result<(), RegexError> {
    if expression.is_empty() {
        return Err(RegexError::Empty);
    }
    let parsed = ast::parse::Parser::new().parse(expression);
    let ast = parsed.map_err(|error| RegexError::Syntax(error.kind().to_string()))?;
    ast::visit(&ast, Re2 { repetitions: vec![1] })
}

/// Visits an expression. Keeps the product of the enclosing repetitions.
struct Re2 {
    repetitions: Vec<u64>,
}

impl Visitor for Re2 {
    type Output = ();
    type Err = RegexError;

    fn finish(self) -> Result<(), RegexError> {
        Ok(())
    }

    fn visit_pre(&mut self, ast: &Ast) -> Result<(), RegexError> {
        match ast {
            Ast::Flags(set) => flags(&set.flags),
            Ast::Group(group) => match &group.kind {
                GroupKind::NonCapturing(set) => flags(set),
                GroupKind::CaptureName { name, .. } => {
                    let word = |c: char| c.is_ascii_alphanumeric() || c == '_';
                    reject_unless(
                        name.name.chars().all(word),
                        "group names with characters other than letters, digits and `_`",
                    )
                }
                GroupKind::CaptureIndex(_) => Ok(()),
            },
            Ast::Literal(read) => literal(read),
            Ast::ClassUnicode(class) => unicode(class),
            Ast::Assertion(assertion) => {
                use AssertionKind::{EndLine, EndText, NotWordBoundary, StartLine, StartText, WordBoundary};
                let known = matches!(
                    assertion.kind,
                    StartLine | EndLine | StartText | EndText | WordBoundary | NotWordBoundary
                );
                reject_unless(known, "word boundaries other than `\\b` and `\\B`")
            }
            Ast::Repetition(repetition) => {
                let doubled = matches!(*repetition.ast, Ast::Repetition(_));
                reject_unless(!doubled, "repeating a repetition without a group around it")?;
                let bytes = matches!(&*repetition.ast, Ast::Literal(read) if !read.c.is_ascii());
                reject_unless(!bytes, "repeating a non-ASCII character without a group around it")?;
                let own = match &repetition.op.kind {
                    RepetitionKind::Range(
                        RepetitionRange::Exactly(n)
                        | RepetitionRange::AtLeast(n)
                        | RepetitionRange::Bounded(_, n),
                    ) => u64::from(*n).max(1),
                    RepetitionKind::ZeroOrOne | RepetitionKind::ZeroOrMore | RepetitionKind::OneOrMore => 1,
                };
                let all = self.repetitions.last().map_or(own, |outer| outer.saturating_mul(own));
                self.repetitions.push(all);
                if all > REPETITIONS { Err(RegexError::Repetitions) } else { Ok(()) }
            }
            _ => Ok(()),
        }
    }

    fn visit_post(&mut self, ast: &Ast) -> Result<(), RegexError> {
        if matches!(ast, Ast::Repetition(_)) {
            self.repetitions.pop();
        }
        Ok(())
    }

    fn visit_class_set_item_pre(&mut self, item: &ClassSetItem) -> Result<(), RegexError> {
        match item {
            ClassSetItem::Literal(read) => in_class(read),
            ClassSetItem::Range(range) => in_class(&range.start).and_then(|()| in_class(&range.end)),
            ClassSetItem::Unicode(class) => unicode(class),
            ClassSetItem::Bracketed(_) => {
                reject_unless(false, "a character class inside another one: escape the `[`")
            }
            ClassSetItem::Empty(_)
            | ClassSetItem::Ascii(_)
            | ClassSetItem::Perl(_)
            | ClassSetItem::Union(_) => Ok(()),
        }
    }

    fn visit_class_set_binary_op_pre(&mut self, _: &ClassSetBinaryOp) -> Result<(), RegexError> {
        reject_unless(false, "`&&`, `--` or `~~` in a character class: escape them")
    }
}

fn reject_unless(known: bool, what: &'static str) -> Result<(), RegexError> {
    if known { Ok(()) } else { Err(RegexError::NotInRe2(what)) }
}

fn flags(flags: &Flags) -> Result<(), RegexError> {
    let known = flags.items.iter().all(|item| match item.kind {
        FlagsItemKind::Negation => true,
        FlagsItemKind::Flag(flag) => {
            matches!(
                flag,
                Flag::CaseInsensitive | Flag::MultiLine | Flag::DotMatchesNewLine | Flag::SwapGreed
            )
        }
    });
    reject_unless(known, "flags other than `i`, `m`, `s` and `U`")
}

fn in_class(read: &Literal) -> Result<(), RegexError> {
    reject_unless(read.c.is_ascii(), "non-ASCII characters in a class")?;
    literal(read)
}

fn literal(literal: &Literal) -> Result<(), RegexError> {
    match &literal.kind {
        LiteralKind::HexFixed(kind) | LiteralKind::HexBrace(kind) => {
            reject_unless(*kind == HexLiteralKind::X, "`\\u` and `\\U`: write the character itself")?;
            reject_unless(literal.c.is_ascii(), "`\\x` for non-ASCII characters: write the character itself")
        }
        _ => Ok(()),
    }
}

/// RE2 supports the short names of general categories and the long names of scripts, in this spelling.
fn unicode(class: &ClassUnicode) -> Result<(), RegexError> {
    const CATEGORIES: [&str; 37] = [
        "C", "Cc", "Cf", "Co", "Cs", "L", "Ll", "Lm", "Lo", "Lt", "Lu", "M", "Mc", "Me", "Mn", "N", "Nd",
        "Nl", "No", "P", "Pc", "Pd", "Pe", "Pf", "Pi", "Po", "Ps", "S", "Sc", "Sk", "Sm", "So", "Z", "Zl",
        "Zp", "Zs", "Any",
    ];
    const SCRIPTS: [&str; 30] = [
        "Arabic",
        "Armenian",
        "Bengali",
        "Bopomofo",
        "Common",
        "Cyrillic",
        "Devanagari",
        "Ethiopic",
        "Georgian",
        "Greek",
        "Gujarati",
        "Gurmukhi",
        "Han",
        "Hangul",
        "Hebrew",
        "Hiragana",
        "Inherited",
        "Kannada",
        "Katakana",
        "Khmer",
        "Lao",
        "Latin",
        "Malayalam",
        "Mongolian",
        "Myanmar",
        "Sinhala",
        "Tamil",
        "Telugu",
        "Thai",
        "Tibetan",
    ];
    let known = match &class.kind {
        ClassUnicodeKind::OneLetter(letter) => CATEGORIES.contains(&&*letter.encode_utf8(&mut [0; 4])),
        ClassUnicodeKind::Named(name) => {
            CATEGORIES.contains(&name.as_str()) || SCRIPTS.contains(&name.as_str())
        }
        ClassUnicodeKind::NamedValue { .. } => false,
    };
    reject_unless(
        known,
        "this Unicode class: use the short names of categories (`Lu`) and the long names of scripts (`Greek`)",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions_with_the_same_meaning_in_re2_are_accepted() {
        for expression in [
            "/api/v[0-9]+(/.*)?",
            r"^/a\.b$",
            "(?i)abc",
            "(?P<n>a)",
            "(?<n>a)",
            r"\x41\x{7E}",
            "(é)+",
            r"\d\s\w\b\B\A\z",
            r"\pL\p{Lu}\p{Greek}",
            "[[:alpha:]_-]",
            "a{1000}",
            "(a{10}){100}",
            "(a*)*",
            "[^/]+",
            r"[\]\[&-]",
            "a|b|",
            "é",
            "a{2,}?",
            "(?s-i:.)",
            r"\-\_\/",
        ] {
            assert_eq!(parse(expression), Ok(()), "{expression}");
        }
    }

    #[test]
    fn expressions_that_only_rust_accepts_are_rejected() {
        for expression in [
            "[a--b]",
            "[a&&b]",
            "[a~~b]",
            "(?x)a b",
            r"\u{41}",
            r"\u0041",
            r"\U00000041",
            "(?R)a",
            "(?u)a",
            r"\p{Script=Greek}",
            r"\p{greek}",
            r"\p{Letter}",
            r"\p{Grek}",
            r"\p{Alphabetic}",
            "a**",
            "x*+",
            "a{2}{3}",
            "[a[b]]",
            r"\<a\>",
            r"\x{1F600}",
            r"\xE9",
            "[é]",
            "[a-é]",
            "é+",
            r"\b{start}",
            "(?P<a.b>c)",
        ] {
            assert!(
                matches!(parse(expression), Err(RegexError::NotInRe2(_))),
                "{expression}: {:?}",
                parse(expression)
            );
        }
        assert_eq!(parse("a{1001}"), Err(RegexError::Repetitions));
        assert_eq!(parse("((a{11}){10}){10}"), Err(RegexError::Repetitions));
    }

    #[test]
    fn invalid_expressions_are_rejected() {
        assert_eq!(parse(""), Err(RegexError::Empty));
        for expression in ["(", "[", "*", r"\", r"a\Qb\E", "(?=a)", r"(a)\1", "a{2,1}"] {
            assert!(matches!(parse(expression), Err(RegexError::Syntax(_))), "{expression}");
        }
    }
}
