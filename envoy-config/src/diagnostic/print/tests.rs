use super::*;
use crate::diagnostic::Code;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

/// The span of a word in one of the sources.
fn at(sources: &[Source], source: usize, word: &str) -> Span {
    let start = sources[source].text.find(word).unwrap();
    Span { source, start, end: start + word.len() }
}

#[test]
fn a_diagnostic_shows_place_object_field_and_hint() {
    let sources = [source("route.yaml", "kind: HTTPRoute\nspec:\n  ruls: []\n")];
    let code = Code::UnknownField { closest: Some("rules") };
    let finding = Diagnostic::error(code, at(&sources, 0, "ruls"), "unknown field `ruls`")
        .object("HTTPRoute default/a")
        .field("spec.ruls");
    let expected = "\
error[unknown-field]: unknown field `ruls`
 --> route.yaml:3:3
  |
3 |   ruls: []
  |   ^^^^
  |
  = object: HTTPRoute default/a
  = field: spec.ruls

hint: did you mean `rules`?

";
    assert_eq!(print(&[finding], &sources, false), expected);
}

#[test]
fn a_related_place_is_shown_with_its_label_in_any_source() {
    let far = format!("a: 1\n{}a: 2\n", "# x\n".repeat(2000));
    let sources = [source("one.yaml", &far), source("two.yaml", "a: 3\r\n")];
    let second = Span { source: 0, start: far.len() - 5, end: far.len() - 4 };
    let same =
        Diagnostic::error(Code::DuplicateKey, second, "twice").related(at(&sources, 0, "a"), "first here");
    let other = Diagnostic::warning(Code::NoEffect, at(&sources, 1, "a"), "too")
        .related(at(&sources, 0, "a"), "first here");
    let expected = "\
error[duplicate-key]: twice
    --> one.yaml:2002:1
     |
2002 | a: 2
     | ^
     |
    ::: one.yaml:1:1
     |
   1 | a: 1
     | - first here

warning[no-effect]: too
 --> two.yaml:1:1
  |
1 | a: 3
  | ^
  |
 ::: one.yaml:1:1
  |
1 | a: 1
  | - first here

";
    assert_eq!(print(&[other, same], &sources, false), expected);
}

#[test]
fn diagnostics_are_sorted_by_source_and_place() {
    let sources = [source("one.yaml", "a b\n"), source("two.yaml", "c\n")];
    let find = |source, word| Diagnostic::error(Code::NoGateway, at(&sources, source, word), word);
    let ordered = [find(0, "a"), find(0, "b"), find(1, "c")];
    let expected = print(&ordered, &sources, false);
    assert_eq!(print(&[find(1, "c"), find(0, "b"), find(0, "a")], &sources, false), expected);
}

#[test]
fn a_span_of_several_lines_shows_the_first_line() {
    let sources = [source("one.yaml", "a:\r\n  b: c\r\n  d: e\r\n")];
    let span = Span { source: 0, start: 0, end: sources[0].text.len() };
    let printed = print(&[Diagnostic::error(Code::NoGateway, span, "wrong")], &sources, false);
    assert_eq!(printed, "error[no-gateway]: wrong\n --> one.yaml:1:1\n  |\n1 | a:\n  | ^^\n\n");
}

#[test]
fn colour_is_optional() {
    let sources = [source("one.yaml", "a\n")];
    let finding = [Diagnostic::error(Code::NoGateway, at(&sources, 0, "a"), "wrong").hint("fix it")];
    assert!(print(&finding, &sources, true).contains('\u{1b}'));
    assert!(!print(&finding, &sources, false).contains('\u{1b}'));
}

#[test]
fn spans_at_the_end_of_a_text_have_a_place() {
    for text in ["", "\n", "a", "a\n", "\r\n"] {
        let sources = [source("one.yaml", text)];
        let span = Span { source: 0, start: text.len(), end: text.len() };
        let printed = print(&[Diagnostic::error(Code::NoGateway, span, "wrong")], &sources, false);
        assert!(printed.contains("--> one.yaml:"), "{text:?}: {printed}");
    }
}

#[test]
fn long_lines_are_not_shown() {
    let sources = [source("one.json", &format!("{{\n{}a\n}}", "ä".repeat(LONGEST)))];
    let printed = print(
        &[Diagnostic::error(Code::NoGateway, at(&sources, 0, "a"), "wrong").label("here")],
        &sources,
        false,
    );
    assert_eq!(printed, "error[no-gateway]: wrong\n--> one.json:2:4001\n = note: here\n\n");
}

#[test]
fn control_characters_of_a_source_do_not_reach_the_terminal() {
    let sources = [source("one.yaml", "a: \u{1b}[31m\u{202e}\n")];
    let finding = Diagnostic::error(Code::NoGateway, at(&sources, 0, "a"), "\u{1b}[31m").hint("\u{1b}[31m");
    assert!(!print(&[finding], &sources, false).contains('\u{1b}'));
}
